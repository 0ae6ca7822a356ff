"""An upgrade as one table of moves, and the decision what to do next: pure, no clock, no disk.

Owns the states, the legal moves (any other raises), what a node does with a state that it finds
after a restart, and the reasons to say "not now". Keeps invariant 7 (nothing starts that can reach
into a guard window) and the plan behind invariant 8: up to VERIFIED nothing of the running service
was touched; from APPLYING on an interruption means going back; CHECKING may be resumed, because
the switch was whole. Leaves out how any of it is done.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from lpse.federation import limits
from lpse.federation.desired_rollouts import DesiredRelease
from lpse.federation.errors import Conflict
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.versions import SpseVersion, parse_version


class State(StrEnum):
    """Where one attempt stands; the names are those of UpgradeState in records.proto."""

    RECEIVED = "RECEIVED"
    HELD = "HELD"
    DOWNLOADING = "DOWNLOADING"
    VERIFIED = "VERIFIED"
    APPLYING = "APPLYING"
    CHECKING = "CHECKING"
    ROLLING_BACK = "ROLLING_BACK"  # the node's own: written ahead of the way back
    APPLIED = "APPLIED"
    ROLLED_BACK = "ROLLED_BACK"
    FAILED = "FAILED"
    WITHDRAWN = "WITHDRAWN"  # the node's own: another release is wanted, nothing was touched


class Reason(StrEnum):
    """Why an attempt is held, went back or failed; the first four are HoldReason in the proto."""

    NONE = ""
    DEADLINE = "DEADLINE"
    NO_PATH = "NO_PATH"
    NO_SPACE = "NO_SPACE"
    ROLLOUT = "ROLLOUT"
    BUNDLE_REFUSED = "BUNDLE_REFUSED"
    PREFLIGHT_FAILED = "PREFLIGHT_FAILED"
    STOP_FAILED = "STOP_FAILED"
    APPLY_FAILED = "APPLY_FAILED"
    START_FAILED = "START_FAILED"
    WRONG_VERSION = "WRONG_VERSION"
    UNHEALTHY = "UNHEALTHY"
    INTERRUPTED = "INTERRUPTED"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"


_BEFORE_TOUCHING: Final = frozenset({State.HELD, State.FAILED, State.WITHDRAWN})

MOVES: Final[dict[State, frozenset[State]]] = {
    State.RECEIVED: _BEFORE_TOUCHING | {State.DOWNLOADING},
    State.HELD: _BEFORE_TOUCHING | {State.DOWNLOADING},
    State.DOWNLOADING: _BEFORE_TOUCHING | {State.VERIFIED},
    State.VERIFIED: _BEFORE_TOUCHING | {State.APPLYING},
    State.APPLYING: frozenset({State.CHECKING, State.ROLLING_BACK}),
    State.CHECKING: frozenset({State.APPLIED, State.ROLLING_BACK}),
    State.ROLLING_BACK: frozenset({State.ROLLED_BACK, State.FAILED}),
    State.APPLIED: frozenset(),
    State.ROLLED_BACK: frozenset(),
    State.FAILED: frozenset(),
    State.WITHDRAWN: frozenset(),
}

FINAL: Final = frozenset(state for state, moves in MOVES.items() if not moves)
UNTOUCHED: Final = frozenset({State.RECEIVED, State.HELD, State.DOWNLOADING, State.VERIFIED})


def check_move(old: State, new: State) -> None:
    """Raise unless the table has the move; a caller that gets here out of turn changes nothing."""
    if new not in MOVES[old]:
        raise Conflict("FED-6101", f"an upgrade cannot go from {old} to {new}")


@dataclass(frozen=True, slots=True)
class WantedRelease:
    """The release that the fold of the national journal wants this node to run."""

    version: SpseVersion
    from_versions: Collection[SpseVersion]
    bundle_digest: bytes
    bundle_bytes: int
    rollout: str
    wave_open: bool  # this node's wave is open and the rollout neither paused, halted nor stopped
    guard_window_seconds: int
    emergency_override: bool
    soak_seconds: int


def wanted_release(desired: DesiredRelease | None) -> WantedRelease | None:
    """The fold's release as this folder needs it; VersionError where a version cannot be read."""
    if desired is None:
        return None
    running = (directives.ROLLOUT_STATE_RUNNING, directives.ROLLOUT_STATE_COMPLETED)
    return WantedRelease(
        version=parse_version(desired.version),
        from_versions=frozenset(map(parse_version, desired.from_versions)),
        bundle_digest=desired.bundle_digest,
        bundle_bytes=desired.bundle_bytes,
        rollout=desired.rollout,
        wave_open=desired.wave_open and desired.state in running,
        guard_window_seconds=desired.guard_window_seconds,
        emergency_override=desired.emergency_override,
        soak_seconds=desired.soak_seconds,
    )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one release at this node, as its row stands."""

    attempt: int
    rollout: str
    version: SpseVersion
    from_version: SpseVersion
    bundle_digest: bytes
    bundle_bytes: int
    state: State
    reason: Reason
    detail: str
    hold_until: datetime | None
    from_slot: str
    to_slot: str
    received_time: datetime
    changed_time: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now: why, and until when where that is known."""

    reason: Reason
    until: datetime | None
    detail: str


