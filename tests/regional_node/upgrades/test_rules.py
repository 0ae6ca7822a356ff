"""The table of moves and the decision, without a clock or a disk."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation import limits
from lpse.federation.desired_rollouts import DesiredRelease
from lpse.federation.errors import Conflict
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.versions import parse_version
from regional_node.upgrades.rules import (
    FINAL,
    MOVES,
    UNTOUCHED,
    Act,
    Attempt,
    Reason,
    Situation,
    State,
    WantedRelease,
    check_move,
    decide,
    diagram,
    wanted_release,
)

NOW = datetime(2015, 3, 20, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, NEW = parse_version("3.0"), parse_version("3.6")
WANTED = WantedRelease(
    version=NEW,
    from_versions=frozenset({OLD}),
    bundle_digest=b"d" * 32,
    bundle_bytes=10,
    rollout="rollouts/spse-3.6",
    wave_open=True,
    guard_window_seconds=86_400,
    emergency_override=False,
    soak_seconds=0,
)


def attempt(state: State, **changes: Any) -> Attempt:
    values: dict[str, Any] = {
        "attempt": 1,
        "rollout": WANTED.rollout,
        "version": NEW,
        "from_version": OLD,
        "bundle_digest": WANTED.bundle_digest,
        "bundle_bytes": 10,
        "state": state,
        "reason": Reason.NONE,
        "detail": "",
        "hold_until": None,
        "from_slot": "a",
        "to_slot": "b",
        "received_time": NOW,
        "changed_time": NOW,
    }
    return Attempt(**{**values, **changes})


def situation(**changes: Any) -> Situation:
    values: dict[str, Any] = {
        "now": NOW,
        "present": OLD,
        "wanted": WANTED,
        "active": attempt(State.RECEIVED),
        "earlier": (),
        "guarded_end": None,
        "expected_seconds": 600,
    }
    return Situation(**{**values, **changes})


@pytest.mark.parametrize(("old", "new"), list(itertools.product(State, State)))
def test_moves_outside_the_table_raise(old: State, new: State) -> None:
    """An illegal move raises; a legal one does not."""
    if new in MOVES[old]:
        check_move(old, new)
    else:
        with pytest.raises(Conflict):
            check_move(old, new)


def test_nothing_touched_fails_without_going_back() -> None:
    """Before APPLYING there is nothing to undo; from APPLYING on the only ends lie behind a try."""
    for state in UNTOUCHED:
        assert State.ROLLING_BACK not in MOVES[state]
        assert State.FAILED in MOVES[state]
    for state in (State.APPLYING, State.CHECKING):
        assert State.FAILED not in MOVES[state]
        assert State.ROLLING_BACK in MOVES[state]
    assert {State.APPLIED, State.ROLLED_BACK, State.FAILED, State.WITHDRAWN} == FINAL


def test_every_journalled_state_and_hold_has_its_word_on_the_wire() -> None:
    """The names of the table are the names of the contract."""
    for state in set(State):
        assert records.UpgradeState.Value(f"UPGRADE_STATE_{state}")
    for reason in (Reason.DEADLINE, Reason.NO_PATH, Reason.NO_SPACE, Reason.ROLLOUT):
        assert records.HoldReason.Value(f"HOLD_REASON_{reason}")


def test_the_diagram_is_drawn_from_the_table() -> None:
    """One edge per move."""
    assert diagram().count("->") == sum(len(moves) for moves in MOVES.values())


@pytest.mark.parametrize("state", [State.APPLYING, State.ROLLING_BACK])
@pytest.mark.parametrize("wanted", [WANTED, None, replace(WANTED, wave_open=False)])
def test_a_found_half_upgrade_goes_back_whatever_is_wanted(
    state: State, wanted: WantedRelease | None
) -> None:
    """An interrupted apply is undone even when the release, the wave or the link is gone."""
    found = situation(active=attempt(state), wanted=wanted, guarded_end=NOW)
    assert decide(found).act is Act.GO_BACK


def test_a_found_trial_is_resumed() -> None:
    """CHECKING follows a whole switch, so a restart of the node does not undo the upgrade."""
    found = situation(active=attempt(State.CHECKING), wanted=None, present=NEW)
    assert decide(found).act is Act.CHECK


@pytest.mark.parametrize("state", [State.RECEIVED, State.DOWNLOADING, State.VERIFIED])
def test_deadline_inside_the_window_holds(state: State) -> None:
    """Invariant 7: at each step before APPLYING the schedule is asked again."""
    end = NOW + DAY + timedelta(seconds=599)
    decision = decide(situation(active=attempt(state), guarded_end=end))
    assert decision.act is Act.HOLD
    assert decision.hold is not None
    assert (decision.hold.reason, decision.hold.until) == (Reason.DEADLINE, end)


@given(st.integers(min_value=-400_000, max_value=400_000), st.booleans())
def test_no_start_ever_reaches_into_a_guard_window(offset: int, override: bool) -> None:
    """Invariant 7, for every distance of a deadline: start only if it is over in time."""
    end = NOW + timedelta(seconds=offset)
    wanted = replace(WANTED, emergency_override=override)
    found = situation(active=attempt(State.VERIFIED), guarded_end=end, wanted=wanted)
    starts = decide(found).act is Act.APPLY
    assert starts == (override or NOW + timedelta(seconds=600) <= end - DAY)


def test_stage_past_its_end_holds_without_a_time() -> None:
    """While a stage is held its new end is unknown, so the hold has no end either."""
    decision = decide(situation(guarded_end=NOW))
    assert decision.hold is not None
    assert (decision.hold.reason, decision.hold.until) == (Reason.DEADLINE, None)


def test_no_path_is_a_hold() -> None:
    """A release that does not know the present version waits for one that does."""
    decision = decide(situation(present=parse_version("2.3")))
    assert decision.hold is not None
    assert decision.hold.reason is Reason.NO_PATH


def test_the_same_hold_is_not_said_twice() -> None:
    """Deciding again without a change does nothing."""
    first = decide(situation(guarded_end=NOW + DAY))
    assert first.hold is not None
    held = attempt(State.HELD, reason=first.hold.reason, hold_until=first.hold.until)
    assert decide(situation(active=held, guarded_end=NOW + DAY)).act is Act.REST
    assert decide(situation(active=held)).act is Act.FETCH


def test_running_the_wanted_version_is_rest() -> None:
    """Convergence: nothing wanted, or nothing different wanted, is nothing to do."""
    assert decide(situation(active=None, present=NEW)).act is Act.REST
    assert decide(situation(active=None, wanted=None)).act is Act.REST


@pytest.mark.parametrize(
    ("earlier", "act"),
    [
        ([], Act.RECEIVE),
        ([attempt(State.WITHDRAWN)], Act.RECEIVE),
        ([attempt(State.FAILED, reason=Reason.PREFLIGHT_FAILED)], Act.REST),
        ([attempt(State.ROLLED_BACK, reason=Reason.UNHEALTHY)], Act.REST),
        ([attempt(State.ROLLED_BACK, reason=Reason.INTERRUPTED)], Act.RECEIVE),
        (
            [attempt(State.ROLLED_BACK, reason=Reason.INTERRUPTED)] * limits.UPGRADE_ATTEMPTS_MAX,
            Act.REST,
        ),
    ],
)
def test_only_a_lost_process_earns_another_try(earlier: list[Attempt], act: Act) -> None:
    """A release that failed by itself is not tried again in the same rollout."""
    assert decide(situation(active=None, earlier=tuple(earlier))).act is act


@pytest.mark.parametrize(
    ("wave_open", "state", "may_start"),
    [
        (True, directives.ROLLOUT_STATE_RUNNING, True),
        (True, directives.ROLLOUT_STATE_COMPLETED, True),
        (True, directives.ROLLOUT_STATE_PAUSED, False),
        (True, directives.ROLLOUT_STATE_HALTED, False),
        (True, directives.ROLLOUT_STATE_STOPPED, False),
        (False, directives.ROLLOUT_STATE_RUNNING, False),
    ],
)
def test_only_an_open_wave_of_a_running_rollout_starts(
    wave_open: bool, state: int, may_start: bool
) -> None:
    """Paused, halted and stopped rollouts start nothing, also in waves that were opened."""
    desired = DesiredRelease(
        version="v3.6",
        from_versions=("3.0",),
        bundle_digest=b"d" * 32,
        bundle_bytes=10,
        manifest_digest=b"",
        rollout=WANTED.rollout,
        wave="canary",
        wave_open=wave_open,
        state=state,
        guard_window_seconds=86_400,
        emergency_override=False,
        soak_seconds=0,
        withdrawn=False,
        national_index=3,
    )
    assert wanted_release(desired) == replace(WANTED, wave_open=may_start)
