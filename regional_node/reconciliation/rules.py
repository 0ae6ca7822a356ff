"""From what a session saw to the record of its run, and from the record to its decisions.

Owns the form in which facts enter a record. Rule: the record holds everything that it was decided
from, so that anybody who has it can decide again (`lpse.federation.reconciliation_link`). Leaves
out the rules (`lpse.federation.reconciliation_rules`), clocks, storage and the wire.
"""

from __future__ import annotations

from collections.abc import Iterable

from lpse.federation import reconciliation_link
from lpse.federation.checkpoints import Head
from lpse.federation.limits import RECONCILIATION_ENTRIES_MAX
from lpse.federation.reconciliation_link import Decided
from lpse.federation.reconciliation_sets import name_sets
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records
from regional_node.reconciliation.facts import LateEntry, Moved, Shown


def decide(shown: Shown, moved: Moved) -> Decided:
    """The decisions of a run with these facts."""
    record = records.ReconciliationRecorded()
    name_facts(record, shown, moved)
    return reconciliation_link.decide(record)


def write_decisions(
    record: records.ReconciliationRecorded, shown: Shown, moved: Moved
) -> records.ReconciliationRecorded:
    """The record with the facts, what was decided from them, and the sets."""
    name_facts(record, shown, moved)
    decided = reconciliation_link.decide(record)
    record.entries.extend(decided.decisions)
    name_sets(record, decided.sets)
    return record


def name_facts(record: records.ReconciliationRecorded, shown: Shown, moved: Moved) -> None:
    """Heads, counts and inputs."""
    _name_heads(record, shown, moved)
    record.entries_sent = moved.entries_sent
    record.entries_received = moved.entries_received
    record.bytes_moved = moved.bytes_moved
    record.blobs_verified = moved.blobs_verified
    inputs = record.inputs
    inputs.method = reconciliation_link.METHOD
    inputs.relation = _relation(shown.relation)
    inputs.national_relation = shown.national_relation
    inputs.common_size = shown.common_size
    if shown.other_epoch_head is not None:
        inputs.other_epoch_head.CopyFrom(shown.other_epoch_head.message())
    limit = RECONCILIATION_ENTRIES_MAX
    inputs.late.extend(_named(moved.late[:limit]))
    inputs.late_count = len(moved.late)
    inputs.skipped.extend(_named(moved.skipped[:limit]))
    inputs.skipped_count = len(moved.skipped)
    inputs.parked.extend(moved.parked[:limit])
    inputs.parked_count = len(moved.parked)
    inputs.duplicates = moved.duplicates


def with_difference(decided: Iterable[records.ReconciliationEntry]) -> bool:
    """Whether the run found anything but agreement."""
    return any(one.classification != records.CLASSIFICATION_MATCH for one in decided)


def _name_heads(record: records.ReconciliationRecorded, shown: Shown, moved: Moved) -> None:
    _copy(record.node_head_before, shown.node_head)
    if shown.centre_copy is not None:
        _copy(record.centre_copy_before, shown.centre_copy)
    if shown.national_copy is not None:
        _copy(record.national_copy_before, shown.national_copy)
    _copy(record.national_head_before, shown.national_head)
    if moved.stored_head is not None:
        _copy(record.node_head_after, moved.stored_head)
    if moved.national_head is not None:
        _copy(record.national_head_after, moved.national_head)


def _copy(field: object, head: Head) -> None:
    field.CopyFrom(head.message())  # type: ignore[attr-defined] # a Head message's own method


def _relation(relation: link.HeadRelation.ValueType) -> str:
    """A relation of a newer centre is kept as its number."""
    if relation not in link.HeadRelation.values():
        return str(relation)
    return link.HeadRelation.Name(relation).removeprefix("HEAD_RELATION_")


def _named(entries: Iterable[LateEntry]) -> list[records.ReconciliationInputEntry]:
    return [
        records.ReconciliationInputEntry(index=one.index, kind=one.kind, subject=one.subject)
        for one in entries
    ]
