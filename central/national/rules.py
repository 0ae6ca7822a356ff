"""May the centre append to the national journal? Decided from evidence alone.

Owns the states of the gate. Rule (design.md, the link): after a start nothing is appended until
min(3, enrolled) nodes have shown national heads that the centre's own journal contains, an
operator asserts it, or the head file proves a plain restart within one boot of the machine; once a
node has shown more than the centre has, nothing is appended at all, because a restored centre must
not fork history (Invariant 5). Leaves out where the evidence comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lpse.federation.checkpoints import Head
from lpse.federation.limits import NATIONAL_WITNESSES_MIN


class Gate(Enum):
    """What a publisher may do."""

    OPEN = "open"
    WAITING = "waiting"
    CONTRADICTED = "contradicted"


class Start(Enum):
    """What the head file says about this start."""

    FIRST = "first"  # a new journal and no file yet
    PLAIN_RESTART = "plain restart"
    UNPROVEN = "unproven"  # no file, one of another machine's journal, or of another boot
    RESTORED = "restored"  # the file knows more than the journal has


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that decides the gate."""

    start: Start
    enrolled: int = 0
    witnesses: frozenset[str] = frozenset()  # nodes that showed heads which the journal contains
    contradicting: frozenset[str] = frozenset()  # nodes that showed more, or something else
    asserted: bool = False


def gate(evidence: Evidence) -> Gate:
    """One contradiction outweighs everything else."""
    if evidence.contradicting:
        return Gate.CONTRADICTED
    if evidence.asserted or evidence.start in (Start.FIRST, Start.PLAIN_RESTART):
        return Gate.OPEN
    if len(evidence.witnesses) >= needed(evidence.enrolled):
        return Gate.OPEN
    return Gate.WAITING


def needed(enrolled: int) -> int:
    """How many nodes must have shown their heads."""
    return min(NATIONAL_WITNESSES_MIN, enrolled)


def explain(evidence: Evidence) -> str:
    """The gate's reason in words, for operators and errors."""
    match gate(evidence):
        case Gate.OPEN:
            return "the centre may publish"
        case Gate.CONTRADICTED:
            count = len(evidence.contradicting)
            return (
                f"{count} node(s) hold national entries that this centre does not have: it was"
                " restored from an older copy and stays read-only"
            )
        case Gate.WAITING:
            return (
                f"after a restore or a boot of the machine {needed(evidence.enrolled)} node(s)"
                f" must show their national heads first; {len(evidence.witnesses)} did"
            )


def judge_start(
    own: Head,
    filed: Head | None,
    root_at_filed: bytes | None,
    *,
    fresh: bool,
    same_boot: bool,
) -> Start:
    """What the file beside the database says; `root_at_filed` is the journal's root at its size.

    The file is written before a head becomes visible outside, so a journal that contains the
    filed head has lost nothing that anybody could know. After a boot the file proves less: the
    whole disk may have been put back to a snapshot, journal and file alike.
    """
    if filed is None:
        return Start.FIRST if fresh else Start.UNPROVEN
    if filed.party != own.party or filed.epoch != own.epoch:
        return Start.UNPROVEN
    if filed.size > own.size:
        return Start.RESTORED
    return Start.PLAIN_RESTART if same_boot and root_at_filed == filed.root else Start.UNPROVEN
