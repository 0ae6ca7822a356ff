"""Looks whether what restored entries wait for has come: keys at the start, national entries later.

Rule: a look costs nothing while nothing waits and nothing came. Leaves out what is done with them
(`completion`).
"""

from __future__ import annotations

from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import FederationError
from lpse.federation.limits import RESTORE_LOOK_SECONDS
from lpse.runtime.clock import Clock
from regional_node.recovery.restoring.completion import Completion


class RestoringWorker:
    """`national_size` tells when rule sets may have come that packages wait for."""

    def __init__(
        self, completion: Completion, national_size: Callable[[], int], log: FilteringBoundLogger
    ) -> None:
        self._completion = completion
        self._national_size = national_size
        self._log = log
        self._seen = -1

    async def step(self) -> bool:
        """Look once; False where nothing can have changed."""
        size = self._national_size()
        if size == self._seen:
            return False
        if self._seen < 0:
            await self._completion.open_again()
        await self._completion.retry()
        self._seen = size
        return True

    async def run(self, clock: Clock) -> None:
        """Look for ever."""
        while True:
            try:
                await self.step()
            except FederationError as error:
                self._log.warning("restoring.postponed", code=error.code)
            await clock.sleep(RESTORE_LOOK_SECONDS)
