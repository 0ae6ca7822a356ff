"""A machine whose right time, wall clock, monotonic clock and boots are driven by a test.

Leaves out every assertion.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2015, 3, 26, 1, 0, tzinfo=UTC)


class DrivenMachine:
    """A `Clock`; `right` is the centre's time, which the machine itself never sees."""

    def __init__(self, start: datetime = START, *, drift_ppm: float = 0.0) -> None:
        self.right = start
        self.legal_offset = timedelta()
        self._wall = start
        self._monotonic = 1_000.0
        self._boot = 1
        self._rate = 1 + drift_ppm * 1e-6

    def now(self) -> datetime:
        return self._wall + self.legal_offset

    def wall(self) -> datetime:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def boot_id(self) -> str:
        return f"boot-{self._boot}"

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let the right time pass; the machine's clocks run at their own rate."""
        self.right += timedelta(seconds=seconds)
        self._wall += timedelta(seconds=seconds * self._rate)
        self._monotonic += seconds * self._rate

    def set_wall(self, seconds: float) -> None:
        """Somebody sets the wall clock by so much."""
        self._wall += timedelta(seconds=seconds)

    def reboot(self, seconds: float = 60.0) -> None:
        """Off for a while: the hardware clock goes on, monotonic time begins again."""
        self.advance(seconds)
        self._boot += 1
        self._monotonic = 5.0
