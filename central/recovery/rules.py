"""What a node should do whose journal and the centre's copy differ: decided from heads alone.

Rules: no clock decides. A history that is a plain prefix of the copy is given back its rest without
a person; two histories at one index are kept both, and a person decides - unless the second one
holds nobody's act. Whoever is present with a sound session is never pushed out. Who goes on in an
epoch that the copy has left waits for a person, so that two machines cannot take turns. Beside a
sound session a branch is kept and the decision against it is told; nothing more.
Leaves out how heads are compared (`advising`) and the words of the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from central.branches.ports import CONTINUE_OFFERED, CONTINUE_STORED, Decided
from lpse.federation.v1 import recovery_pb2 as wire

A = wire.RecoveryAdvice


class Shown(Enum):
    """How one epoch of the node stands against the centre's copy of it."""

    UNKNOWN = "unknown"
    EQUAL = "equal"
    PREFIX = "prefix"
    AHEAD = "ahead"
    FORKED = "forked"


@dataclass(frozen=True, slots=True)
class Kept:
    """The branch that the node's present head ends, if it was offered."""

    name: str
    machine_only: bool
    decided: Decided | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides; `epochs` are those of the node, the present one last."""

    epochs: Sequence[Shown]
    in_current_epoch: bool  # the node's present epoch is the centre's newest
    centre_holds_any: bool
    quarantined: bool
    other_present: bool  # a sound session of the same node
    kept: Kept | None
    contradicted: bool = False  # the quarantine is that of a fork


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, by which rule, and why."""

    advice: A.ValueType
    rule: str = ""
    reason: str = ""


def advise(facts: Facts) -> Advice:
    """One advice; asking again with the same facts gives the same."""
    if not facts.centre_holds_any:
        return Advice(A.RECOVERY_ADVICE_NONE)
    found = _alone(facts)
    if facts.other_present and found.advice not in _HARMLESS:
        decided = found.rule == "R-BRANCH-SETTLED/1" and found.advice == A.RECOVERY_ADVICE_RECOVER
        reason = _DECIDED_BESIDE if decided else _PRESENT
        return Advice(A.RECOVERY_ADVICE_WAIT, "R-CLONE-SUSPECT/1", reason)
    return found


def _alone(facts: Facts) -> Advice:
    """What would hold if nobody else were there."""
    present = facts.epochs[-1]
    if facts.kept is not None and facts.kept.decided is not None:
        return _decided(facts.kept.decided)
    if Shown.FORKED in facts.epochs:
        return _of_branch(facts, "R-REGIONAL-FORKED/1", _FORKED)
    if present is Shown.UNKNOWN:
        if facts.quarantined:
            return Advice(A.RECOVERY_ADVICE_RECOVER, "R-EPOCH-CONTINUED/1", _UNFOUNDED)
        return Advice(A.RECOVERY_ADVICE_NONE)
    if facts.in_current_epoch:
        if present is Shown.PREFIX:
            return Advice(A.RECOVERY_ADVICE_RECOVER, "R-NODE-REWOUND/2", _REWOUND)
        if facts.contradicted:
            return _of_branch(facts, "R-REGIONAL-FORKED/1", _FORKED)
        if facts.quarantined:
            return _of_branch(facts, "R-CLONE-SUSPECT/1", _CLONE)
        return Advice(A.RECOVERY_ADVICE_NONE)
    return _of_branch(facts, "R-EPOCH-OLD/1", _OLD_EPOCH)


def _of_branch(facts: Facts, rule: str, reason: str) -> Advice:
    """First the branch is kept; then it goes on by itself if nobody acted in it, or waits."""
    if facts.kept is None:
        return Advice(A.RECOVERY_ADVICE_OFFER, rule, reason)
    alone = facts.kept.machine_only and facts.in_current_epoch
    if alone and Shown.FORKED in facts.epochs:
        return Advice(A.RECOVERY_ADVICE_RECOVER, "R-NODE-REWOUND/2", _MACHINE)
    return Advice(A.RECOVERY_ADVICE_WAIT, rule, reason)


def _decided(decided: Decided) -> Advice:
    if decided.choice == CONTINUE_OFFERED:
        return Advice(A.RECOVERY_ADVICE_RECOVER, "R-BRANCH-SETTLED/1", _OFFERED)
    if decided.choice == CONTINUE_STORED:
        return Advice(A.RECOVERY_ADVICE_REIMPORT, "R-BRANCH-SETTLED/1", _STORED)
    return Advice(A.RECOVERY_ADVICE_WAIT, "R-BRANCH-SETTLED/1", _OTHER)


# Neither takes anything from the machine that is present.
_HARMLESS = (A.RECOVERY_ADVICE_OFFER, A.RECOVERY_ADVICE_REIMPORT)

_PRESENT = "another machine is connected with this identity; stop one of the two"
_DECIDED_BESIDE = "it was decided that this machine goes on: stop the other one, and it does"
_FORKED = "journal and copy differ at the same index; a person decides which history goes on"
_UNFOUNDED = "the epoch names a head that the centre never saw; begin one behind the stored head"
_REWOUND = "the copy continues this journal: the rest is given back"
_OLD_EPOCH = "the copy left this epoch for another one: a second machine may have this identity"
_CLONE = "the session token is an old one: a second machine may run with this identity"
_MACHINE = "the branch holds nobody's act: the lost rest is given back, the branch is kept"
_OFFERED = "a person decided that this machine goes on"
_STORED = "a person decided for the stored history; this machine needs an identity of its own"
_OTHER = "a person looked and left both histories as they are"
_FOLLOWED = "a machine went on by this decision already; this one is an old copy and waits anew"

# A machine that shows a branch whose decision another one followed.
FOLLOWED: Final = Advice(A.RECOVERY_ADVICE_WAIT, "R-CLONE-SUSPECT/1", _FOLLOWED)
