"""A plan of faults drawn from a seed: how many, of which kinds, when and where.

Owns `draw`. Rules: the same seed and country give the same plan; every kind of `faults` and
`meddling` can be drawn; at most one machine of a run is restored or cloned and the centre at most
once, so that what people must decide stays decidable. A restored machine is one from a backup or,
as often, one whose whole disk was put back behind the program's back. Leaves out what the kinds do.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

from tests.simulation.deciding import OFFERED, STORED
from tests.simulation.plan import CENTRE, EVERYWHERE, Event, Scenario
from tests.simulation.settings import provinces_of
from tests.simulation.vendors import DAY

Numbers = Callable[[random.Random], dict[str, Any]]
EVENTS_PER_DAY: Final = 16.0
NOBODY: Final = 0.2  # how often nobody chooses between two histories
_NODE, _ANY, _PLACE, _NATION = "node", "any", "place", "nation"
# Kind: weight, where it may happen, and its numbers.
_KINDS: Final[dict[str, tuple[float, str, Numbers]]] = {
    "kill": (4, _ANY, lambda _: {}),
    "power": (4, _ANY, lambda c: {"all_lost": c.random() < 0.5}),
    "crash_step": (6, _ANY, lambda c: {"after": c.randrange(1, 3_000)}),
    "crash_store": (
        6,
        _ANY,
        lambda c: {"operation": c.choice(["sync", "write"]), "after": c.randrange(60)},
    ),
    "crash_file": (
        3,
        _ANY,
        lambda c: {"operation": c.choice(["rename", "sync", "write"]), "after": c.randrange(8)},
    ),
    "eio": (
        2,
        _ANY,
        lambda c: {
            "operation": c.choice(["write", "sync"]),
            "after": c.randrange(20),
            "times": c.randrange(1, 4),
            "files": c.random() < 0.5,
        },
    ),
    "full": (2, _ANY, lambda c: {"seconds": c.uniform(300, 7_200)}),
    "jump": (2, _NODE, lambda c: {"seconds": c.choice([-1, 1]) * c.uniform(1, 3_600)}),
    "drift": (2, _NODE, lambda c: {"rate": c.uniform(-2e-4, 2e-4)}),
    "cut": (5, _PLACE, lambda c: {"seconds": c.choice([30, 600, 7_200, 20_000])}),
    "reset": (3, _PLACE, lambda _: {}),
    "slow": (
        2,
        _PLACE,
        lambda c: {
            "delay": c.uniform(0.05, 2.0),
            "jitter": c.uniform(0, 2.0),
            "bytes_per_second": c.choice([0, 2_000, 20_000]),
            "seconds": c.uniform(600, 14_400),
        },
    ),
    "malformed": (2, _NODE, lambda c: {"one_in": c.uniform(5, 60), "seconds": 7_200}),
    "duplicated": (2, _PLACE, lambda c: {"one_in": c.uniform(2, 8), "seconds": 7_200}),
    "reordered": (2, _PLACE, lambda c: {"one_in": c.uniform(4, 20), "seconds": 7_200}),
    "older_peer": (2, _NODE, lambda c: {"seconds": c.uniform(3_600, 40_000)}),
    "restore": (2, _ANY, lambda c: {"back": c.uniform(60, 20_000), "marked": c.random() < 0.5}),
    "clone": (0.7, _NODE, lambda c: {"seconds": c.uniform(600, 14_400)}),
    "service": (2, _NODE, lambda c: {"trouble": c.choice(["silent", "unwell"]), "seconds": 3_600}),
    "hook": (1, _NODE, lambda c: {"hook": c.choice(["apply hook", "check hook"])}),
    "rollout": (2, _NATION, lambda c: {"one_by_one": c.random() < 0.5, "failures_max": 1}),
    "approve_late": (1, _NATION, lambda c: {"seconds": c.uniform(30, 600)}),
    "pause": (1, _NATION, lambda _: {}),
    "resume": (1, _NATION, lambda _: {}),
    "stop": (0.5, _NATION, lambda _: {}),
    "withdraw": (0.5, _NATION, lambda _: {}),
    "declare": (
        3,
        _PLACE,
        lambda c: {"before": c.uniform(0, 40_000), "length": c.choice([0, 1_800, 10_000, 60_000])},
    ),
    "shorten": (1, _NODE, lambda _: {}),
    "close": (2, _NATION, lambda _: {}),
    "take_back": (1, _NATION, lambda _: {}),
}
_ONCE: Final = ("restore", "clone")


def draw(scenario: Scenario, *, events_per_day: float = EVENTS_PER_DAY) -> Scenario:
    """The scenario with a plan of its seed."""
    chance = random.Random(f"plan {scenario.seed}")
    names, weights = [*_KINDS], [weight for weight, _, _ in _KINDS.values()]
    events: list[Event] = []
    spent: set[str] = set()
    for kind in chance.choices(names, weights, k=max(1, round(events_per_day * scenario.days))):
        _, where, numbers = _KINDS[kind]
        at = round(chance.uniform(600.0, scenario.days * DAY), 1)
        place = _place(chance, where, scenario.nodes)
        with_ = {name: _short(value) for name, value in numbers(chance).items()}
        if kind in _ONCE:
            who = CENTRE if place == CENTRE else "a node"
            if who in spent:
                continue
            spent.add(who)
        events.append(Event(at, kind, place, with_))
    return scenario.with_events([*events, *_decisions(scenario, events)])


def _decisions(scenario: Scenario, events: list[Event]) -> list[Event]:
    """Where one machine may become two: somebody who chooses, or nobody does.

    Of a chance of its own, so that all else is as if nobody were there.
    """
    chance = random.Random(f"decisions {scenario.seed}")
    twos = [
        event
        for event in events
        if event.where != CENTRE
        and (event.kind == "clone" or (event.kind == "restore" and not event.with_.get("marked")))
    ]
    if not twos or chance.random() < NOBODY:
        return []
    choice = chance.choice([OFFERED, STORED])
    first = min(event.at for event in twos)
    at = round(chance.uniform(first, scenario.days * DAY), 1)
    return [Event(at, "decide", EVERYWHERE, {"choice": choice})]


def _place(chance: random.Random, where: str, nodes: int) -> str:
    number = chance.randrange(nodes)
    node, province = f"lpse-{number:03}", provinces_of(number)[0]
    if where == _NODE:
        return node
    if where == _ANY:
        return CENTRE if chance.random() < 0.3 else node
    if where == _PLACE:
        return chance.choice([node, node, province, EVERYWHERE])
    return EVERYWHERE


def _short(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value
