"""Who finds no place gets a moment of its own, comes back then, and is let in: by arithmetic."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from central.link.doors import Doors, TooMany
from lpse.federation.limits import (
    LINK_APPOINTMENT_SECONDS,
    LINK_HELLO_SECONDS_MAX,
    LINK_HELLOS_MAX,
    LINK_HELLOS_MIN,
    LINK_HELLOS_PER_NODE_MAX,
)
from lpse.runtime.clock import ManualClock, SeededEntropy

START = datetime(2015, 3, 27, tzinfo=UTC)


@dataclass
class Hall:
    """One judge behind the doors, who needs `seconds` per hello, and nodes that come and wait."""

    seconds: float
    doors: Doors
    clock: ManualClock
    events: list[tuple[float, int, str]] = field(default_factory=list)
    waiting: deque[tuple[str, float]] = field(default_factory=deque)
    attempts: Counter[str] = field(default_factory=Counter)
    answered: dict[str, float] = field(default_factory=dict)  # how long the answer took
    let_in: dict[str, float] = field(default_factory=dict)  # when
    inside_max: int = 0
    free_at: float = 0.0
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def come(self, node_id: str, moment: float) -> None:
        """That node says hello at that moment."""
        heapq.heappush(self.events, (moment, next(self.numbers), node_id))

    def run(self) -> None:
        """Until nobody comes any more."""
        while self.events:
            moment, _, node_id = heapq.heappop(self.events)
            now = max(moment, self.clock.monotonic())
            self.clock.advance(now - self.clock.monotonic())
            if node_id == "judge":
                self._answer()
            else:
                self._enter(node_id, now)

    def _enter(self, node_id: str, now: float) -> None:
        self.attempts[node_id] += 1
        try:
            self.doors.enter(node_id)
        except TooMany as error:
            assert error.retry_after_seconds is not None
            self.come(node_id, now + error.retry_after_seconds)
            return
        self.inside_max = max(self.inside_max, self.doors.inside)
        self.waiting.append((node_id, now))
        self.free_at = max(self.free_at, now) + self.seconds
        self.come("judge", self.free_at)

    def _answer(self) -> None:
        node_id, since = self.waiting.popleft()
        self.doors.leave()
        now = self.clock.monotonic()
        self.answered[node_id] = max(self.answered.get(node_id, 0.0), now - since)
        self.let_in[node_id] = now


def _hall(seconds: float, places: int = LINK_HELLOS_MAX) -> Hall:
    clock = ManualClock(START)
    return Hall(seconds, Doors(clock, SeededEntropy(7), places), clock)


@pytest.mark.parametrize("seconds", [0.0005, 0.004, 0.05])
def test_ten_thousand_at_once_are_all_let_in_before_they_give_up(seconds: float) -> None:
    """At any pace: no hello waits as long as a node would, and few come back more than twice."""
    hall = _hall(seconds)
    for number in range(10_000):
        hall.come(f"n{number}", 0.0)
    hall.run()
    assert len(hall.let_in) == 10_000
    assert max(hall.answered.values()) < LINK_HELLO_SECONDS_MAX * 0.8
    assert hall.inside_max <= LINK_HELLOS_MAX
    assert max(hall.attempts.values()) <= 8
    assert sum(hall.attempts.values()) <= 4 * 10_000
    # The storm is over soon after its work is done.
    assert max(hall.let_in.values()) < 10_000 * seconds * 1.5 + 60
    assert hall.doors.inside == 0


def test_who_comes_back_is_not_starved_by_newcomers() -> None:
    """Newcomers at twice the pace of the judge for two minutes: the first ones get in first."""
    hall = _hall(0.01)
    for number in range(2_000):
        hall.come(f"first{number}", 0.0)
    for number in range(24_000):
        hall.come(f"late{number}", 1.0 + number * 0.005)
    hall.run()
    firsts = [moment for name, moment in hall.let_in.items() if name.startswith("first")]
    lates = [moment for name, moment in hall.let_in.items() if name.startswith("late")]
    assert len(firsts) == 2_000 and len(lates) == 24_000
    assert max(firsts) < 60, "2,000 hellos are 20 seconds of work"


def test_moments_are_spread_and_not_given_twice() -> None:
    """A refused node that asks again at once gets the same moment: impatience gains nothing."""
    clock = ManualClock(START)
    doors = Doors(clock, SeededEntropy(1), places=0)
    told = [_told(doors, f"n{number}") for number in range(1_000)]
    assert max(told) - min(told) > 4
    again = [_told(doors, f"n{number}") for number in range(1_000)]
    assert doors.appointed == 1_000
    assert max(abs(a - b) for a, b in zip(told, again, strict=True)) <= 1.0


def _told(doors: Doors, node_id: str) -> float:
    with pytest.raises(TooMany) as caught:
        doors.enter(node_id)
    assert caught.value.retry_after_seconds is not None
    return caught.value.retry_after_seconds


def test_an_appointment_that_nobody_keeps_is_forgotten() -> None:
    """Invariant 12: nodes that never come back leave nothing behind."""
    clock = ManualClock(START)
    doors = Doors(clock, SeededEntropy(1), places=0)
    for number in range(500):
        _told(doors, f"n{number}")
    clock.advance(LINK_APPOINTMENT_SECONDS + 60)
    _told(doors, "another")
    assert doors.appointed == 1


def test_silent_streams_of_one_node_are_few() -> None:
    """Invariant 12: one node cannot hold more streams without an answer than its share."""
    doors = Doors(ManualClock(START), SeededEntropy(1))
    for _ in range(LINK_HELLOS_PER_NODE_MAX):
        doors.arrive("lpse-pacitan")
    with pytest.raises(TooMany):
        doors.arrive("lpse-pacitan")
    doors.arrive("lpse-banjar")
    doors.depart("lpse-pacitan")
    doors.arrive("lpse-pacitan")


def test_a_slow_judge_lets_fewer_in_at_a_time() -> None:
    """Places follow the pace, down to a least number."""
    hall = _hall(0.25)
    for number in range(300):
        hall.come(f"n{number}", 0.0)
    hall.run()
    assert len(hall.let_in) == 300
    late = [hall.answered[name] for name, moment in hall.let_in.items() if moment > 30]
    assert max(late) <= LINK_HELLOS_MIN * 0.25 + 1
