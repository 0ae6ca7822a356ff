"""The log of reconciliation, written: one indexed row per entry of a run, and what changes later.

Owns the tables `recon_entries`, `recon_index`, `recon_counts` and those of opened packages. Rules:
row, index and counts move in the transaction of the run; only the state of an entry and the
packages that it is about ever change, and both follow from journals, so that everything here can be
dropped and built again. Leaves out reading (`log_store`) and the runs themselves (`store`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from central.reconciliation import bits_store, names_store, tokens, topics_store
from lpse.federation import run_names
from lpse.federation.commitments import read_details
from lpse.federation.entries import timestamp
from lpse.federation.errors import Refused
from lpse.federation.recon_log import begin_of, blob_of, lines_of, word_of
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros

_INSERT: Final = (
    "INSERT INTO recon_entries (run, number, node_id, province, begin_time, trigger,"
    " classification, rule, state, resolved_by, tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?)"
    " RETURNING id"
)
_COUNT: Final = (
    "INSERT INTO recon_counts (token, facet, value, entries) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (token) DO UPDATE SET entries = entries + excluded.entries"
)


@dataclass(frozen=True, slots=True)
class RunPlace:
    """The row of a run, whom it is about, and when the record was written."""

    run: int
    node_id: str
    record_time: datetime


def add_in(tx: Transaction, place: RunPlace, record: records.ReconciliationRecorded) -> None:
    """Index every entry of a run; one that ended with equal heads closes what was unfinished."""
    province = _province_in(tx, place.node_id)
    begin = begin_of(record) or place.record_time
    if record.heads_equal:
        _finish_in(tx, place, record.run)
    counted: dict[tuple[str, str], int] = {}
    lines = lines_of(record, place.node_id, province)
    for line in lines:
        line.begin_time.CopyFrom(timestamp(begin))
    rows = [_add_line_in(tx, place.run, line, record) for line in lines]
    bits_store.add_in(tx, rows)
    for (entry, _), line in zip(rows, lines, strict=True):
        answered = topics_store.added_in(tx, entry, line.node_id, line.entry, record.run)
        _close_answered_in(tx, answered)
        for pair in tokens.facet_values(line):
            counted[pair] = counted.get(pair, 0) + 1
    tx.many(
        _COUNT,
        [(tokens.token(*pair), *pair, number) for pair, number in counted.items() if pair[1]],
    )
    tx.run("UPDATE reconciliations SET indexed = 1 WHERE id = ?", (place.run,))


def resolve_in(
    tx: Transaction, record: records.ReconciliationResolved, epoch: bytes, resolved_by: str
) -> bool:
    """A person closed an entry, in a record of that epoch; False where there is none."""
    run = run_names.meant(record.run, names_store.places_in(tx, record.run), epoch)
    rows = tx.execute(
        "SELECT id FROM recon_entries WHERE run = ? AND number = ?", (run, record.entry)
    )
    for (entry,) in rows:
        _close_answered_in(tx, topics_store.resolved_in(tx, entry, resolved_by))
    return bool(rows)


def opened_in(tx: Transaction, node_id: str, record: records.PackageOpened) -> None:
    """From now on entries about the package's files are found by its code."""
    for reveal in record.reveals:
        try:
            details = read_details(reveal.details)
        except Refused:
            continue  # the areas that judge openings park it; the log only learns what it can read
        for file in details.files:
            tx.run(
                "INSERT INTO recon_package_blobs (node_id, digest, package) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (node_id, file.sha256, record.package),
            )
            _name_package_in(tx, node_id, file.sha256, record.package)


