"""Judging by the clock: verdicts are noted once a deadline has passed outside any hold.

Owns `step`, which looks for packages with unjudged uploads, and its loop. Rule: one verdict per
upload and schedule revision, never before the effective deadline (Invariant 6); a package that
fails does not keep the others waiting (Invariant 10). Leaves out the verdict itself (`rules`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import FederationError
from lpse.runtime.clock import Clock
from regional_node.intake.opening_store import OpeningStore
from regional_node.intake.ports import ClockError

STEP_SECONDS: Final = 1.0


class JudgingWorker:
    """See the module's first lines."""

    def __init__(
        self, store: OpeningStore, clock_error: ClockError, log: FilteringBoundLogger
    ) -> None:
        self._store = store
        self._clock_error = clock_error
        self._log = log

    async def step(self, now: datetime) -> int:
        """Judge what can be judged at legal time `now`; how many verdicts were written."""
        error_seconds = self._clock_error.error_seconds()
        judged = 0
        for package in await self._store.packages_to_judge(now, error_seconds):
            try:
                while count := await self._store.judge(package, now, error_seconds):
                    judged += count
            except FederationError as error:
                self._log.warning("judging.failed", code=error.code)
        if judged:
            self._log.info("judging.done")  # how many would count the bids of a package
        return judged

    async def run(self, clock: Clock) -> None:
        """Step for ever."""
        while True:
            try:
                await self.step(clock.now())
            except FederationError as error:
                self._log.warning("judging.failed", code=error.code)
            await clock.sleep(STEP_SECONDS)
