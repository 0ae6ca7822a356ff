"""A failing scenario made small: fewer events, then fewer nodes, then fewer days.

Owns delta debugging over a plan (Zeller's ddmin: leave out halves, quarters, … single events) and
what follows it. Rules: a smaller scenario counts only if the same checker still speaks; runs are
bounded by a budget, and the smallest one found so far is always at hand. Leaves out running
(`runs`) and where the result is kept (`plan.Scenario.save`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from tests.simulation.plan import Event, Scenario

Fails = Callable[[Scenario], bool]
RUNS_MAX: Final = 60
_DAYS_MIN: Final = 0.1
_MARGIN_DAYS: Final = 0.05  # after the last event


class Shrinker:
    """See the module's first lines."""

    def __init__(self, scenario: Scenario, fails: Fails, runs_max: int = RUNS_MAX) -> None:
        self.smallest = scenario
        self.runs = 0
        self._fails = fails
        self._runs_max = runs_max

    def shrink(self) -> Scenario:
        """The smallest scenario that was found within the budget."""
        self._events()
        for smaller in chain(self._fewer_nodes(), self._fewer_days()):
            self._try(smaller)
        self._events()
        return self.smallest

    def _events(self) -> None:
        """Parts of the plan are left out, large ones first, until no single one can be."""
        size = max(1, len(self.smallest.events) // 2)
        while self.smallest.events:
            before = len(self.smallest.events)
            for without in _without(self.smallest.events, size):
                if self._try(self.smallest.with_events(without)):
                    break
            else:
                if size == 1:
                    return
                size = max(1, size // 2)
            if self.runs >= self._runs_max:
                return
            size = min(size, max(1, len(self.smallest.events) // 2 or 1), before)

    def _fewer_nodes(self) -> Iterator[Scenario]:
        for nodes in range(1, self.smallest.nodes):
            yield replace(self.smallest, nodes=nodes)

    def _fewer_days(self) -> Iterator[Scenario]:
        last = max((event.at for event in self.smallest.events), default=0.0) / 86_400
        for days in (last + _MARGIN_DAYS, self.smallest.days / 2, self.smallest.days * 0.75):
            yield replace(self.smallest, days=round(max(days, _DAYS_MIN), 3))

    def _try(self, smaller: Scenario) -> bool:
        if self.runs >= self._runs_max or _size(smaller) >= _size(self.smallest):
            return False
        self.runs += 1
        if not self._fails(smaller):
            return False
        self.smallest = smaller
        return True


def _without(events: tuple[Event, ...], size: int) -> Iterator[tuple[Event, ...]]:
    for start in range(0, len(events), size):
        yield events[:start] + events[start + size :]


def _size(scenario: Scenario) -> tuple[int, int, float]:
    return len(scenario.events), scenario.nodes, scenario.days