def _add_line_in(
    tx: Transaction, run: int, line: log.LogEntry, record: records.ReconciliationRecorded
) -> tuple[int, str]:
    """The row of the line, and its tokens."""
    held = tokens.tokens_of(line, record)
    digest = blob_of(line.entry)
    if digest is not None:
        held += "".join(
            f" {tokens.package_token(package)}"
            for (package,) in tx.execute(
                "SELECT package FROM recon_package_blobs WHERE node_id = ? AND digest = ?",
                (line.node_id, digest),
            )
        )
    values = (
        run,
        line.number,
        line.node_id,
        line.province,
        to_micros(line.begin_time.ToDatetime(tzinfo=UTC)),
        line.trigger,
        line.entry.classification,
        line.entry.rule,
        line.state,
        held,
    )
    entry = int(tx.execute(_INSERT, values)[0][0])
    tx.run("INSERT INTO recon_index (rowid, tokens) VALUES (?, ?)", (entry, held))
    if digest is not None:
        tx.run(
            "INSERT INTO recon_entry_blobs (node_id, digest, entry) VALUES (?, ?, ?)",
            (line.node_id, digest, entry),
        )
    return entry, held


def _finish_in(tx: Transaction, place: RunPlace, run: str) -> None:
    """What earlier runs could not finish is finished when a later one ends with equal heads."""
    rows = tx.execute(
        "SELECT id, state, tokens FROM recon_entries WHERE state IN (2, 3) AND state = ?"
        " AND node_id = ? AND run < ?",
        (log.ENTRY_STATE_OPEN, place.node_id, place.run),
    )
    for entry, state, held in rows:
        _close_in(tx, entry, state, held, run)


def _close_answered_in(tx: Transaction, answered: list[tuple[int, str]]) -> None:
    """Close rows that wait for a person; a person's later word replaces an earlier one.

    What an officer of a node alone decided closes no finding of the centre, and replaces no word of
    the two persons there.
    """
    for entry, by in answered:
        rows = tx.execute(
            "SELECT e.state, e.tokens, e.resolved_by, r.party FROM recon_entries e"
            " JOIN reconciliations r ON r.id = e.run WHERE e.id = ?",
            (entry,),
        )
        for state, held, before, party in rows:
            person, centre = " resolutions/" in by, topics_store.is_of_centre(by)
            if person and not centre and (party or topics_store.is_of_centre(before)):
                continue
            if state == log.ENTRY_STATE_NEEDS_PERSON or person:
                _close_in(tx, entry, state, held, by)


def _close_in(tx: Transaction, entry: int, state: int, held: str, resolved_by: str) -> None:
    names = [word_of(log.EntryState, one) for one in (state, log.ENTRY_STATE_RESOLVED)]
    before, after = (tokens.token("state", name) for name in names)
    renewed = held.replace(f"{before} ", f"{after} ", 1)
    tx.run(
        "UPDATE recon_entries SET state = ?, resolved_by = ? WHERE id = ?",
        (log.ENTRY_STATE_RESOLVED, resolved_by, entry),
    )
    _reindex_in(tx, entry, held, renewed)
    if before != after:
        bits_store.move_in(tx, entry, before, after)
        tx.many(_COUNT, [(before, "state", names[0], -1), (after, "state", names[1], 1)])


def _name_package_in(tx: Transaction, node_id: str, digest: bytes, package: str) -> None:
    named = tokens.package_token(package)
    rows = tx.execute(
        "SELECT e.id, e.tokens FROM recon_entry_blobs b JOIN recon_entries e ON e.id = b.entry"
        " WHERE b.node_id = ? AND b.digest = ?",
        (node_id, digest),
    )
    for entry, held in rows:
        if named not in held.split(" "):
            _reindex_in(tx, entry, held, f"{held} {named}")


def _reindex_in(tx: Transaction, entry: int, before: str, after: str) -> None:
    if before == after:
        return
    tx.run(
        "INSERT INTO recon_index (recon_index, rowid, tokens) VALUES ('delete', ?, ?)",
        (entry, before),
    )
    tx.run("UPDATE recon_entries SET tokens = ? WHERE id = ?", (after, entry))
    tx.run("INSERT INTO recon_index (rowid, tokens) VALUES (?, ?)", (entry, after))


def _province_in(tx: Transaction, node_id: str) -> str:
    rows = tx.execute(
        "SELECT province FROM node_bindings WHERE node_id = ? ORDER BY enrol_time DESC LIMIT 1",
        (node_id,),
    )
    return str(rows[0][0]) if rows else ""