class Act(StrEnum):
    """What the worker does next."""

    REST = "REST"
    RECEIVE = "RECEIVE"
    WITHDRAW = "WITHDRAW"
    HOLD = "HOLD"
    FETCH = "FETCH"
    APPLY = "APPLY"
    CHECK = "CHECK"
    GO_BACK = "GO_BACK"


@dataclass(frozen=True, slots=True)
class Decision:
    """One act, with the hold where the act is HOLD."""

    act: Act
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a decision depends on."""

    now: datetime
    present: SpseVersion
    wanted: WantedRelease | None
    active: Attempt | None
    earlier: tuple[Attempt, ...]  # finished attempts of the wanted bundle in the wanted rollout
    guarded_end: datetime | None  # see ScheduleGuard
    expected_seconds: float


def decide(situation: Situation) -> Decision:
    """The next act; asking again without a change gives the same answer."""
    active, wanted = situation.active, situation.wanted
    if active is None:
        return Decision(Act.RECEIVE if _is_news(situation) else Act.REST)
    if active.state in (State.APPLYING, State.ROLLING_BACK):
        return Decision(Act.GO_BACK)  # whoever was at it is gone
    if active.state is State.CHECKING:
        return Decision(Act.CHECK)
    if wanted is not None and not _is_for(active, wanted):
        return Decision(Act.WITHDRAW)
    if wanted is not None and situation.present == wanted.version:
        return Decision(Act.WITHDRAW)
    hold = hold_reason(situation)
    if hold is not None:
        same = active.state is State.HELD and (active.reason, active.hold_until) == (
            hold.reason,
            hold.until,
        )
        return Decision(Act.REST) if same else Decision(Act.HOLD, hold)
    return Decision(Act.APPLY if active.state is State.VERIFIED else Act.FETCH)


def hold_reason(situation: Situation) -> Hold | None:
    """Why this node must not go on now, or None; the order is from lasting to passing."""
    wanted, active = situation.wanted, situation.active
    if wanted is None or not wanted.wave_open:
        return Hold(Reason.ROLLOUT, None, "the rollout does not ask this node to start now")
    if situation.present not in wanted.from_versions:
        path = f"{situation.present} to {wanted.version}"
        return Hold(Reason.NO_PATH, None, f"the release has no path from {path}")
    end = situation.guarded_end
    if end is not None and not wanted.emergency_override and _reaches_guard(situation, end):
        if end <= situation.now:
            return Hold(Reason.DEADLINE, None, "a stage past its end is held and may be extended")
        return Hold(Reason.DEADLINE, end, "a bid deadline lies inside the guard window")
    waits = active is not None and active.reason is Reason.NO_SPACE and active.hold_until
    if active is not None and waits and situation.now < waits:
        return Hold(Reason.NO_SPACE, active.hold_until, active.detail)
    return None


def _reaches_guard(situation: Situation, end: datetime) -> bool:
    """Whether an upgrade begun now can still be under way when the guard window opens."""
    assert situation.wanted is not None
    window = timedelta(seconds=situation.wanted.guard_window_seconds)
    return situation.now + timedelta(seconds=situation.expected_seconds) > end - window


def _is_for(attempt: Attempt, wanted: WantedRelease) -> bool:
    same_bundle = attempt.bundle_digest == wanted.bundle_digest
    return same_bundle and attempt.rollout == wanted.rollout


def _is_news(situation: Situation) -> bool:
    """A release begins once per rollout; only lost processes and power earn it another try."""
    wanted = situation.wanted
    if wanted is None or situation.present == wanted.version:
        return False
    tried = [attempt for attempt in situation.earlier if attempt.state is not State.WITHDRAWN]
    if any(attempt.reason is not Reason.INTERRUPTED for attempt in tried):
        return False
    return len(tried) < limits.UPGRADE_ATTEMPTS_MAX


def diagram() -> str:
    """The table as Graphviz text, so that no drawing can disagree with it."""
    edges = sorted((old, new) for old, moves in MOVES.items() for new in moves)
    return "digraph upgrade {\n" + "".join(f"  {old} -> {new};\n" for old, new in edges) + "}\n"
