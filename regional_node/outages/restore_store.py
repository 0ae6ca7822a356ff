"""Measured outages and what was told of declared ones, made again from own entries: all their SQL.

Rules: restoring twice has the effect of once (Invariant 3); a number that the node gave again
meanwhile stays with the outage that has it, and the one that came back gets a free number, which
later entries of it find; two outages of one kind are never open at once. Leaves out which entry
comes here, and declarations themselves: they come back with the national journal.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.entries import moment
from lpse.federation.errors import Refused
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros
from regional_node.national import told_store
from regional_node.restored import DONE, KEPT_BOTH, Note, Restored, RestoredEntry

_PREFIX: Final = "measured/"
_RENUMBERED: Final = Note(
    KEPT_BOTH, "a measured outage has another number now: its own was given again meanwhile"
)
_CONFIRMED: Final = Note(KEPT_BOTH, "a measured outage was confirmed twice with other words")


def measured_in(tx: Transaction, entry: RestoredEntry) -> Restored:
    """The start of an outage, or its end."""
    record = entry.record
    assert isinstance(record, records.OutageMeasured)
    start = to_micros(moment(record.start_time))
    number = _number_in(tx, record.outage)
    notes: tuple[Note, ...] = ()
    present = _present_in(tx, number)
    if present is not None and present != (record.kind, start):
        number, notes = _free_in(tx, record.outage), (_RENUMBERED,)
        present = None
    end = to_micros(moment(record.end_time)) if record.HasField("end_time") else None
    if present is None:
        _insert_in(tx, number, record, start, end)
    elif end is not None:
        tx.run(
            "UPDATE outage_measured SET end_time = ?, probes_failed = ?, during_upgrade = ?"
            " WHERE number = ? AND end_time IS NULL",
            (end, record.probes_failed, int(record.during_upgrade), number),
        )
    return Restored(notes=notes)


def confirmed_in(tx: Transaction, entry: RestoredEntry) -> Restored:
    """An officer's word on an outage."""
    record = entry.record
    assert isinstance(record, records.OutageConfirmed)
    number = _number_in(tx, record.outage)
    data = record.SerializeToString(deterministic=True)
    rows = tx.execute("SELECT confirmation FROM outage_measured WHERE number = ?", (number,))
    if not rows:
        return Restored(later=record.outage.encode())
    if rows[0][0] is not None:
        return DONE if bytes(rows[0][0]) == data else Restored(notes=(_CONFIRMED,))
    tx.run(
        "UPDATE outage_measured SET confirmation = ?, confirm_time = ? WHERE number = ?",
        (data, to_micros(entry.record_time), number),
    )
    return DONE


def told_in(tx: Transaction, entry: RestoredEntry) -> Restored:
    """What became of a national entry: remembered until that entry is here again."""
    record = entry.record
    assert isinstance(record, records.DirectiveApplied)
    told_store.remember_in(tx, record, entry.record_time)
    return DONE


def _insert_in(
    tx: Transaction, number: int, record: records.OutageMeasured, start: int, end: int | None
) -> None:
    if end is None:
        end = _other_start_in(tx, record.kind, start)
    tx.run(
        "INSERT INTO outage_measured (number, kind, start_time, end_time, probes_failed, evidence,"
        " during_upgrade) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            record.kind,
            start,
            end,
            record.probes_failed,
            record.evidence,
            int(record.during_upgrade),
        ),
    )


def _other_start_in(tx: Transaction, kind: int, start: int) -> int | None:
    """While another one is open, this one ended when that one began, as far as anybody knows."""
    rows = tx.execute(
        "SELECT start_time FROM outage_measured WHERE kind = ? AND end_time IS NULL", (kind,)
    )
    return max(start, rows[0][0]) if rows else None


def _present_in(tx: Transaction, number: int) -> tuple[int, int] | None:
    rows = tx.execute("SELECT kind, start_time FROM outage_measured WHERE number = ?", (number,))
    return (rows[0][0], rows[0][1]) if rows else None


def _number_in(tx: Transaction, name: str) -> int:
    """The number under which an outage stands here."""
    rows = tx.execute("SELECT is_now FROM restore_renamed WHERE was = ?", (name,))
    if rows:
        return int(rows[0][0])
    text = name.removeprefix(_PREFIX)
    if text == name or not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise Refused("FED-4202", "the name of a measured outage looks like measured/1")
    return int(text)


def _free_in(tx: Transaction, name: str) -> int:
    rows = tx.execute("SELECT coalesce(max(number), 0) + 1 FROM outage_measured")
    number = int(rows[0][0])
    tx.run(
        "INSERT INTO restore_renamed VALUES (?, ?)"
        " ON CONFLICT (was) DO UPDATE SET is_now = excluded.is_now",
        (name, number),
    )
    return number
