"""The gate between waves, judged alone: what opens, what halts, what completes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from central.rollouts.rules import (
    MOVES,
    Act,
    Progress,
    Situation,
    Standing,
    State,
    Word,
    check_move,
    decide,
    diagram,
    standing,
)
from lpse.federation.errors import Conflict
from lpse.federation.limits import ROLLOUT_SILENCE_SECONDS
from lpse.federation.v1 import records_pb2 as records

NOW = datetime(2015, 3, 20, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=ROLLOUT_SILENCE_SECONDS)
BY_LETTER = {
    "a": Standing(Progress.APPLIED),
    "h": Standing(Progress.HELD),
    "n": Standing(Progress.HELD, no_path=True),
    "f": Standing(Progress.FAILED),
    "r": Standing(Progress.ACTIVE),
    "s": Standing(Progress.SILENT),
    "w": Standing(Progress.WAITING),
    "x": Standing(Progress.REVOKED),
}


def situation(waves: str, opened: int, percent: int = 100, failures: int = 0) -> Situation:
    nodes = [[BY_LETTER[letter] for letter in wave] for wave in waves.split()]
    return Situation(State.RUNNING, percent, failures, opened, nodes)


@pytest.mark.parametrize(
    ("waves", "opened", "percent", "failures", "act"),
    [
        ("ar www", 1, 100, 0, Act.REST),
        ("aa www", 1, 100, 0, Act.OPEN_WAVE),
        ("ar www", 1, 50, 0, Act.OPEN_WAVE),
        ("ah www", 1, 100, 0, Act.OPEN_WAVE),  # a held node neither succeeds nor fails
        ("hh www", 1, 100, 0, Act.REST),  # all held is not enough
        ("as www", 1, 100, 0, Act.REST),  # silence is no success
        ("af www", 1, 50, 0, Act.HALT),
        ("af www", 1, 50, 1, Act.OPEN_WAVE),
        ("xx www", 1, 100, 0, Act.OPEN_WAVE),  # nobody is left to wait for
        ("aa aaa", 2, 100, 0, Act.COMPLETE),
        ("ah aaa", 2, 100, 0, Act.REST),  # the held one comes later
        ("aaah aaa", 2, 60, 0, Act.REST),  # also where enough run the version already
        ("an aaa", 2, 100, 0, Act.COMPLETE),  # without a path nothing comes later
        ("aa aas", 2, 60, 0, Act.COMPLETE),
        ("aa aar", 2, 100, 0, Act.REST),
    ],
)
def test_gate(waves: str, opened: int, percent: int, failures: int, act: Act) -> None:
    """The next wave opens on success alone, and more failures than allowed halt."""
    judged = situation(waves, opened, percent, failures)
    assert decide(judged).act is act
    assert decide(judged) == decide(judged)


def test_halted_completed_and_stopped_rest_and_a_pause_opens_nothing() -> None:
    """Only a running rollout moves forward; a paused one may still halt."""
    for state in (State.HALTED, State.COMPLETED, State.STOPPED):
        assert decide(Situation(state, 100, 0, 1, situation("ff ww", 1).waves)).act is Act.REST
    paused = Situation(State.PAUSED, 100, 0, 1, situation("aa ww", 1).waves)
    assert decide(paused).act is Act.REST
    failing = Situation(State.PAUSED, 100, 0, 1, situation("ff ww", 1).waves)
    assert decide(failing).act is Act.HALT


def test_halted_rollout_never_runs_again() -> None:
    """A halt is really a halt: only stopping follows, and the table is drawn as it is."""
    assert MOVES[State.HALTED] == {State.STOPPED}
    for new in State:
        if new is State.HALTED:
            assert not check_move("rollouts/x", State.HALTED, new)
        elif new is not State.STOPPED:
            with pytest.raises(Conflict, match="HALTED"):
                check_move("rollouts/x", State.HALTED, new)
    assert "HALTED -> STOPPED" in diagram() and "HALTED -> RUNNING" not in diagram()


def word(state: str = "", **fields: object) -> Word:
    """A node of an open wave with one step."""
    step = None
    if state:
        step = records.UpgradeStepped(state=records.UpgradeState.Value(f"UPGRADE_STATE_{state}"))
        if hold := fields.pop("hold", ""):
            step.hold_reason = records.HoldReason.Value(f"HOLD_REASON_{hold}")
        step.reported_version = str(fields.pop("reported", ""))
    values: dict[str, object] = {
        "step": step,
        "seen_time": NOW if step else None,
        "open_time": NOW,
        "present_version": "3.0",
        "has_access": True,
        "rollout_running": True,
    }
    return Word(**{**values, **fields})  # type: ignore[arg-type]  # by name, as above


@pytest.mark.parametrize(
    ("known", "now", "progress"),
    [
        (word(), NOW, Progress.ASKED),
        (word(), LATER, Progress.SILENT),
        (word(open_time=None), LATER, Progress.WAITING),
        (word(present_version="v3.6.0"), NOW, Progress.APPLIED),
        (word("HELD", hold="DEADLINE"), LATER, Progress.HELD),
        (word("HELD", hold="ROLLOUT"), NOW, Progress.ASKED),
        (word("HELD", hold="ROLLOUT", rollout_running=False), NOW, Progress.HELD),
        (word("DOWNLOADING"), NOW, Progress.ACTIVE),
        (word("DOWNLOADING"), LATER, Progress.SILENT),
        (word("APPLYING"), NOW, Progress.ACTIVE),
        (word("APPLYING"), LATER, Progress.FAILED),
        (word("CHECKING", present_version="3.6"), NOW, Progress.ACTIVE),
        (word("APPLIED", reported="3.6"), LATER, Progress.APPLIED),
        (word("APPLIED", reported="3.0"), NOW, Progress.FAILED),
        (word("ROLLED_BACK", present_version="3.6"), NOW, Progress.FAILED),
        (word("FAILED"), NOW, Progress.FAILED),
        (word("APPLIED", reported="3.6", has_access=False), NOW, Progress.REVOKED),
    ],
)
def test_standing(known: Word, now: datetime, progress: Progress) -> None:
    """Success is what the running service reported; silence has a deadline, and then a meaning."""
    judged = standing(known, "3.6", now)
    assert judged.progress is progress
    if progress in (Progress.ASKED, Progress.ACTIVE, Progress.SILENT):
        assert judged.silence_deadline == LATER
