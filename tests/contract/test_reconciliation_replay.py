"""Whoever has a record can take its decisions again."""

from __future__ import annotations

from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation import reconciliation_link as link
from lpse.federation.limits import ENTRY_BYTES_MAX, RECONCILIATION_ENTRIES_MAX
from lpse.federation.reconciliation_findings import (
    CENTRE_DIFFERS,
    blob_rule,
    name_findings,
    state_rule,
)
from lpse.federation.reconciliation_replay import lines, replay
from lpse.federation.reconciliation_rules import TABLE, Rule, entry, evidence
from lpse.federation.reconciliation_sets import Sets, name_sets, sets_of
from lpse.federation.v1 import journal_pb2 as journal
from lpse.federation.v1 import records_pb2 as records

RELATIONS = [
    "IN_SYNC",
    "NODE_AHEAD",
    "NODE_REWOUND",
    "FORKED",
    "CLONE_SUSPECT",
    "OLD_EPOCH",
    "NEW_EPOCH",
    "CENTRE_REWOUND",
    "99",
]
NATIONAL = ["equal", "behind", "rewound", "forked", "sideways"]
_ADD: dict[type, Any] = {str: "x", bytes: b"x", int: 1}
SIZES = st.integers(0, 1 << 40)
TEXT = st.text(min_size=0, max_size=20)


def _head(size: int) -> journal.Head:
    return journal.Head(epoch=bytes(16), size=size, root=bytes([size % 256] * 32))


def _record(sizes: list[int], relation: str, national: str) -> records.ReconciliationRecorded:
    node, copy, nation, centre, common = sizes
    record = records.ReconciliationRecorded(
        run="recon/lpse-a/1",
        node_head_before=_head(node),
        national_head_before=_head(centre),
        inputs=records.ReconciliationInputs(
            method=link.METHOD, relation=relation, national_relation=national, common_size=common
        ),
    )
    if copy:
        record.centre_copy_before.CopyFrom(_head(copy))
    if nation:
        record.national_copy_before.CopyFrom(_head(nation))
    return record


def _finished(record: records.ReconciliationRecorded) -> records.ReconciliationRecorded:
    decided = link.decide(record)
    record.entries.extend(decided.decisions)
    name_sets(record, decided.sets)
    record.heads_equal = link.heads_meet(record)
    return records.ReconciliationRecorded.FromString(record.SerializeToString(deterministic=True))


INPUT_ENTRIES = st.lists(
    st.builds(
        records.ReconciliationInputEntry, index=st.integers(0, 1 << 40), kind=TEXT, subject=TEXT
    ),
    max_size=RECONCILIATION_ENTRIES_MAX,
)


@st.composite
def link_runs(draw: st.DrawFn) -> records.ReconciliationRecorded:
    """A recorded run of the link, with any relation and any inputs."""
    sizes = draw(st.lists(SIZES, min_size=5, max_size=5))
    record = _record(sizes, draw(st.sampled_from(RELATIONS)), draw(st.sampled_from(NATIONAL)))
    inputs = record.inputs
    inputs.late.extend(draw(INPUT_ENTRIES))
    inputs.late_count = len(inputs.late) + (draw(st.integers(0, 9)) if len(inputs.late) > 49 else 0)
    inputs.skipped.extend(draw(INPUT_ENTRIES))
    inputs.skipped_count = len(inputs.skipped)
    inputs.parked.extend(draw(st.lists(SIZES, max_size=RECONCILIATION_ENTRIES_MAX)))
    inputs.parked_count = len(inputs.parked)
    inputs.duplicates = draw(st.integers(0, 5))
    record.blobs_verified = draw(st.integers(0, 5))
    if draw(st.booleans()):
        record.node_head_after.CopyFrom(_head(draw(SIZES)))
        record.national_head_after.CopyFrom(_head(draw(SIZES)))
    return _finished(record)


