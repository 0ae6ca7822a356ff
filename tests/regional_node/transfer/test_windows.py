"""Limits of the link: windows of the week, the bucket, and what stays free for control."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.errors import Refused
from lpse.federation.limits import MIB
from regional_node.areas import road_plan
from regional_node.config import read
from regional_node.transfer.windows import DAYS, MINUTES_PER_DAY, Bucket, Plan, Window

ZONES = ["Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura"]
MONDAY = datetime(2026, 11, 23, tzinfo=ZoneInfo("Asia/Jakarta"))
OFFICE = Window(frozenset(range(5)), 8 * 60, 16 * 60, 500)
NIGHT = Window(frozenset({4}), 22 * 60, 6 * 60, 8_000)  # Friday to Saturday
minutes = st.integers(0, MINUTES_PER_DAY - 1)
windows = st.builds(
    Window, st.frozensets(st.integers(0, 6), min_size=1), minutes, minutes, st.integers(0, 90_000)
)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of that week; 0 is Monday."""
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


def test_window_holds_from_its_first_to_before_its_last_minute() -> None:
    """A window is half-open, and only its days have it."""
    plan = Plan((OFFICE,), 2_000)
    assert [plan.limit(at(0, 7, 59)), plan.limit(at(0, 8))] == [2_000, 500]
    assert [plan.limit(at(0, 15, 59)), plan.limit(at(0, 16))] == [500, 2_000]
    assert plan.limit(at(5, 12)) == 2_000


def test_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    """Friday night goes on into Saturday morning, and Thursday night has none."""
    plan = Plan((NIGHT,), None)
    assert [plan.limit(at(4, 23)), plan.limit(at(5, 5, 59))] == [8_000, 8_000]
    assert [plan.limit(at(5, 6)), plan.limit(at(4, 5)), plan.limit(at(5, 23))] == [None] * 3


def test_night_from_sunday_reaches_into_monday() -> None:
    """The week wraps round."""
    plan = Plan((Window(frozenset({6}), 23 * 60, 60, 7),), None)
    assert [plan.limit(at(0, 0, 30)), plan.limit(at(0, 1))] == [7, None]


def test_equal_ends_are_a_whole_day() -> None:
    """A window from 08.00 to 08.00 lasts 24 hours."""
    plan = Plan((Window(frozenset({0}), 480, 480, 9),), None)
    assert [plan.limit(at(0, 8)), plan.limit(at(1, 7, 59)), plan.limit(at(1, 8))] == [9, 9, None]


@given(st.lists(windows, max_size=5), st.integers(0, 7 * MINUTES_PER_DAY))
def test_lowest_of_overlapping_windows_counts(given_windows: list[Window], minute: int) -> None:
    """However windows overlap, none is ever exceeded."""
    local = MONDAY + timedelta(minutes=minute)
    limit = Plan(tuple(given_windows), 100_000).limit(local)
    holding = [one.kbit_per_second for one in given_windows if one.contains(local)]
    assert limit == (min(holding) if holding else 100_000)


@given(st.lists(windows, min_size=1, max_size=4), st.integers(0, 7 * MINUTES_PER_DAY))
def test_next_change_is_told_to_the_minute(given_windows: list[Window], minute: int) -> None:
    """Until the told moment the limit stays, and at it another one holds."""
    plan, local = Plan(tuple(given_windows), 100_001), MONDAY + timedelta(minutes=minute)
    until = plan.until(local)
    if until is None:
        assert all(
            plan.limit(local + timedelta(minutes=ahead)) == plan.limit(local)
            for ahead in range(0, 7 * MINUTES_PER_DAY, 7)
        )
        return
    assert plan.limit(until) != plan.limit(local)
    assert plan.limit(until - timedelta(minutes=1)) == plan.limit(local)


@pytest.mark.parametrize("zone", ZONES)
def test_windows_are_read_in_the_nodes_own_zone(zone: str) -> None:
    """Indonesian zones have no summer time: a window is the same every day of a year."""
    plan = Plan((Window(frozenset(range(7)), 8 * 60, 16 * 60, 5),), None)
    start = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone))
    for day in range(365):
        assert plan.limit(start + timedelta(days=day, hours=8)) == 5
        assert plan.limit(start + timedelta(days=day, hours=16)) is None


@given(st.integers(0, 10**8), st.integers(1, 10**8))
def test_control_always_has_room(limit: int, control: int) -> None:
    """Sealed bytes never get the whole of a limited road, and at least half of it."""
    plan = Plan((), limit, control)
    bulk = plan.bulk_bytes(MONDAY)
    assert bulk is not None and bulk <= limit * 125
    assert limit < 2 or bulk < limit * 125
    assert bulk >= limit * 125 / 2


@given(
    st.lists(st.tuples(st.integers(1, MIB), st.floats(0, 30)), min_size=1, max_size=60),
    st.floats(500, 10**7),
)
def test_bucket_never_lets_more_through_than_the_rate(
    pieces: list[tuple[int, float]], rate: float
) -> None:
    """Over any time at most the rate, one second of it, and the piece sent on credit."""
    bucket, clock, sent, largest = Bucket(as_of_seconds=0.0), 0.0, 0, 0
    for size, pause in pieces:
        clock += pause
        bucket, wait = bucket.take(size, rate, clock)
        if wait:
            clock += wait
            bucket, again = bucket.take(size, rate, clock)
            if again:
                continue
        sent, largest = sent + size, max(largest, size)
        assert sent <= rate * (clock + 1) + largest + 1


def test_bucket_lets_the_whole_rate_through() -> None:
    """Waiting exactly as told loses nothing of the limit."""
    bucket, clock, sent = Bucket(), 0.0, 0
    while clock < 100:
        bucket, wait = bucket.take(16_384, 8_000, clock)
        clock += wait
        sent += 0 if wait else 16_384
    assert sent >= 0.98 * 8_000 * 100


def test_windows_come_from_the_configuration(tmp_path: Path) -> None:
    """TOML tables become windows; a closed one is 0, and wrong ones are refused by name."""
    file = tmp_path / "node.toml"
    file.write_text(
        "[link]\nkbit_per_second = 4000\n"
        '[[link.windows]]\ndays = ["mon", "fri"]\nfrom = "08:00"\nto = "16:30"\n'
        "kbit_per_second = 0\n"
        "[[link.windows]]\nfrom = 22:00:00\nto = 06:00:00\nkbit_per_second = 9000\n"
    )
    plan = road_plan(read({}, file=file, flags={}).settings)
    day, night = plan.windows
    assert (day.days, day.start_minute, day.end_minute) == (frozenset({0, 4}), 480, 990)
    assert night.days == frozenset(range(len(DAYS))) and night.kbit_per_second == 9_000
    assert (plan.otherwise, plan.bulk_bytes(at(0, 9))) == (4_000, 0.0)
    file.write_text('[[link.windows]]\nfrom = "25:00"\nto = "06:00"\nkbit_per_second = 1\n')
    with pytest.raises(Refused) as refused:
        read({}, file=file, flags={})
    assert refused.value.code == "FED-8003"
