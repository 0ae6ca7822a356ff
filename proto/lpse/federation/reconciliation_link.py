"""The decisions of a run that compared heads at a hello, from the record of the run alone.

Owns which rule of the table applies to which pair of heads. Rules: nothing is looked at but the
heads and `inputs` in the record, so that whoever has the record can decide again; a relation that
no rule knows is kept on both sides and put before a person. Entries are counted by position in
their journal. Leaves out the words (`reconciliation_rules`), clocks, storage and the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from lpse.federation.limits import RECONCILIATION_ENTRIES_MAX
from lpse.federation.reconciliation_rules import PERSON, default_rule, entry, evidence
from lpse.federation.reconciliation_sets import Sets
from lpse.federation.v1 import journal_pb2 as journal
from lpse.federation.v1 import records_pb2 as records

METHOD: Final = "link"

Decision = records.ReconciliationEntry
Record = records.ReconciliationRecorded
C = records.Classification

_FORKED: Final = {
    "FORKED": "R-REGIONAL-FORKED",
    "CLONE_SUSPECT": "R-CLONE-SUSPECT",
    "OLD_EPOCH": "R-EPOCH-OLD",
}
_KNOWN: Final = {"IN_SYNC", "NODE_AHEAD", "NODE_REWOUND", "NEW_EPOCH", "CENTRE_REWOUND", *_FORKED}
_MEETING: Final = {"IN_SYNC", "NODE_AHEAD", "NEW_EPOCH", "CENTRE_REWOUND"}
_NATIONAL_KNOWN: Final = {"equal", "behind", "rewound", "forked"}
_KEPT: Final = "kept the node's copy, accepted nothing"
_GIVEN_BACK: Final = "kept the node's copy, given back to the centre"


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions of a run and the sets that they account for."""

    decisions: tuple[Decision, ...]
    sets: Sets = field(default_factory=Sets)


def decide(record: Record) -> Decided:
    """Every decision of the run, in order: own journal, national journal, single entries."""
    inputs, sets = record.inputs, Sets()
    found = [
        *_regional(record, sets),
        *_epoch(record),
        _national(record, sets),
        *_late(inputs.late),
        *_skipped(inputs.skipped),
        *_parked(inputs.parked),
        *_duplicates(inputs.duplicates),
        *_blobs(record.blobs_verified),
    ]
    counted = inputs.late_count + inputs.skipped_count + inputs.parked_count
    unlisted = counted - len(inputs.late) - len(inputs.skipped) - len(inputs.parked)
    assert sets.closes(), sets
    return Decided(tuple(_limited(found, max(0, unlisted))), sets)


def heads_meet(record: Record) -> bool:
    """Whether everything that differed at the hello had reached the other side at the end."""
    if record.inputs.relation not in _MEETING:
        return False
    if record.inputs.national_relation not in ("equal", "behind"):
        return False
    own, stored = record.node_head_before, record.node_head_after
    shown, held = record.national_head_before, record.national_head_after
    if not (record.HasField("node_head_after") and record.HasField("national_head_after")):
        return False
    if stored.epoch != own.epoch or held.epoch != shown.epoch:
        return False
    return stored.size >= own.size and held.size >= shown.size


# --- the node's own journal ---


def _regional(record: Record, sets: Sets) -> list[Decision]:
    relation = record.inputs.relation
    node, centre = record.node_head_before.size, record.centre_copy_before.size
    forked = relation in _FORKED
    common = record.inputs.common_size if forked else min(node, centre)
    sets.add(node, centre, common=common, forked=forked)
    sides = _own_evidence(record)
    if forked:
        return [entry(_FORKED[relation], "regional journal", *sides, "quarantined", 1)]
    if relation not in _KNOWN:
        return [_unruled("regional journal", *sides)]
    if centre > node or relation == "NODE_REWOUND":
        subject = f"regional {node}..{max(node, centre - 1)}"
        asked = "asked back from the centre"
        return [entry("R-NODE-REWOUND", subject, *sides, asked, max(0, centre - node))]
    if node == centre:
        equal = entry("R-REGIONAL-EQUAL", f"regional 0..{node - 1}", *sides, "", node)
        equal.hash_after = record.node_head_before.root
        return [equal]
    return _ahead(record, node, centre)


def _ahead(record: Record, node: int, centre: int) -> list[Decision]:
    """What the centre once stored and lost is told apart from what it never had."""
    once = min(node, max(centre, record.inputs.common_size))
    done = record.node_head_after.size
    rows = []
    for rule_id, first, end in (
        ("R-LEDGER-RETURNED", centre, once),
        ("R-REGIONAL-AHEAD", once, node),
    ):
        if first < end:
            outcome = "sent" if done >= end else "not finished"
            subject = f"regional {first}..{end - 1}"
            row = entry(rule_id, subject, *_own_evidence(record), outcome, end - first)
            row.hash_after = record.node_head_after.root
            rows.append(row)
    return rows


