"""Half-open spans of time [start, end) in UTC, and the civil dates of a zone that they touch.

An interval without an end is still open. The end belongs to what comes after: an outage that ends
at midnight does not touch the new date, and one that begins exactly at a deadline does not
intersect the stage that ends there. An interval whose start equals its end holds no moment at all,
so it intersects nothing. Only aware datetimes are accepted and all are kept in UTC, because Python
subtracts two times of one zone by the wall clock. Leaves out calendars and what a loss is worth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lpse.federation.errors import Refused
from lpse.federation.limits import SCHEDULE_YEAR_MAX, SCHEDULE_YEAR_MIN

# Western, central and eastern Indonesian time; none of them has daylight saving.
INDONESIAN_ZONES = ("Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura")


class IntervalError(Refused):
    """A time without a zone, outside the calendar, or an end before its start (FED-402x)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """[start, end) in UTC; `end` is None while it is still open."""

    start: datetime
    end: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", to_utc(self.start))
        if self.end is not None:
            object.__setattr__(self, "end", to_utc(self.end))
            if self.end < self.start:
                raise IntervalError(
                    "FED-4021",
                    f"the end {self.end.isoformat()} is before the start {self.start.isoformat()}",
                    remedy="exchange or correct the two times",
                )

    @property
    def is_empty(self) -> bool:
        """It begins and ends at the same moment, so no moment lies inside."""
        return self.start == self.end

    def holds(self, moment: datetime) -> bool:
        """Whether `moment` lies inside; the end itself does not."""
        return self.start <= moment and (self.end is None or moment < self.end)

    def intersects(self, other: Interval) -> bool:
        """Whether the two share any moment; touching ends share none."""
        return self.intersection(other) is not None

    def intersection(self, other: Interval) -> Interval | None:
        """What both cover, or None when they share no moment."""
        start = max(self.start, other.start)
        end = min((e for e in (self.end, other.end) if e is not None), default=None)
        return None if end is not None and end <= start else Interval(start, end)

    def from_moment(self, moment: datetime) -> Interval | None:
        """The part at and after `moment`, or None when nothing is left."""
        return self.intersection(Interval(moment, None))

    def closed_at(self, as_of: datetime) -> Interval:
        """An open interval read as if it ended at `as_of`; a closed one stays as it is."""
        if self.end is not None:
            return self
        return Interval(self.start, max(self.start, as_of))

    def duration(self) -> timedelta:
        """Elapsed time; only a closed interval has one."""
        assert self.end is not None, "an open interval has no duration"
        return self.end - self.start


def to_utc(moment: datetime) -> datetime:
    """The same moment in UTC; refuses a time without zone and years no schedule can have."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise IntervalError(
            "FED-4020",
            f"the time {moment.isoformat()} has no zone",
            remedy="write the offset, like 2015-03-27T10:00:00+07:00",
        )
    if not SCHEDULE_YEAR_MIN <= moment.year <= SCHEDULE_YEAR_MAX:
        raise IntervalError(
            "FED-4022",
            f"the time {moment.isoformat()} is not between {SCHEDULE_YEAR_MIN} "
            f"and {SCHEDULE_YEAR_MAX}",
            remedy="correct the year",
        )
    return moment.astimezone(UTC)


def indonesian_zone(name: str) -> ZoneInfo:
    """The zone of that name; only the four zones of Indonesia are schedules' zones."""
    if name not in INDONESIAN_ZONES:
        raise IntervalError(
            "FED-4023",
            f"{name[:64]!a} is not a time zone of Indonesia",
            remedy="use " + ", ".join(INDONESIAN_ZONES),
        )
    return ZoneInfo(name)


def day_interval(first: date, end_exclusive: date | None, zone: ZoneInfo) -> Interval:
    """Civil dates [first, end_exclusive) as they run in `zone`; no end date means still open.

    A declaration with precision `day` names dates, not moments: a node in Jayapura is down two
    hours earlier than one in Jakarta.
    """
    start = datetime.combine(first, time(), zone)
    end = None if end_exclusive is None else datetime.combine(end_exclusive, time(), zone)
    return Interval(start, end)


def union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Disjoint intervals, in order, that cover the same moments; touching ones become one."""
    merged: list[Interval] = []
    for interval in sorted(intervals, key=lambda item: item.start):
        if interval.is_empty:
            continue
        last = merged[-1] if merged else None
        if last is None or (last.end is not None and last.end < interval.start):
            merged.append(interval)
        else:
            merged[-1] = Interval(last.start, _later_end(last.end, interval.end))
    return tuple(merged)


def total_duration(disjoint: Iterable[Interval]) -> timedelta:
    """The elapsed time of closed intervals that do not overlap (see `union`)."""
    return sum((interval.duration() for interval in disjoint), timedelta())


def touched_dates(intervals: Iterable[Interval], zone: ZoneInfo) -> frozenset[date]:
    """The civil dates of `zone` on which at least one moment of a closed interval falls."""
    dates: set[date] = set()
    for interval in intervals:
        assert interval.end is not None, "an open interval touches dates nobody knows yet"
        if interval.is_empty:
            continue
        first = interval.start.astimezone(zone).date()
        # The last moment inside is the one just before the end: 24.00 belongs to the next date.
        last = (interval.end - datetime.resolution).astimezone(zone).date()
        dates.update(first + timedelta(days=n) for n in range((last - first).days + 1))
    return frozenset(dates)


def _later_end(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two ends; open is later than any."""
    return None if one is None or other is None else max(one, other)
