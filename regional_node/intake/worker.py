"""Judging by the clock: verdicts are noted once a deadline has passed outside any hold.

Owns `step`, which looks for packages with unjudged uploads, and its loop. Rule: one verdict per
upload and schedule revision, never before the effective deadline (Invariant 6); a package that
fails does not keep the others waiting (Invariant 10). Leaves out the verdict itself (`rules`).
"""

from __future__ import annotations

from typing import Final

from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import FederationError
from lpse.federation.receipts import Moment
from lpse.runtime.clock import Clock
from regional_node.intake.opening_store import OpeningStore
from regional_node.intake.ports import Moments

STEP_SECONDS: Final = 1.0


class JudgingWorker:
    """See the module's first lines."""

    def __init__(self, store: OpeningStore, moments: Moments, log: FilteringBoundLogger) -> None:
        self._store = store
        self._moments = moments
        self._log = log

    async def step(self, now: Moment) -> int:
        """Judge what can certainly be judged `now`; how many verdicts were written."""
        judged = 0
        for package in await self._store.packages_to_judge(now):
            try:
                while count := await self._store.judge(package, now):
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
                await self.step(self._moments.moment())
            except FederationError as error:
                self._log.warning("judging.failed", code=error.code)
            await clock.sleep(STEP_SECONDS)
