"""Half-open intervals in UTC and the local dates they touch."""

import itertools
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.intervals import (
    INDONESIAN_ZONES,
    Interval,
    IntervalError,
    day_interval,
    indonesian_zone,
    total_duration,
    touched_dates,
    union,
)

JAKARTA = ZoneInfo("Asia/Jakarta")
JAYAPURA = ZoneInfo("Asia/Jayapura")
BASE = datetime(2015, 3, 27, tzinfo=UTC)


def at(hour: float) -> datetime:
    return BASE + timedelta(hours=hour)


def span(start: float, end: float | None) -> Interval:
    return Interval(at(start), None if end is None else at(end))


spans = st.tuples(st.integers(0, 200), st.integers(0, 60) | st.none()).map(
    lambda pair: span(pair[0], None if pair[1] is None else pair[0] + pair[1])
)


def test_times_are_kept_in_utc() -> None:
    """The same moments in other zones are the same interval."""
    local = Interval(at(0).astimezone(JAKARTA), at(5).astimezone(JAYAPURA))
    assert local == span(0, 5)
    assert local.start.tzinfo is UTC


def test_end_belongs_to_what_comes_after() -> None:
    """The start lies inside, the end does not; touching intervals share no moment."""
    assert span(1, 2).holds(at(1))
    assert not span(1, 2).holds(at(2))
    assert not span(1, 2).intersects(span(2, 3))
    assert not span(2, 3).intersects(span(1, 2))
    assert span(1, 3).intersects(span(2, 4))


def test_open_interval_reaches_every_later_moment() -> None:
    """An interval without end meets whatever ends after its start, until it is closed."""
    assert span(1, None).intersects(span(500, 501))
    assert not span(1, None).intersects(span(0, 1))
    assert span(1, None).closed_at(at(4)) == span(1, 4)
    assert span(1, None).closed_at(at(0)) == span(1, 1)
    assert span(1, 9).closed_at(at(4)) == span(1, 9)


def test_empty_interval_meets_nothing() -> None:
    """An interval that ends where it starts holds no moment, not even its own."""
    assert span(2, 2).is_empty
    assert not span(2, 2).holds(at(2))
    assert not span(2, 2).intersects(span(1, 3))
    assert not span(1, 3).intersects(span(2, 2))


def test_cutting_at_a_moment() -> None:
    """What lies before the moment is left out; nothing left is None."""
    assert span(1, 5).from_moment(at(3)) == span(3, 5)
    assert span(3, 5).from_moment(at(1)) == span(3, 5)
    assert span(1, 3).from_moment(at(3)) is None


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (datetime(2015, 3, 27), None, "FED-4020"),
        (at(1), datetime(2015, 3, 27, 5), "FED-4020"),
        (at(2), at(1), "FED-4021"),
        (datetime(1999, 12, 31, tzinfo=UTC), None, "FED-4022"),
        (at(1), datetime(2200, 1, 1, tzinfo=UTC), "FED-4022"),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-9))), None, "FED-4022"),
    ],
)
def test_wrong_times_are_refused(start: datetime, end: datetime | None, code: str) -> None:
    """A time without zone, an end before the start and an impossible year have their own codes."""
    with pytest.raises(IntervalError) as caught:
        Interval(start, end)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "name", ["UTC", "Asia/Singapore", "WIB", "", "../etc/passwd", "asia/jakarta"]
)
def test_only_the_zones_of_indonesia(name: str) -> None:
    """A zone that no node is in is refused, and no file is looked for under its name."""
    with pytest.raises(IntervalError) as caught:
        indonesian_zone(name)
    assert caught.value.code == "FED-4023"


def test_midnight_end_does_not_touch_the_new_date() -> None:
    """24.00 belongs to the next date, so an outage that ends there does not touch it."""
    midnight = datetime(2015, 3, 28, tzinfo=JAKARTA)
    evening = midnight - timedelta(hours=2)
    assert touched_dates([Interval(evening, midnight)], JAKARTA) == {date(2015, 3, 27)}
    late = midnight + timedelta(microseconds=1)
    assert touched_dates([Interval(evening, late)], JAKARTA) == {
        date(2015, 3, 27),
        date(2015, 3, 28),
    }
    assert touched_dates([Interval(midnight, midnight)], JAKARTA) == frozenset()


def test_dates_are_those_of_the_zone() -> None:
    """One outage of two hours touches one date in the west and two in the east."""
    outage = [span(14, 16)]  # 14.00-16.00 UTC
    assert touched_dates(outage, JAKARTA) == {date(2015, 3, 27)}
    assert touched_dates(outage, JAYAPURA) == {date(2015, 3, 27), date(2015, 3, 28)}


@pytest.mark.parametrize("name", INDONESIAN_ZONES)
def test_civil_dates_are_read_in_each_nodes_own_zone(name: str) -> None:
    """A declaration by date touches exactly its dates wherever it is read; its moments differ."""
    zone = ZoneInfo(name)
    interval = day_interval(date(2015, 3, 27), date(2015, 3, 31), zone)
    assert touched_dates([interval], zone) == {date(2015, 3, day) for day in (27, 28, 29, 30)}
    assert interval.duration() == timedelta(days=4)
    assert interval.start == datetime(2015, 3, 27, tzinfo=zone)
    assert day_interval(date(2015, 3, 27), None, zone).end is None


@given(st.lists(spans, max_size=8))
def test_union_is_disjoint_ordered_and_covers_the_same_moments(intervals: list[Interval]) -> None:
    """A moment lies in the union exactly if it lies in one of the intervals."""
    merged = union(intervals)
    for earlier, later in itertools.pairwise(merged):
        assert earlier.end is not None and earlier.end < later.start
    for hour in range(270):
        moment = at(hour + 0.5)
        assert any(i.holds(moment) for i in merged) == any(i.holds(moment) for i in intervals)


@given(st.lists(spans, max_size=8))
def test_union_of_a_union_is_itself(intervals: list[Interval]) -> None:
    """Merging again changes nothing, nor does repeating an interval."""
    assert union(union(intervals)) == union(intervals) == union(intervals * 2)


@given(st.lists(spans, max_size=6))
def test_total_duration_counts_each_moment_once(intervals: list[Interval]) -> None:
    """The union's elapsed time is the number of hours that any interval covers."""
    closed = [interval.closed_at(at(250)) for interval in intervals]
    covered = [h for h in range(300) if any(i.holds(at(h + 0.5)) for i in closed)]
    assert total_duration(union(closed)) == timedelta(hours=len(covered))


@given(spans, spans)
def test_intersection_is_symmetric(one: Interval, other: Interval) -> None:
    """Both orders give the same part, and it lies inside both."""
    part = one.intersection(other)
    assert part == other.intersection(one)
    if part is not None:
        assert part.intersection(one) == part == part.intersection(other)
