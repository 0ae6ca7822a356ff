"""A rollout as one table of states, how a node counts in it, and the gate between its waves.

Owns the moves of a rollout (any other raises), the meaning of a node's last word, and the decision
to open the next wave, to halt or to complete. Rules: success is the version that the running
service itself reported; a held node neither succeeds nor fails and never lets a wave pass alone;
more failures than allowed halt, and nothing but a new plan goes on from there; silence has a
deadline, and silence in the middle of an upgrade is a failure. Leaves out clocks and rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from lpse.federation.errors import Conflict, FederationError
from lpse.federation.limits import ROLLOUT_SILENCE_SECONDS
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.versions import parse_version


class State(StrEnum):
    """Where a rollout stands; the names are those of RolloutState in directives.proto."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    HALTED = "HALTED"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"

    @property
    def number(self) -> directives.RolloutState.ValueType:
        """The value on the wire."""
        return directives.RolloutState.Value(f"ROLLOUT_STATE_{self.value}")


MOVES: Final[dict[State, frozenset[State]]] = {
    State.RUNNING: frozenset({State.PAUSED, State.HALTED, State.COMPLETED, State.STOPPED}),
    State.PAUSED: frozenset({State.RUNNING, State.HALTED, State.STOPPED}),
    State.HALTED: frozenset({State.STOPPED}),
    State.COMPLETED: frozenset(),
    State.STOPPED: frozenset(),
}
OPEN: Final = (State.RUNNING, State.PAUSED)


def check_move(name: str, old: State, new: State) -> bool:
    """True if the state changes, False if it is there already; Conflict (FED-6205) otherwise."""
    if old is new:
        return False
    if new not in MOVES[old]:
        raise Conflict(
            "FED-6205",
            f"{name} is {old} and cannot become {new}",
            remedy="plan a new rollout" if old is State.HALTED else "look at the rollout again",
        )
    return True


