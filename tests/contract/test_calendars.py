"""Working days: weekends, holidays, collective leave, regional additions, revisions."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.calendars import (
    Calendar,
    CalendarConflict,
    CalendarError,
    CalendarRevision,
    DayOff,
    merge_revisions,
    on_date,
    parse_calendar,
)
from lpse.federation.documents import DocumentError

EASTER = Calendar(
    holidays=frozenset({date(2015, 4, 3)}),
    collective_leave=frozenset({date(2015, 4, 6)}),
    regional=frozenset({date(2015, 4, 7)}),
)


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2015, 4, 2), None),
        (date(2015, 4, 3), DayOff.NATIONAL_HOLIDAY),
        (date(2015, 4, 4), DayOff.WEEKEND),
        (date(2015, 4, 5), DayOff.WEEKEND),
        (date(2015, 4, 6), DayOff.COLLECTIVE_LEAVE),
        (date(2015, 4, 7), DayOff.REGIONAL_HOLIDAY),
        (date(2015, 4, 8), None),
    ],
)
def test_every_day_off_has_its_reason(day: date, reason: DayOff | None) -> None:
    """A working day is one without a reason to be off."""
    assert EASTER.day_off(day) is reason
    assert EASTER.is_working_day(day) == (reason is None)


def test_rolling_passes_over_every_kind_of_day_off() -> None:
    """From Good Friday the next working day is after weekend, leave and regional holiday."""
    assert EASTER.roll_forward(date(2015, 4, 3)) == date(2015, 4, 8)
    assert EASTER.roll_forward(date(2015, 4, 2)) == date(2015, 4, 2)


def test_adding_working_days() -> None:
    """Zero stays, also on a day off; each further day is a working one."""
    assert EASTER.add_working_days(date(2015, 4, 4), 0) == date(2015, 4, 4)
    assert EASTER.add_working_days(date(2015, 4, 4), 1) == date(2015, 4, 8)
    assert EASTER.add_working_days(date(2015, 4, 2), 2) == date(2015, 4, 9)


def test_calendar_without_working_days_is_refused_where_it_is_used() -> None:
    """A calendar that lists a whole year ends in an error, not in an endless search."""
    year = frozenset(date(2015, 1, 1) + timedelta(days=n) for n in range(800))
    with pytest.raises(CalendarError) as caught:
        Calendar(holidays=year).roll_forward(date(2015, 3, 1))
    assert caught.value.code == "FED-4030"


def test_highest_revision_of_a_year_counts_whole() -> None:
    """A revision replaces the year's earlier one in any order and leaves other years alone."""
    first = CalendarRevision(2015, 1, frozenset({date(2015, 4, 3)}), frozenset({date(2015, 7, 16)}))
    second = CalendarRevision(2015, 2, frozenset({date(2015, 4, 3), date(2015, 5, 1)}))
    other = CalendarRevision(2016, 1, frozenset({date(2016, 1, 1)}))
    for revisions in ([first, second, other], [other, second, first, first]):
        calendar = merge_revisions(revisions)
        assert calendar.holidays == second.holidays | other.holidays
        assert calendar.collective_leave == frozenset()


def test_regional_additions_apply_to_their_province_only() -> None:
    """A province adds days off; it cannot take a national one away."""
    national = CalendarRevision(2015, 1, frozenset({date(2015, 4, 3)}))
    bali = CalendarRevision(2015, 1, frozenset({date(2015, 3, 23)}), province="ID-BA")
    assert merge_revisions([national, bali], "ID-BA").day_off(date(2015, 3, 23)) is (
        DayOff.REGIONAL_HOLIDAY
    )
    assert merge_revisions([national, bali], "ID-BA").is_working_day(date(2015, 4, 3)) is False
    assert merge_revisions([national, bali], "ID-JI").is_working_day(date(2015, 3, 23))
    assert merge_revisions([national, bali]).is_working_day(date(2015, 3, 23))


def test_two_calendars_with_one_revision_number_are_a_conflict() -> None:
    """The same revision twice is harmless; two different ones are refused."""
    one = CalendarRevision(2015, 1, frozenset({date(2015, 4, 3)}))
    two = CalendarRevision(2015, 1, frozenset({date(2015, 4, 4)}))
    assert merge_revisions([one, one]).holidays == one.holidays
    with pytest.raises(CalendarConflict) as caught:
        merge_revisions([one, two])
    assert caught.value.code == "FED-4031"


def test_document_is_read() -> None:
    """Holidays and collective leave are lists of civil dates; a missing list is empty."""
    calendar = parse_calendar({"holidays": ["2015-04-03"], "collective_leave": ["2015-07-16"]})
    assert calendar == Calendar(frozenset({date(2015, 4, 3)}), frozenset({date(2015, 7, 16)}))
    assert parse_calendar({"holidays": []}) == Calendar()
    assert calendar.lists_year(2015) and not calendar.lists_year(2016)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ([], "FED-4001"),
        ({"holiday": []}, "FED-4002"),
        ({"holidays": "2015-04-03"}, "FED-4001"),
        ({"holidays": ["2015-02-30"]}, "FED-4001"),
        ({"holidays": ["2015-4-3"]}, "FED-4001"),
        ({"holidays": ["20150403"]}, "FED-4001"),
        ({"holidays": [20150403]}, "FED-4001"),
        ({"holidays": ["\u0662015-04-03"]}, "FED-4001"),
        ({"holidays": ["2015-04-03"] * 20_001}, "FED-4004"),
    ],
)
def test_wrong_documents_are_refused(document: object, code: str) -> None:
    """What is not understood is refused with a code, never ignored."""
    with pytest.raises(DocumentError) as caught:
        parse_calendar(document)
    assert caught.value.code == code


@given(st.dates(date(2014, 1, 1), date(2016, 1, 1)), st.integers(0, 40))
def test_added_working_days_are_the_working_days_between(day: date, count: int) -> None:
    """Exactly `count` working days lie after the day up to and with the result."""
    end = EASTER.add_working_days(day, count)
    between = [day + timedelta(days=n) for n in range(1, (end - day).days + 1)]
    assert sum(EASTER.is_working_day(other) for other in between) == count


def test_same_local_time_on_another_date() -> None:
    """Moving to another date keeps the local time of day, not the UTC one."""
    zone = ZoneInfo("Asia/Jayapura")
    early = datetime(2015, 3, 27, 1, 30, tzinfo=zone).astimezone(UTC)  # 26 March in UTC
    moved = on_date(early, date(2015, 4, 6), zone)
    assert moved == datetime(2015, 4, 6, 1, 30, tzinfo=zone)
    assert moved.tzinfo is UTC
