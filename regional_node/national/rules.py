"""What becomes of national entries at this node, decided without a disk.

Owns the reading of one batch: the new state, the state to pin, and what to journal about entries
that take effect by being folded (calendars, rule sets, policy) or that could not be folded. Rule:
an entry that cannot be read blocks nothing (Invariant 10). Leaves out outages and releases, whose
own areas journal what became of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from google.protobuf.message import Message

from lpse.federation import kinds
from lpse.federation.desired_state import DesiredState, NodeFacts, fold
from lpse.federation.entries import decode_entry
from lpse.federation.errors import FederationError
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """A national entry; `record` is None where this program does not understand it."""

    index: int
    kind: str
    record: Message | None


@dataclass(frozen=True, slots=True)
class Folded:
    """What a batch makes of the state."""

    state: DesiredState
    pinned: DesiredState | None
    changed: bool  # something beside the size
    applied: tuple[records.DirectiveApplied, ...]


def read_entry(index: int, data: bytes) -> ReadEntry:
    """Decode one stored entry; never raises for what another party wrote."""
    try:
        entry = decode_entry(data)
    except FederationError:
        return ReadEntry(index, "", None)
    try:
        return ReadEntry(index, entry.kind, kinds.record_of(entry.kind, entry.payload))
    except FederationError:
        return ReadEntry(index, entry.kind, None)


def fold_all(
    state: DesiredState,
    pinned: DesiredState | None,
    entries: Sequence[ReadEntry],
    me: NodeFacts,
    late_below: int,
) -> Folded:
    """Fold entries in order; entries below `late_below` were written while the node was away."""
    applied: list[records.DirectiveApplied] = []
    before = state
    for entry in entries:
        after = fold(state, entry.index, entry.kind, entry.record, me)
        if after.pinned_at is not None and state.pinned_at is None:
            pinned = state
        told = _told(entry, late=entry.index < late_below)
        if told is not None:
            applied.append(told)
        state = after
    changed = replace(state, size=before.size) != before
    return Folded(state, pinned, changed, tuple(applied))


def _told(entry: ReadEntry, *, late: bool) -> records.DirectiveApplied | None:
    subject, outcome = "", "applied"
    match entry.record:
        case directives.CalendarPublished():
            subject = f"calendars/{entry.record.year}"
        case directives.RuleSetPublished():
            subject = f"rule-sets/{entry.record.rule_set}"
        case directives.PolicyPublished():
            subject = "policy"
        case None:
            known = entry.kind in kinds.NATIONAL
            outcome = "unreadable" if known or not entry.kind else "unknown_kind"
        case _:
            return None
    return records.DirectiveApplied(
        national_index=entry.index,
        directive=entry.kind,
        subject=subject,
        outcome=outcome,
        late=late,
    )