@given(link_runs())
def test_decided_recorded_and_replayed_is_the_same(run: records.ReconciliationRecorded) -> None:
    """Invariant 9: the decisions follow from the record alone, and its sets close."""
    replayed = replay(run)
    assert replayed.complete, list(lines(replayed))
    assert replayed.same == len(run.entries)
    assert sets_of(run).closes()
    assert len(run.entries) <= RECONCILIATION_ENTRIES_MAX
    assert run.ByteSize() < ENTRY_BYTES_MAX


@given(link_runs(), st.data())
def test_a_record_whose_decision_was_changed_is_found(
    run: records.ReconciliationRecorded, data: st.DataObject
) -> None:
    """Each field of each decision, and each count, is compared."""
    tampered = data.draw(st.sampled_from(run.entries))
    field = data.draw(st.sampled_from(["object", "reason", "outcome", "count", "hash_after"]))
    former = getattr(tampered, field)
    setattr(tampered, field, former + _ADD[type(former)])
    replayed = replay(run)
    assert [one.field for one in replayed.differences] == [field]


@pytest.mark.parametrize(
    "field",
    ["both_count", "only_node_count", "only_centre_count", "different_count", "union_count"],
)
def test_sets_that_do_not_close_are_found(field: str) -> None:
    """Invariant 9: each count stands for itself."""
    run = _finished(_record([9, 4, 3, 3, 0], "NODE_AHEAD", "equal"))
    setattr(run, field, getattr(run, field) + 1)
    assert "sets" in [one.field for one in replay(run).differences]


def test_left_out_and_added_decisions_are_found() -> None:
    """A run with one decision fewer than its inputs give is told as such."""
    run = _finished(_record([9, 4, 3, 3, 0], "NODE_AHEAD", "equal"))
    del run.entries[1]
    assert "entries" in [one.field for one in replay(run).differences]


def test_another_relation_gives_another_decision() -> None:
    """Inputs that were changed afterwards no longer lead to what is recorded."""
    run = _finished(_record([9, 9, 3, 3, 5], "FORKED", "equal"))
    run.inputs.relation = "IN_SYNC"
    assert {"object", "outcome", "sets"} <= {one.field for one in replay(run).differences}


def test_runs_of_an_older_program_say_what_cannot_be_replayed() -> None:
    """Without inputs nothing is called the same, and nothing is called different either."""
    run = _finished(_record([9, 4, 3, 3, 0], "NODE_AHEAD", "equal"))
    run.ClearField("inputs")
    run.ClearField("union_count")
    replayed = replay(run)
    assert (replayed.same, replayed.differences) == (0, ())
    assert "older program" in replayed.not_recorded[0]


def test_a_decision_of_an_older_rule_is_named_and_not_called_wrong() -> None:
    """The former version's row stays in the table, so that it can be read."""
    run = _finished(_record([4, 9, 3, 3, 0], "NODE_REWOUND", "equal"))
    run.entries[0].rule = "R-NODE-REWOUND/1"
    replayed = replay(run)
    assert not replayed.differences
    assert replayed.not_recorded == (
        "entry 0: decided by R-NODE-REWOUND/1; this program decides by another version",
    )


def test_a_rule_or_method_of_a_newer_program_is_named() -> None:
    """What this program does not know is a gap, not a difference."""
    run = _finished(_record([9, 4, 3, 3, 0], "NODE_AHEAD", "equal"))
    run.entries[0].rule = "R-OF-TOMORROW/1"
    assert replay(run).not_recorded == (
        "entry 0: rule R-OF-TOMORROW/1 is not known to this program",
    )
    run.inputs.method = "telepathy"
    assert "telepathy" in replay(run).not_recorded[0]


def _findings_run(*entries: records.ReconciliationEntry) -> records.ReconciliationRecorded:
    record = records.ReconciliationRecorded(run="recon/lpse-a/2", entries=entries)
    name_findings(record)
    name_sets(record, Sets())
    return records.ReconciliationRecorded.FromString(record.SerializeToString(deterministic=True))


