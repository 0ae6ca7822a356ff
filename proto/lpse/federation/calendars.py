"""Working days: weekends, national holidays, collective leave (cuti bersama), regional additions.

A calendar is data: published by the centre year by year, signed and revisable, with additions for
a province. The highest revision of a year counts whole; revisions are never mixed. A day is a
working day unless it is a Saturday, a Sunday or listed. A calendar cannot know what it does not
list, so `lists_year` lets a caller warn. Leaves out which ends must fall on a working day: the
rule set says that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from lpse.federation import documents
from lpse.federation.errors import Conflict, Refused
from lpse.federation.limits import CALENDAR_DAYS_MAX, ROLL_DAYS_MAX

_FRIDAY = 4


class CalendarError(Refused):
    """The calendar leaves no working day where one is needed (FED-4030)."""


class CalendarConflict(Conflict):
    """Two different calendars claim to be the same revision of the same year (FED-4031)."""


class DayOff(StrEnum):
    """Why a day is no working day."""

    WEEKEND = "WEEKEND"
    NATIONAL_HOLIDAY = "NATIONAL_HOLIDAY"
    COLLECTIVE_LEAVE = "COLLECTIVE_LEAVE"
    REGIONAL_HOLIDAY = "REGIONAL_HOLIDAY"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days off that apply at one place; Saturdays and Sundays need not be listed."""

    holidays: frozenset[date] = frozenset()
    collective_leave: frozenset[date] = frozenset()
    regional: frozenset[date] = frozenset()

    def is_working_day(self, day: date) -> bool:
        """Monday to Friday and not listed."""
        return self.day_off(day) is None

    def day_off(self, day: date) -> DayOff | None:
        """Why nobody works on `day`; a listed day says more than a weekend. None: they do."""
        if day in self.holidays:
            return DayOff.NATIONAL_HOLIDAY
        if day in self.collective_leave:
            return DayOff.COLLECTIVE_LEAVE
        if day in self.regional:
            return DayOff.REGIONAL_HOLIDAY
        return DayOff.WEEKEND if day.weekday() > _FRIDAY else None

    def lists_year(self, year: int) -> bool:
        """Whether any day of that year is listed; if not, its holidays are simply unknown."""
        days = self.holidays | self.collective_leave | self.regional
        return any(day.year == year for day in days)

    def roll_forward(self, day: date) -> date:
        """`day` itself if it is a working day, otherwise the next one."""
        return day if self.is_working_day(day) else self._next_working_day(day)

    def add_working_days(self, day: date, count: int) -> date:
        """The `count`-th working day after `day`; `day` itself for 0."""
        for _ in range(count):
            day = self._next_working_day(day)
        return day

    def _next_working_day(self, day: date) -> date:
        for distance in range(1, ROLL_DAYS_MAX + 1):
            candidate = day + timedelta(days=distance)
            if self.is_working_day(candidate):
                return candidate
        raise CalendarError(
            "FED-4030",
            f"the calendar has no working day in the {ROLL_DAYS_MAX} days after {day}",
            remedy="check the calendar's list of holidays",
        )


@dataclass(frozen=True, slots=True)
class CalendarRevision:
    """One publication: the days off of one year, for the country or for one province."""

    year: int
    revision: int
    holidays: frozenset[date] = frozenset()
    collective_leave: frozenset[date] = frozenset()
    province: str = ""


def merge_revisions(revisions: Iterable[CalendarRevision], province: str = "") -> Calendar:
    """The calendar of `province`: the newest revision of each year, national plus its own."""
    newest: dict[tuple[str, int], CalendarRevision] = {}
    for revision in revisions:
        if revision.province not in ("", province):
            continue
        key = (revision.province, revision.year)
        newest[key] = _newer(newest.get(key, revision), revision)
    national = [revision for revision in newest.values() if not revision.province]
    regional = [revision for revision in newest.values() if revision.province]
    return Calendar(
        holidays=frozenset().union(*(revision.holidays for revision in national)),
        collective_leave=frozenset().union(*(item.collective_leave for item in national)),
        regional=frozenset().union(*(r.holidays | r.collective_leave for r in regional)),
    )


def parse_calendar(document: object) -> Calendar:
    """A calendar from `{"holidays": ["YYYY-MM-DD"], "collective_leave": [...]}`."""
    keys = ("holidays", "collective_leave")
    fields = documents.as_object(document, "calendar", (), keys)
    holidays, leave = (_days(fields.get(key, []), f"calendar.{key}") for key in keys)
    return Calendar(holidays, leave)


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    """The civil date of `moment` in `zone`."""
    return moment.astimezone(zone).date()


def on_date(moment: datetime, day: date, zone: ZoneInfo) -> datetime:
    """The moment with the same local time of day as `moment`, on the civil date `day`."""
    clock = moment.astimezone(zone).time()
    return datetime.combine(day, clock, zone).astimezone(moment.tzinfo)


def _newer(one: CalendarRevision, other: CalendarRevision) -> CalendarRevision:
    """The higher revision; two different ones with the same number are a conflict."""
    if one.revision == other.revision and one != other:
        place = one.province or "the country"
        raise CalendarConflict(
            "FED-4031",
            f"two different calendars are revision {one.revision} of {one.year} for {place}",
            remedy="publish a new revision",
        )
    return max(one, other, key=lambda revision: revision.revision)


def _days(value: object, where: str) -> frozenset[date]:
    """A list of civil dates; a date listed twice is one day off."""
    items: Sequence[object] = documents.as_list(value, where, items_max=CALENDAR_DAYS_MAX)
    return frozenset(documents.as_date(item, f"{where}[{n}]") for n, item in enumerate(items))
