"""The window of a declared outage: how it is read as a span, and how it is told to people.

Contract, because two readings would give two compensations: a window is by civil day (read in the
zone of the node that reads it) or by the minute, half-open, with or without an end. Leaves out to
whom a declaration applies (`desired_state`) and what follows from it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from lpse.federation.compensation_words import Language
from lpse.federation.errors import Refused
from lpse.federation.intervals import Interval, day_interval
from lpse.federation.limits import OUTAGE_DAYS_MAX
from lpse.federation.v1.directives_pb2 import OutageWindow

DAY = "day"
MINUTE = "minute"


class WindowError(Refused):
    """The window is no span of time (FED-4201)."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            "FED-4201",
            f"the window of the outage {problem}",
            remedy="give civil dates, or times by the minute; the end comes after the last moment",
        )


def window_interval(window: OutageWindow, zone: ZoneInfo) -> Interval:
    """The declared span at a place in `zone`; WindowError for one that is no span."""
    interval = _by_day(window, zone) if precision(window) == DAY else _by_minute(window)
    if interval.is_empty:
        raise WindowError("is empty")
    if interval.end and interval.duration() > timedelta(days=OUTAGE_DAYS_MAX):
        raise WindowError(f"is longer than {OUTAGE_DAYS_MAX} days")
    return interval


def precision(window: OutageWindow) -> str:
    """`day` or `minute`; WindowError for a window that is neither, or both."""
    by_day = bool(window.start_date or window.end_date)
    by_minute = window.HasField("start_time") or window.HasField("end_time")
    if by_day == by_minute:
        raise WindowError("is neither by day nor by minute")
    return DAY if by_day else MINUTE


def is_open(window: OutageWindow) -> bool:
    """Whether no end is known yet."""
    return not window.end_date and not window.HasField("end_time")


def window_text(window: OutageWindow, zone: ZoneInfo, words: Language) -> str:
    """`27–30 Mar 2015` by day (the last date is inside), or both times with their zone."""
    interval = window_interval(window, zone)
    if precision(window) == MINUTE:
        start = words.moment(interval.start, zone)
        return f"{start} –" + (f" {words.moment(interval.end, zone)}" if interval.end else " …")
    first = date.fromisoformat(window.start_date)
    if not window.end_date:
        return f"{first.day} {words.month(first)} – …"
    last = date.fromisoformat(window.end_date) - timedelta(days=1)
    if first == last:
        return f"{first.day} {words.month(first)}"
    if words.month(first) == words.month(last):
        return f"{first.day}–{last.day} {words.month(last)}"
    return f"{first.day} {words.month(first)} – {last.day} {words.month(last)}"


def _by_day(window: OutageWindow, zone: ZoneInfo) -> Interval:
    try:
        end = date.fromisoformat(window.end_date) if window.end_date else None
        first = date.fromisoformat(window.start_date)
    except ValueError as error:
        raise WindowError("has a date that is none") from error
    if end is not None and end <= first:
        raise WindowError("is empty")
    return day_interval(first, end, zone)


def _by_minute(window: OutageWindow) -> Interval:
    if not window.HasField("start_time"):
        raise WindowError("has no start")
    try:
        start = window.start_time.ToDatetime(tzinfo=UTC)
        end: datetime | None = None
        if window.HasField("end_time"):
            end = window.end_time.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise WindowError("has a time that is none") from error
    return Interval(start, end)
