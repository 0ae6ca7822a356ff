"""The order of the queue: urgent by slack, small before large, and nobody waits for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.limits import (
    GIB,
    MIB,
    TRANSFER_AGED_SLICE_BYTES,
    TRANSFER_AGING_PICKS,
    TRANSFER_DEADLINE_GRAIN_SECONDS,
)
from regional_node.transfer.order import Waiting, picks, rank, takes_over

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
RATE = 64_000.0
hours = st.none() | st.floats(-100, 2_000)
sizes = st.integers(0, 4 * GIB)


def waiting(
    item: int, size: int = 1_000, hours_left: float | None = None, shuffle: int = 0
) -> Waiting:
    """A blob of the queue; its deadline is so many hours away."""
    deadline = None if hours_left is None else NOW + timedelta(hours=hours_left)
    return Waiting(item, size, size, deadline, shuffle)


def order(*candidates: Waiting) -> list[int]:
    """The items in the order of their first pick, without aging."""
    ranked = sorted(candidates, key=lambda one: rank(one, NOW, RATE))
    return [one.item for one in ranked]


def test_least_slack_goes_first() -> None:
    """A near deadline goes before a far one, and both before what has none, however old."""
    assert order(waiting(1), waiting(2, hours_left=30), waiting(3, hours_left=2)) == [3, 2, 1]


def test_slack_counts_the_time_that_the_bytes_need() -> None:
    """A large blob with the same deadline has to begin earlier."""
    large = waiting(2, size=800 * MIB, hours_left=10)  # 3.6 hours at 512 kbit/s
    assert order(waiting(1, hours_left=10), large) == [2, 1]


def test_past_far_and_unknown_deadlines_go_small_before_large() -> None:
    """Nothing is urgent about what is late already, far away, or without a deadline."""
    past = waiting(1, size=5_000, hours_left=-1)
    far = waiting(2, size=700, hours_left=24 * 30)
    unknown = waiting(3, size=90_000)
    assert order(past, far, unknown) == [2, 1, 3]


@given(st.lists(st.tuples(st.integers(0, 4 * MIB), st.integers(0, 1 << 30)), min_size=2))
def test_equal_deadlines_are_ordered_by_lot_alone(blobs: list[tuple[int, int]]) -> None:
    """Secrecy: inside one grain of deadlines neither age nor size shows where a package ends."""
    grain = TRANSFER_DEADLINE_GRAIN_SECONDS / 3_600
    candidates = [
        Waiting(item, size, 0, NOW + timedelta(hours=8 * grain), lot)
        for item, (size, lot) in enumerate(blobs)
    ]
    lots = [blobs[item][1] for item in order(*candidates)]
    assert lots == sorted(lots)


@given(st.lists(st.tuples(sizes, hours), min_size=1, max_size=40), st.integers(0, 1_000))
def test_picks_take_every_candidate_once(blobs: list[tuple[int, float | None]], begun: int) -> None:
    """However many are asked for, each goes once and every fourth is the oldest left."""
    candidates = [waiting(item, *one) for item, one in enumerate(blobs)]
    chosen = picks(candidates, begun, NOW, RATE, len(candidates) + 5)
    assert sorted(pick.waiting.item for pick in chosen) == list(range(len(blobs)))
    left = set(range(len(blobs)))
    for number, pick in enumerate(chosen, begun + 1):
        if number % TRANSFER_AGING_PICKS == 0:
            assert pick.aged and pick.waiting.item == min(left)
        left.remove(pick.waiting.item)


@given(
    st.lists(st.integers(0, 40 * MIB), min_size=1, max_size=6),
    st.integers(0, 100),
    st.integers(0, 5),
)
def test_nothing_starves_behind_endless_urgent_arrivals(
    old: list[int], begun: int, victim: int
) -> None:
    """Invariant 10: while the link works, an item ends within a bound that arrivals cannot move."""
    left = dict(enumerate(old))
    victim %= len(old)
    slices = [1 + size // TRANSFER_AGED_SLICE_BYTES for size in old[: victim + 1]]
    bound = TRANSFER_AGING_PICKS * sum(slices)
    done = 0
    while victim in left:
        urgent = [waiting(1_000 + done * 3 + more, 10, 0.5 + more) for more in range(3)]
        candidates = [waiting(item, size) for item, size in left.items()]
        (pick,) = picks([*candidates, *urgent], begun + done, NOW, RATE, 1)
        done += 1
        if pick.waiting.item in left:
            sent = TRANSFER_AGED_SLICE_BYTES if pick.aged else left[pick.waiting.item]
            left[pick.waiting.item] -= sent
            if left[pick.waiting.item] <= 0:
                del left[pick.waiting.item]
        assert done <= bound


@given(sizes, hours, sizes, hours)
def test_two_blobs_never_break_each_other_off(
    size: int, hours_left: float | None, other: int, others_left: float | None
) -> None:
    """What took the place of another is not thrown out by it again."""
    one = rank(waiting(1, size, hours_left), NOW, RATE)
    two = rank(waiting(2, other, others_left), NOW, RATE)
    assert not (takes_over(one, two) and takes_over(two, one))
    assert not takes_over(one, one)


def test_only_urgency_breaks_a_transfer_off() -> None:
    """A smaller file without a near deadline waits until the large one is through."""
    large, small = waiting(1, GIB), waiting(2, 10 * MIB)
    urgent, later = waiting(3, 10 * MIB, 1), waiting(4, 10 * MIB, 20)
    ranks = [rank(one, NOW, RATE) for one in (large, small, urgent, later)]
    assert not takes_over(ranks[1], ranks[0])
    assert takes_over(ranks[2], ranks[0]) and takes_over(ranks[2], ranks[3])
    assert not takes_over(ranks[3], ranks[2])