class Progress(StrEnum):
    """How a node counts; the names are those of NodeProgress in rollouts.proto."""

    WAITING = "WAITING"
    ASKED = "ASKED"
    HELD = "HELD"
    ACTIVE = "ACTIVE"
    APPLIED = "APPLIED"
    FAILED = "FAILED"
    SILENT = "SILENT"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class Word:
    """Everything that the centre knows of one node in one rollout."""

    step: records.UpgradeStepped | None
    seen_time: datetime | None  # when the step was projected
    open_time: datetime | None  # when the node's wave was opened
    present_version: str  # as its service reported last; empty if it never did
    has_access: bool
    rollout_running: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How a node counts, and until when it may stay silent."""

    progress: Progress
    silence_deadline: datetime | None = None
    no_path: bool = False


_FAILED: Final = (records.UPGRADE_STATE_ROLLED_BACK, records.UPGRADE_STATE_FAILED)
_TOUCHING: Final = (records.UPGRADE_STATE_APPLYING, records.UPGRADE_STATE_CHECKING)
_AT_IT: Final = (records.UPGRADE_STATE_DOWNLOADING, records.UPGRADE_STATE_VERIFIED, *_TOUCHING)


def standing(word: Word, version: str, now: datetime) -> Standing:
    """How a node counts now."""
    step = word.step
    if not word.has_access:
        return Standing(Progress.REVOKED)
    if step is not None and step.state in _FAILED:
        return Standing(Progress.FAILED)
    if step is not None and step.state == records.UPGRADE_STATE_APPLIED:
        reported = is_version(step.reported_version, version)
        return Standing(Progress.APPLIED if reported else Progress.FAILED)
    if step is not None and step.state in _AT_IT:
        return _at_it(step, word, now)
    if is_version(word.present_version, version):
        return Standing(Progress.APPLIED)  # it ran the version before it was asked
    if word.open_time is None:
        return Standing(Progress.WAITING)
    if step is not None and step.state == records.UPGRADE_STATE_HELD:
        waits = step.hold_reason == records.HOLD_REASON_ROLLOUT
        if not waits or not word.rollout_running:
            no_path = step.hold_reason == records.HOLD_REASON_NO_PATH
            return Standing(Progress.HELD, no_path=no_path)
    since = max(filter(None, (word.open_time, word.seen_time)))
    return _heard(Progress.ASKED, Progress.SILENT, since, now)


def _at_it(step: records.UpgradeStepped, word: Word, now: datetime) -> Standing:
    assert word.seen_time is not None, "a step was seen when it was projected"
    late = Progress.FAILED if step.state in _TOUCHING else Progress.SILENT
    return _heard(Progress.ACTIVE, late, word.seen_time, now)


def _heard(expected: Progress, late: Progress, since: datetime, now: datetime) -> Standing:
    deadline = since + timedelta(seconds=ROLLOUT_SILENCE_SECONDS)
    return Standing(late if now >= deadline else expected, deadline)


def is_version(text: str, version: str) -> bool:
    """Whether a reported text means this version; what is no version never does."""
    try:
        return bool(text) and parse_version(text) == parse_version(version)
    except FederationError:
        return False


@dataclass(frozen=True, slots=True)
class Situation:
    """A rollout as the gate sees it: one list of standings per wave, in opening order."""

    state: State
    success_percent: int
    failures_max: int
    waves_opened: int
    waves: Sequence[Sequence[Standing]]

    @property
    def failures(self) -> int:
        """Nodes that failed so far."""
        return sum(one.progress is Progress.FAILED for wave in self.waves for one in wave)


class Act(StrEnum):
    """What the wave engine does next."""

    REST = "REST"
    OPEN_WAVE = "OPEN_WAVE"
    HALT = "HALT"
    COMPLETE = "COMPLETE"


@dataclass(frozen=True, slots=True)
class Decision:
    """One act with its reason in words."""

    act: Act
    reason: str = ""


def decide(situation: Situation) -> Decision:
    """The next act; asking again without a change gives the same answer."""
    if situation.state not in OPEN:
        return Decision(Act.REST)
    failures = situation.failures
    if failures > situation.failures_max:
        reason = f"{failures} node(s) failed; the plan allows {situation.failures_max}"
        return Decision(Act.HALT, reason)
    if situation.state is State.PAUSED:
        return Decision(Act.REST)
    percent = situation.success_percent
    opened = situation.waves_opened
    if opened < len(situation.waves):
        if opened == 0 or wave_met(situation.waves[opened - 1], percent):
            return Decision(Act.OPEN_WAVE)
        return Decision(Act.REST)
    if all(wave_done(wave, percent) for wave in situation.waves):
        return Decision(Act.COMPLETE, "every wave met its condition")
    return Decision(Act.REST)


def wave_met(wave: Sequence[Standing], percent: int) -> bool:
    """Whether enough of the nodes that are not held run the version; all held is not enough."""
    present = [one for one in wave if one.progress is not Progress.REVOKED]
    counting = [one for one in present if one.progress is not Progress.HELD]
    return not present or (bool(counting) and _share(counting, percent))


def wave_done(wave: Sequence[Standing], percent: int) -> bool:
    """Whether the wave is over: met, and nobody in it is still held for a while."""
    able = [one for one in wave if one.progress is not Progress.REVOKED and not one.no_path]
    waiting = any(one.progress is Progress.HELD for one in able)
    return not waiting and (not able or _share(able, percent))


def _share(nodes: Sequence[Standing], percent: int) -> bool:
    applied = sum(one.progress is Progress.APPLIED for one in nodes)
    return applied * 100 >= percent * len(nodes)


def diagram() -> str:
    """The table as Graphviz text, so that no drawing can disagree with it."""
    edges = sorted((old, new) for old, moves in MOVES.items() for new in moves)
    return "digraph rollout {\n" + "".join(f"  {old} -> {new};\n" for old, new in edges) + "}\n"
