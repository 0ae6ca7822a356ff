"""What waits, and what people should know of restored entries: all their SQL.

Owns the tables `restore_later` and `restore_notes`. Rules: an entry waits under the subject that is
missing, and is taken up again in the order in which entries came; a note is kept once. Functions
work inside the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpse.federation import kinds
from lpse.runtime.sqlite import Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from regional_node.restored import Note, RestoredEntry

_COLUMNS = "position, epoch, idx, kind, payload, entry_id, record_time"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that waits; `position` is its place in the row of those that wait."""

    position: int
    entry: RestoredEntry


@dataclass(frozen=True, slots=True)
class NotedEntry:
    """A note and the entry that it is about."""

    epoch: bytes
    index: int
    kind: str
    note: Note


def wait_in(tx: Transaction, subject: bytes, entry: RestoredEntry) -> None:
    """Keep an entry until its subject is here."""
    assert entry.record is not None
    tx.run(
        "INSERT INTO restore_later (subject, epoch, idx, kind, payload, entry_id, record_time)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (epoch, idx) DO UPDATE"
        " SET subject = excluded.subject",
        (
            subject,
            entry.epoch,
            entry.index,
            entry.kind,
            entry.record.SerializeToString(deterministic=True),
            entry.entry_id,
            to_micros(entry.record_time),
        ),
    )


def waiting_for_in(tx: Transaction, subject: bytes) -> list[Waiting]:
    """Entries that wait for one subject, in order."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM restore_later WHERE subject = ? ORDER BY position",  # noqa: S608 - constant
        (subject,),
    )
    return [_waiting(row) for row in rows]


def subjects_in(tx: Transaction, after: bytes, limit: int) -> list[bytes]:
    """What is waited for, in order behind one of them."""
    rows = tx.execute(
        "SELECT DISTINCT subject FROM restore_later WHERE subject > ? ORDER BY subject LIMIT ?",
        (after, limit),
    )
    return [bytes(subject) for (subject,) in rows]


def done_in(tx: Transaction, waiting: Waiting) -> None:
    """It waits no more."""
    tx.run("DELETE FROM restore_later WHERE position = ?", (waiting.position,))


def note_in(tx: Transaction, entry: RestoredEntry, note: Note) -> None:
    """Keep what people should know; the same again changes nothing."""
    tx.run(
        "INSERT INTO restore_notes (epoch, idx, kind, outcome, detail) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (entry.epoch, entry.index, entry.kind, note.outcome, note.detail),
    )


def untold_in(tx: Transaction, outcome: str, limit: int) -> tuple[list[NotedEntry], int]:
    """The first notes of one outcome that no run has told yet, and how many there are."""
    rows = tx.execute(
        "SELECT epoch, idx, kind, outcome, detail FROM restore_notes"
        " WHERE outcome = ? AND told = 0 ORDER BY note LIMIT ?",
        (outcome, limit),
    )
    counted = tx.execute(
        "SELECT count(*) FROM restore_notes WHERE outcome = ? AND told = 0", (outcome,)
    )
    noted = [
        NotedEntry(bytes(epoch), index, kind, Note(outcome, detail))
        for epoch, index, kind, outcome, detail in rows
    ]
    return noted, int(counted[0][0])


def told_in(tx: Transaction) -> None:
    """A run has told all of them."""
    tx.run("UPDATE restore_notes SET told = 1 WHERE told = 0")


def _waiting(row: Row) -> Waiting:
    position, epoch, index, kind, payload, entry_id, moment = row
    record = kinds.record_of(kind, payload)
    entry = RestoredEntry(epoch, index, kind, record, entry_id, from_micros(moment))
    return Waiting(position, entry)
