"""Shrinking: what is left of a failing scenario is what it takes to fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.__main__ import main
from tests.simulation.bundle import shrunk
from tests.simulation.plan import Event, Scenario
from tests.simulation.planted import PLANTED
from tests.simulation.runs import Outcome, play
from tests.simulation.shrink import Shrinker


def test_only_the_events_that_matter_are_left() -> None:
    """Two of forty events make it fail: exactly those stay, in a smaller and shorter country."""
    events = [Event(60.0 * n, "kill" if n in (7, 31) else "reset") for n in range(40)]
    scenario = Scenario(seed=1, nodes=5, days=2.0).with_events(events)

    def fails(smaller: Scenario) -> bool:
        return sum(event.kind == "kill" for event in smaller.events) == 2

    shrinker = Shrinker(scenario, fails, runs_max=200)
    smallest = shrinker.shrink()
    assert [event.kind for event in smallest.events] == ["kill", "kill"]
    assert (smallest.nodes, smallest.days < 0.2) == (1, True)


def test_shrinking_stops_at_its_budget() -> None:
    """A scenario that is never smaller costs no more than it may."""
    events = [Event(float(n), "kill") for n in range(64)]
    shrinker = Shrinker(Scenario(seed=1).with_events(events), lambda _: False, runs_max=10)
    assert len(shrinker.shrink().events) == 64
    assert shrinker.runs == 10


def test_a_planted_bug_is_shrunk_to_the_act_that_shows_it() -> None:
    """Of a plan with five events, the order before a deadline is all that ignoring holds needs."""
    bug = PLANTED["hold ignored"]
    plan = [
        Event(600.0, "reset", "lpse-000"),
        Event(900.0, "rollout", "*"),
        Event(1_200.0, "slow", "lpse-001", {"delay": 0.1, "seconds": 600}),
    ]
    scenario = Scenario(seed=1, nodes=2, days=0.2, grain=600.0, submissions=4.0, packages=2)

    def run(smaller: Scenario) -> Outcome:
        return play(smaller, bug)

    failing = scenario.with_events(plan)
    outcome = run(failing)
    assert bug.caught_by in outcome.names()
    smallest = shrunk(failing, outcome, run)
    assert [event.kind for event in smallest.events] == ["rollout"]
    assert smallest.nodes == 1


def test_a_file_that_is_no_scenario_is_said_to_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong file is a usage error in one line, not a traceback."""
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    with pytest.raises(SystemExit) as ended:
        main(["--replay", str(tmp_path / "none.json")])
    assert ended.value.code == 2
    assert "no scenario" in capsys.readouterr().err
