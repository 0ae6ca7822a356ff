"""A disk put back behind its program's back, bids on both sides, and persons who choose."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.simulation.checkers import check
from tests.simulation.deciding import OFFERED, STORED
from tests.simulation.gathering import gather
from tests.simulation.observe import settled
from tests.simulation.plan import EVERYWHERE, Event, Scenario
from tests.simulation.runs import QUIET_SECONDS, Run
from tests.simulation.settings import Options
from tests.simulation.world import World

HOUR = 3_600.0
NODE = "lpse-000"
SMALL = Options(nodes=2, days=0.5, grain=600.0, vendors_per_day=40)


def _forked(choice: str, ends: Callable[[Run], bool]) -> Run:
    """Alone with an old disk for three hours, bids go on there; then somebody chooses."""
    events = (
        Event(2 * HOUR, "cut", NODE, {"seconds": 3 * HOUR}),
        Event(2 * HOUR + 60, "restore", NODE, {"back": 1.5 * HOUR, "marked": False}),
        Event(6 * HOUR, "decide", EVERYWHERE, {"choice": choice}),
    )
    plan = Scenario(3, SMALL.nodes, SMALL.days, SMALL.grain, SMALL.vendors_per_day, events=events)
    with World(plan.seed, plan.options) as world:
        world.build()
        run = Run(world, plan)
        run.begin()
        world.run(6 * HOUR)
        assert not settled(world), "two histories, and nobody has chosen"
        assert world.until(lambda: ends(run), 8 * HOUR, SMALL.grain)
        world.run(QUIET_SECONDS + 4 * SMALL.grain)  # tables follow journals
        assert world.until(lambda: ends(run), 8 * HOUR, SMALL.grain)
        evidence = gather(world, run.watch, run.vendors.promises, run.waiting)
        evidence.excused = run.excused
        assert check(evidence) == []
        assert [one.about for one in run.operators.acts] == [{"node": NODE, "choice": choice}]
        assert run.vendors.promises.receipts
        return run


@pytest.mark.timeout(200)
def test_the_machine_that_persons_chose_settles_like_any_other() -> None:
    """Nothing waits any more: every bid of both histories is at the node and at the centre."""
    run = _forked(OFFERED, lambda run: bool(run.operators.acts) and settled(run.world))
    assert not run.waiting


@pytest.mark.timeout(200)
def test_the_machine_that_persons_did_not_choose_is_told_and_its_history_is_kept() -> None:
    """It alone waits, for an identity of its own; each bid is in one of the two histories."""
    run = _forked(STORED, lambda run: bool(run.waiting))
    assert run.waiting == {NODE}
