"""Looking for a clock that was set.

Owns `step`, which compares wall and monotonic time, and its loop. Rule: the clocks as seen are
remembered often enough that a clock set backwards between two runs shows. Leaves out what a step
means (`rules`) and keeping it (`keeper`).
"""

from __future__ import annotations

from typing import Final

from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import FederationError
from lpse.federation.limits import CLOCK_SEEN_SECONDS
from lpse.runtime.clock import Clock
from regional_node.clock.keeper import ClockKeeper

STEP_SECONDS: Final = 1.0


class ClockWorker:
    """See the module's first lines."""

    def __init__(self, keeper: ClockKeeper, log: FilteringBoundLogger) -> None:
        self._keeper = keeper
        self._log = log
        self._kept_at: float | None = None

    async def step(self, monotonic: float) -> bool:
        """Look once; whether the clock was found set."""
        due = self._kept_at is None or monotonic - self._kept_at >= CLOCK_SEEN_SECONDS
        stepped = await self._keeper.look(keep=due)
        if due or stepped:
            self._kept_at = monotonic
        return stepped

    async def run(self, clock: Clock) -> None:
        """Step for ever."""
        while True:
            try:
                await self.step(clock.monotonic())
            except FederationError as error:
                self._log.warning("clock.not_kept", code=error.code)
            await clock.sleep(STEP_SECONDS)
