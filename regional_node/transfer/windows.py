"""How much of the link sealed bytes may use: windows of the week, the bucket, the control's share.

Owns the arithmetic; everything here is pure. Rules: a window belongs to the day on which it begins
and may end after midnight; equal ends mean the whole day; where windows overlap the lowest limit
counts; part of a limited road always stays free for entries and heartbeats. Leaves out waiting
(`road`) and which zone a node lives in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from lpse.federation.limits import ROAD_BURST_SECONDS, ROAD_CONTROL_SHARE_MAX

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_PER_DAY: Final = 1_440
_LOOK_AHEAD_DAYS: Final = 8


@dataclass(frozen=True, slots=True)
class Window:
    """Days of the week (0 is Monday), minutes of the local day, and the limit in kbit/s."""

    days: frozenset[int]
    start_minute: int
    end_minute: int
    kbit_per_second: int

    @property
    def minutes(self) -> int:
        """How long it lasts; a whole day where both ends are equal."""
        return (self.end_minute - self.start_minute) % MINUTES_PER_DAY or MINUTES_PER_DAY

    def contains(self, local: datetime) -> bool:
        """Whether it holds at this local time, begun today or yesterday."""
        minute = local.hour * 60 + local.minute
        today, yesterday = local.weekday(), (local.weekday() - 1) % 7
        since_today = minute - self.start_minute
        since_yesterday = since_today + MINUTES_PER_DAY
        return (today in self.days and 0 <= since_today < self.minutes) or (
            yesterday in self.days and since_yesterday < self.minutes
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """The windows of a node and what holds outside them; None means no limit."""

    windows: tuple[Window, ...] = ()
    otherwise: int | None = None
    control_kbit_per_second: int = 32

    def limit(self, local: datetime) -> int | None:
        """kbit/s that hold at this local time."""
        holding = [one.kbit_per_second for one in self.windows if one.contains(local)]
        return min(holding) if holding else self.otherwise

    def control(self, limit: int) -> int:
        """kbit/s of a limit that sealed bytes leave free."""
        return min(self.control_kbit_per_second, int(limit * ROAD_CONTROL_SHARE_MAX))

    def bulk_bytes(self, local: datetime) -> float | None:
        """Bytes a second that sealed bytes may use now; None without a limit."""
        limit = self.limit(local)
        return None if limit is None else (limit - self.control(limit)) * 1_000 / 8

    def until(self, local: datetime) -> datetime | None:
        """When another limit begins to hold; None if never."""
        present = self.limit(local)
        for moment in sorted(set(self._edges(local))):
            if moment > local and self.limit(moment) != present:
                return moment
        return None

    def _edges(self, local: datetime) -> Sequence[datetime]:
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return [
            midnight + timedelta(days=day, minutes=minute)
            for day in range(_LOOK_AHEAD_DAYS + 1)
            for window in self.windows
            for minute in (window.start_minute, window.end_minute)
        ]


@dataclass(frozen=True, slots=True)
class Bucket:
    """What may be sent at once; a piece larger than that is sent on credit and paid off after."""

    level_bytes: float = 0.0
    as_of_seconds: float = 0.0

    def take(self, size: int, rate_bytes: float, now_seconds: float) -> tuple[Bucket, float]:
        """The bucket afterwards, and seconds to wait where nothing could be taken yet."""
        passed = max(now_seconds - self.as_of_seconds, 0.0)
        level = min(self.level_bytes + passed * rate_bytes, rate_bytes * ROAD_BURST_SECONDS)
        if level <= -1:  # less than a byte is a matter of rounding
            return Bucket(level, now_seconds), -level / rate_bytes
        return Bucket(level - size, now_seconds), 0.0
