"""The fixed seeds of CI: countries full of faults in which every promise is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulation import bundle
from tests.simulation.plan import SCENARIOS, Scenario
from tests.simulation.planted import PLANTED
from tests.simulation.runs import play

KEPT = sorted(SCENARIOS.glob("*.json"))
# Faults that are known and not mended yet; the test tells when one of them is.
OPEN: dict[str, str] = {}


def _kept() -> Iterator[Any]:
    for path in KEPT:
        reason = OPEN.get(path.stem)
        marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
        yield pytest.param(path, id=path.stem, marks=marks)


def _played(*words: str, hash_seed: str, stdin: str = "") -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-W", "ignore", "-m", "tests.simulation", *words]
    ran = subprocess.run(
        command,
        input=stdin,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return ran.stdout + ran.stderr


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", bundle.CI_SEEDS)
def test_a_country_full_of_faults_keeps_every_promise(seed: int) -> None:
    """No checker speaks, whatever the seed let go wrong."""
    told = _played("--scenario", "-", hash_seed="0", stdin=bundle.of_seed(seed).to_json())
    assert "; sound" in told, told


@pytest.mark.timeout(400)
def test_a_plan_of_faults_is_a_run_bit_for_bit_in_two_processes() -> None:
    """Crashes, cuts and restores included, two processes give the same fingerprint."""
    words = ["--seed", "4", "--nodes", "2", "--days", "0.2", "--grain", "600"]
    words += ["--faults", "drawn"]
    first, second = (
        {part for part in _played(*words, hash_seed=one).split("; ") if part.startswith("trace ")}
        for one in ("1", "2")
    )
    assert first == second != set()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("path", list(_kept()))
def test_a_kept_scenario_comes_out_as_it_should(path: Path) -> None:
    """What failed once stays mended; where a bug is planted, its checker still speaks."""
    scenario = Scenario.from_json(path.read_text("utf-8"))
    if not scenario.planted:
        outcome = play(scenario)
        assert outcome.sound, outcome.findings
        return
    bug = PLANTED[scenario.planted]
    outcome = play(scenario, bug)
    assert bug.caught_by == scenario.expect
    assert scenario.expect in outcome.names(), outcome.findings


def test_every_planted_bug_has_a_scenario_that_shows_it() -> None:
    """No bug is planted without being caught, and no file speaks of one that is not known."""
    shown = {Scenario.from_json(path.read_text("utf-8")).planted for path in KEPT} - {""}
    assert shown == set(PLANTED)


def test_a_scenario_is_the_same_after_a_file() -> None:
    """Seed, country and plan survive their JSON; an unknown field is an error."""
    scenario = bundle.of_seed(7)
    assert scenario.events
    assert Scenario.from_json(scenario.to_json()) == scenario
    document = {**json.loads(scenario.to_json()), "surprise": 1}
    with pytest.raises(TypeError):
        Scenario.from_json(json.dumps(document))
