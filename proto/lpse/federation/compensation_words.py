"""Dates, times and durations as the printed arithmetic writes them, in English and Indonesian.

The arithmetic is part of a signed record and must read the same everywhere, so its words are fixed
here and depend on no locale, catalogue or library version. A time always names its zone (`Jum, 27
Mar 2015 10.00 WIB`), a duration is given both ways (`3 hari 8 jam (80 jam)`). Leaves out screens
and letters, which have their own catalogues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from lpse.federation.calendars import DayOff

# More dates than this are shortened in a sentence; the record lists all of them beside it.
_DATES_SHOWN_MAX = 31


@dataclass(frozen=True, slots=True)
class Language:
    """The words of one language; every plural is a pair (one, many)."""

    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    units: tuple[tuple[str, str], ...]  # days, hours, minutes, seconds
    days_off: dict[DayOff, str]
    and_more: str
    clock_mark: str  # between hours and minutes: 10.00 in Indonesian, 10:00 in English

    def day(self, day: date) -> str:
        """`Jum, 27 Mar 2015`."""
        return f"{self.weekdays[day.weekday()]}, {day.day} {self.month(day)}"

    def month(self, day: date) -> str:
        """`Mar 2015`."""
        return f"{self.months[day.month - 1]} {day.year}"

    def moment(self, moment: datetime, zone: ZoneInfo) -> str:
        """`Jum, 27 Mar 2015 10.00 WIB`; seconds only when there are any."""
        local = moment.astimezone(zone)
        parts = [f"{local:%H}", f"{local:%M}"]
        if local.second or local.microsecond:
            parts.append(f"{local:%S}")
        clock = self.clock_mark.join(parts)
        return f"{self.day(local.date())} {clock} {local.tzname()}"

    def dates(self, days: Sequence[date]) -> str:
        """`27, 28 Mar 2015, 1 Apr 2015`: the month once for the dates in it."""
        shown = days[:_DATES_SHOWN_MAX]
        parts = [
            ", ".join(str(day.day) for day in group) + f" {month}"
            for month, group in groupby(shown, self.month)
        ]
        hidden = len(days) - len(shown)
        return ", ".join(parts) + (f" {self.and_more.format(hidden)}" if hidden else "")

    def duration(self, span: timedelta) -> str:
        """`3 days 8 hours (80 hours)`; below one day without the brackets."""
        seconds = -(-span // timedelta(seconds=1))
        whole = self._parts(seconds, (86_400, 3_600, 60, 1), self.units)
        if seconds < 86_400:
            return whole
        return f"{whole} ({self._parts(seconds, (3_600, 60, 1), self.units[1:])})"

    def count(self, number: int, unit: int) -> str:
        """`1 day`, `4 days`; units are days 0, hours 1, minutes 2, seconds 3."""
        return f"{number} {self.units[unit][number != 1]}"

    def _parts(self, seconds: int, sizes: Sequence[int], units: Sequence[tuple[str, str]]) -> str:
        parts = []
        for size, (one, many) in zip(sizes, units, strict=True):
            number, seconds = divmod(seconds, size)
            if number:
                parts.append(f"{number} {one if number == 1 else many}")
        return " ".join(parts) or f"0 {units[-1][1]}"


ENGLISH = Language(
    weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    months=(
        "Jan",
        "Feb",
        "Mar",
        "Apr",
        "May",
        "Jun",
        "Jul",
        "Aug",
        "Sep",
        "Oct",
        "Nov",
        "Dec",
    ),
    units=(("day", "days"), ("hour", "hours"), ("minute", "minutes"), ("second", "seconds")),
    days_off={
        DayOff.WEEKEND: "weekend",
        DayOff.NATIONAL_HOLIDAY: "national holiday",
        DayOff.COLLECTIVE_LEAVE: "collective leave",
        DayOff.REGIONAL_HOLIDAY: "regional holiday",
    },
    and_more="and {} more",
    clock_mark=":",
)

INDONESIAN = Language(
    weekdays=("Sen", "Sel", "Rab", "Kam", "Jum", "Sab", "Min"),
    months=(
        "Jan",
        "Feb",
        "Mar",
        "Apr",
        "Mei",
        "Jun",
        "Jul",
        "Agu",
        "Sep",
        "Okt",
        "Nov",
        "Des",
    ),
    units=(("hari", "hari"), ("jam", "jam"), ("menit", "menit"), ("detik", "detik")),
    days_off={
        DayOff.WEEKEND: "akhir pekan",
        DayOff.NATIONAL_HOLIDAY: "libur nasional",
        DayOff.COLLECTIVE_LEAVE: "cuti bersama",
        DayOff.REGIONAL_HOLIDAY: "libur daerah",
    },
    and_more="dan {} lagi",
    clock_mark=".",
)
