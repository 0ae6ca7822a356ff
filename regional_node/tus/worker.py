"""Files that nobody submits end by themselves.

Owns `step`, which ends what has expired or whose grant was revoked, and its loop. Rule: expiry goes
by legal time, as grants do; a file that cannot be ended now is tried again at the next step. Leaves
out how a file ends (`ending`).
"""

from __future__ import annotations

from datetime import datetime

from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import FederationError
from lpse.federation.limits import EXPIRY_STEP_SECONDS
from lpse.runtime.clock import Clock
from regional_node.tus.files import Files


class ExpiryWorker:
    """See the module's first lines."""

    def __init__(self, files: Files, log: FilteringBoundLogger) -> None:
        self._files = files
        self._log = log

    async def step(self, now: datetime) -> int:
        """End what is due at legal time `now`; how many files that were."""
        return await self._files.expire(now)

    async def run(self, clock: Clock) -> None:
        """Step for ever."""
        while True:
            try:
                await self.step(clock.now())
            except FederationError as error:
                self._log.warning("expiry.failed", code=error.code)
            await clock.sleep(EXPIRY_STEP_SECONDS)
