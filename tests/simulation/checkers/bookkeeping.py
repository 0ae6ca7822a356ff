"""Checkers of journals, receipts and runs: nothing lost, nothing twice, the same on both sides.

Owns five promises. Rules: a receipt counts from the moment at which a vendor held it; what an entry
says is read from its bytes; an imported entry is the same act as the one that it repeats. Leaves
out what was done when (`conduct`).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from lpse.federation.checkpoints import checkpoint_text
from lpse.federation.errors import FederationError
from lpse.federation.merkle import CompactRange, leaf_hashes
from lpse.federation.notes import Verifier
from lpse.federation.receipts import verify_receipt
from lpse.federation.reconciliation_replay import lines, replay
from lpse.federation.reconciliation_sets import sets_of
from lpse.federation.v1 import records_pb2 as wire
from tests.simulation.evidence import (
    Copy,
    Epoch,
    Evidence,
    branches,
    own_journal,
    received,
    records,
)

CENTRE = "lkpp"
Told = Iterator[tuple[str, str]]


def nothing_lost(evidence: Evidence) -> Told:
    """Every receipt is genuine, kept word for word, journalled at its node and at the centre."""
    for key in evidence.doubled:
        yield key, "two different receipts were handed out for one submission"
    at_centre = {name: _centre_holds(evidence, node) for name, node in evidence.nodes.items()}
    at_node = {name: _node_holds(node) for name, node in evidence.nodes.items()}
    for promise in evidence.promises:
        node = evidence.nodes[promise.node]
        try:
            commitment = verify_receipt(promise.receipt, node.key).commitment
        except FederationError as error:
            yield promise.key, f"its receipt does not verify: {error.message}"
            continue
        if commitment in evidence.excused:
            continue
        if node.identity in evidence.waiting:  # two histories, until a person decides: one has it
            if commitment not in at_node[promise.node] | at_centre[promise.node]:
                yield promise.key, "neither of two histories has it"
            continue
        rows = node.database.execute(
            "SELECT receipt, commitment FROM intake_submissions WHERE intake_key = ?",
            (promise.key,),
        ).fetchall()
        if not rows:
            yield promise.key, f"{promise.node} does not know the submission any more"
        elif rows[0] != (promise.receipt, commitment):
            yield promise.key, f"{promise.node} now holds another receipt"
        if commitment not in at_node[promise.node]:
            yield promise.key, f"no entry of {promise.node}'s journal has it"
        if commitment not in at_centre[promise.node]:
            yield promise.key, "no entry at the centre has it"


def journals_sound(evidence: Evidence) -> Told:
    """Every head that a machine signed is the root of the bytes that it holds."""
    for copy in (evidence.centre, *evidence.nodes.values()):
        for epoch in own_journal(copy):
            yield from _sound(f"{copy.name}'s journal", epoch, copy.identity, copy.key)
    for node in evidence.nodes.values():
        for epoch in received(evidence.centre, node.identity, "ledger"):
            yield from _sound(f"the ledger of {node.identity}", epoch, node.identity, node.key)
        for epoch in received(node, CENTRE, "national"):
            yield from _sound(f"{node.name}'s copy", epoch, CENTRE, evidence.centre.key)


def copies_agree(evidence: Evidence) -> Told:
    """A copy is a beginning of what its writer holds, byte for byte."""
    national = {epoch.name: epoch.entries for epoch in own_journal(evidence.centre)}
    for node in evidence.nodes.values():
        for copy in received(node, CENTRE, "national"):
            yield from _begins(f"{node.name}'s national copy", copy, national.get(copy.name))
        if node.identity in evidence.waiting:
            continue
        own = {epoch.name: epoch.entries for epoch in own_journal(node)}
        for copy in received(evidence.centre, node.identity, "ledger"):
            yield from _begins(f"the ledger of {node.identity}", copy, own.get(copy.name))


def once(evidence: Evidence) -> Told:
    """One submission, one entry, one row, one count at the centre; one directive, one outcome."""
    for node in evidence.nodes.values():
        entries = [data for epoch in own_journal(node) for data in epoch.entries]
        yield from _once_journalled(node.name, entries)
        twice = node.database.execute(
            "SELECT intake_key FROM intake_submissions GROUP BY commitment HAVING count(*) > 1"
        )
        for (key,) in twice:
            yield key, f"{node.name} keeps it more than once"
        yield from _counted_once(evidence, node)


def runs_replay(evidence: Evidence) -> Told:
    """Every recorded run closes its sets, and its decisions come out the same again."""
    journals = [(CENTRE, own_journal(evidence.centre))]
    journals += [(node.name, own_journal(node)) for node in evidence.nodes.values()]
    for name, epochs in journals:
        entries = [data for epoch in epochs for data in epoch.entries]
        for _, record in records(entries, "reconciliation.recorded"):
            run = cast(wire.ReconciliationRecorded, record)
            if not sets_of(run).closes():
                yield run.run, f"the sets at {name} do not close: {sets_of(run)}"
            again = replay(run)
            for line in lines(again) if again.differences else ():
                yield run.run, line


def accepted_in(database: sqlite3.Connection, table: str) -> set[bytes]:
    """Commitments of all submissions whose entries a table holds, whatever their journal."""
    rows = database.execute(f"SELECT bytes FROM {table}")  # a word of our own
    return _accepted([data for (data,) in rows])


def _sound(about: str, epoch: Epoch, party: str, key: Verifier) -> Told:
    tree = CompactRange()
    for size, root, _ in epoch.heads:
        if size > len(epoch.entries):
            yield about, f"a head speaks of {size} entries, {len(epoch.entries)} are there"
            return
        tree.extend(leaf_hashes(epoch.entries[tree.size : size]))
        if tree.root() != root:
            yield about, f"the head of {size} entries has another root than their bytes"
            return
    if epoch.heads:
        size, root, signature = epoch.heads[-1]
        try:
            key.verify(checkpoint_text(party, epoch.name, size, root).encode(), signature)
        except FederationError:
            yield about, f"the signature of the head of {size} entries is wrong"


def _begins(about: str, copy: Epoch, own: list[bytes] | None) -> Told:
    if own is None:
        yield about, f"its writer does not know epoch {copy.name.hex()[:8]}"
    elif copy.entries != own[: len(copy.entries)]:
        pairs = zip(copy.entries, own, strict=False)
        where = next((n for n, (one, other) in enumerate(pairs) if one != other), len(own))
        yield about, f"it differs from its writer's journal from entry {where} on"


def _once_journalled(name: str, entries: list[bytes]) -> Told:
    kinds = ("upload.accepted", "directive.applied", "handover.confirmed")
    told: Counter[tuple[str, Any]] = Counter()
    for entry, record in records(entries, *kinds):
        if entry.imported is not None:
            continue
        if isinstance(record, wire.UploadAccepted):
            told["submission", record.commitment.hex()[:12]] += 1
            for blob in record.blobs:  # here no two vendors hand in the same bytes
                told["file", blob.digest.hex()[:12]] += 1
        elif isinstance(record, wire.DirectiveApplied):
            told["directive", (record.national_index, record.directive, record.subject)] += 1
        elif isinstance(record, wire.HandoverConfirmed):
            told["hand-over", (record.package, record.submissions)] += 1
    for (what, which), count in told.items():
        if count > 1:
            yield name, f"{what} {which} is journalled {count} times"


def _counted_once(evidence: Evidence, node: Copy) -> Told:
    """The centre's count is that of the distinct submissions which it was told of."""
    rows = evidence.centre.database.execute(
        "SELECT accepted FROM upload_totals WHERE node_id = ?", (node.identity,)
    ).fetchall()
    ledger = received(evidence.centre, node.identity, "ledger")
    told = _accepted([data for epoch in ledger for data in epoch.entries])
    behind = evidence.centre.database.execute(
        "SELECT count(*) FROM ledger_journals j LEFT JOIN ledger_watermarks w"
        " ON w.party = j.party AND w.epoch = j.epoch"
        " WHERE j.party = ? AND coalesce(w.applied_size, 0) < j.size",
        (node.identity,),
    ).fetchone()
    counted = rows[0][0] if rows else 0
    if not behind[0] and counted != len(told):
        yield node.identity, f"the centre counts {counted} submissions and was told of {len(told)}"


def _centre_holds(evidence: Evidence, node: Copy) -> set[bytes]:
    ledger = received(evidence.centre, node.identity, "ledger")
    entries = [data for epoch in ledger for data in epoch.entries]
    return _accepted(entries + branches(evidence.centre, node.identity))


def _node_holds(node: Copy) -> set[bytes]:
    return _accepted([data for epoch in own_journal(node) for data in epoch.entries])


def _accepted(entries: list[bytes]) -> set[bytes]:
    found = records(entries, "upload.accepted")
    return {cast(wire.UploadAccepted, record).commitment for _, record in found}