@pytest.mark.parametrize("one", TABLE, ids=lambda one: one.name)
def test_every_rule_of_the_table_can_be_replayed(one: Rule) -> None:
    """Findings carry what their rule needs."""
    rule_id = one.id
    side = {"node": b"{}", "centre": b"{}"}
    if rule_id.startswith("R-BLOB-") and rule_id != "R-BLOB-MISSING":
        _, _, whose, what = rule_id.split("-")
        found = "MISSING" if what == "MISSING" else "CORRUPT"
        side[whose.lower()] = evidence(found=found)
    words = {name: "x" for _, name, _, _ in Formatter().parse(one.reason_en) if name}
    words["field"] = "weather" if rule_id == "R-STATE-DIFFERENT" else "upload.size"
    words.pop("count", None)
    made = entry(rule_id, "object", side["node"], side["centre"], "done", 3, **words)
    made.reason += "; and more"
    assert replay(_findings_run(made)).complete


def test_damage_is_classified_again_from_the_evidence() -> None:
    """A record that calls a missing copy damaged contradicts its own evidence."""
    sides = evidence(found="MISSING", size_bytes=3), evidence(found=None, size_bytes=3)
    told = entry(blob_rule("node", missing=False), "blob 12", *sides, "", 1, found="missing")
    fields = [one.field for one in replay(_findings_run(told)).differences]
    assert fields == ["classification", "rule"]


def test_a_rebuilt_field_is_checked_against_its_owner() -> None:
    """Nobody rebuilds at the centre what no side owns."""
    rule_id = state_rule("upload.size", CENTRE_DIFFERS)
    told = entry(rule_id, "uploads 12", b"", b"", "", 1, field="upload.size")
    run = _findings_run(told)
    run.inputs.findings[0].field = "weather"
    assert "rule" in [one.field for one in replay(run).differences]


def test_evidence_that_says_nothing_is_a_difference() -> None:
    """A decision about bytes needs the finding that it rests on."""
    told = entry(blob_rule("node", missing=True), "blob 12", b"", b"[", "", 1, found="missing")
    assert [one.field for one in replay(_findings_run(told)).differences] == ["facts"]


def test_a_record_from_a_hostile_hand_is_judged_and_breaks_nothing() -> None:
    """Words, counts and evidence that no program of ours writes are differences."""
    run = _finished(_record([9, 4, 3, 3, 0], "NODE_AHEAD", "equal"))
    run.inputs.late.add(index=1)
    run.entries[0].words["count"] = "{0.__class__}"
    assert replay(run).differences
    told = entry(blob_rule("node", missing=True), "blob", b"[" * 60_000, b"{}", "", 1, found="x")
    told.words["count"] = "7"
    assert replay(_findings_run(told)).differences


@given(common=st.integers(0, 99), tail=st.integers(0, 99), branch=st.integers(0, 99))
def test_branches_of_a_recovery_are_counted_by_entry(common: int, tail: int, branch: int) -> None:
    """Invariant 9: the tail given back and the branch kept aside are two sets, both whole."""
    sets = Sets()
    sets.add_branches(common + branch, common + tail, common=common)
    assert sets.closes()
    assert (sets.both, sets.only_node, sets.only_centre) == (common, branch, tail)
    assert sets.union == common + tail + branch


def test_heads_said_to_meet_and_sets_that_do_not_close_are_found() -> None:
    """What the run says of the end, and its set algebra, is reckoned again too."""
    equal = _finished(_record([5, 5, 7, 7, 5], "IN_SYNC", "equal"))
    assert replay(equal).complete
    equal.heads_equal = not equal.heads_equal
    (found,) = replay(equal).differences
    assert (found.entry, found.field) == (None, "heads_equal")
    run = records.ReconciliationRecorded(only_node_count=3, union_count=2)
    run.inputs.method = "of another program"
    assert [one.field for one in replay(run).differences] == ["sets"]