def _epoch(record: Record) -> list[Decision]:
    if record.inputs.relation != "NEW_EPOCH":
        return []
    sides = _evidence(record, "node_head_before"), _head_evidence(_other(record))
    subject = f"epoch {record.node_head_before.epoch.hex()}"
    return [entry("R-EPOCH-NEW", subject, *sides, "kept both", 0)]


def _other(record: Record) -> journal.Head | None:
    inputs = record.inputs
    return inputs.other_epoch_head if inputs.HasField("other_epoch_head") else None


def _own_evidence(record: Record) -> tuple[bytes, bytes]:
    return _evidence(record, "node_head_before"), _evidence(record, "centre_copy_before")


# --- the national journal ---


def _national(record: Record, sets: Sets) -> Decision:
    relation = record.inputs.national_relation
    node, centre = record.national_copy_before.size, record.national_head_before.size
    forked = relation == "forked"
    sets.add(node, centre, common=0 if forked else min(node, centre), forked=forked)
    sides = _evidence(record, "national_copy_before"), _evidence(record, "national_head_before")
    if forked:
        return entry("R-NATIONAL-FORKED", "national journal", *sides, _KEPT, 1)
    if relation not in _NATIONAL_KNOWN:
        return _unruled("national journal", *sides)
    if node > centre:
        subject = f"national {centre}..{node - 1}"
        return entry("R-CENTRE-REWOUND", subject, *sides, _GIVEN_BACK, node - centre)
    if node == centre:
        equal = entry("R-NATIONAL-EQUAL", f"national 0..{node - 1}", *sides, "", node)
        equal.hash_after = record.national_head_before.root
        return equal
    done = "received" if record.national_head_after.size >= centre else "not finished"
    subject = f"national {node}..{centre - 1}"
    behind = entry("R-NATIONAL-BEHIND", subject, *sides, done, centre - node)
    behind.hash_after = record.national_head_after.root
    return behind


# --- single entries ---


def _late(late: Iterable[records.ReconciliationInputEntry]) -> list[Decision]:
    return [
        entry(
            "R-DIRECTIVE-LATE",
            f"national {one.index}",
            b"",
            b"",
            "",
            1,
            directive=one.subject or one.kind,
        )
        for one in late
    ]


def _skipped(skipped: Iterable[records.ReconciliationInputEntry]) -> list[Decision]:
    kept = "kept, applied after the next upgrade"
    return [entry("R-KIND-UNKNOWN", f"national {one.index}", b"", b"", kept, 1) for one in skipped]


def _parked(parked: Iterable[int]) -> list[Decision]:
    return [entry("R-ENTRY-PARKED", f"regional {index}", b"", b"", "parked", 1) for index in parked]


def _duplicates(count: int) -> list[Decision]:
    if not count:
        return []
    dropped = "dropped by their hash"
    return [entry("R-ENTRY-DUPLICATE", "regional entries", b"", b"", dropped, count)]


def _blobs(count: int) -> list[Decision]:
    if not count:
        return []
    return [entry("R-BLOB-MISSING", "blobs", b"", b"", "sent, digest re-read from disk", count)]


# --- rows ---


def _unruled(subject: str, node: bytes, centre: bytes) -> Decision:
    name = default_rule(C.CLASSIFICATION_DIFFERENT).id
    return entry(name, subject, node, centre, f"kept both, {PERSON}", 1)


def _evidence(record: Record, name: str) -> bytes:
    return _head_evidence(getattr(record, name) if record.HasField(name) else None)  # type: ignore[arg-type] # a field name of the record


def _head_evidence(head: journal.Head | None) -> bytes:
    if head is None:
        return evidence(head=None)
    return evidence(epoch=head.epoch.hex(), size=head.size, root=head.root.hex())


def _limited(found: Sequence[Decision], unlisted: int) -> list[Decision]:
    """The last row tells how many decisions the record has no room for."""
    total = len(found) + unlisted
    if total <= RECONCILIATION_ENTRIES_MAX:
        return list(found)
    last = min(len(found), RECONCILIATION_ENTRIES_MAX) - 1
    first, rest = found[last], found[last:]
    summary = records.ReconciliationEntry()
    summary.CopyFrom(first)
    summary.object = f"{first.object} and {total - last - 1} further objects"
    summary.reason = (
        "more decisions than one record holds, made by this rule and those named before"
    )
    summary.count = sum(one.count for one in rest) + unlisted
    summary.ClearField("words")
    return [*found[:last], summary]
