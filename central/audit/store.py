"""All SQL of the audit's own projection: submissions and measured outages of every node.

Rule: fields are those that the contract folds from the journal (`state_objects`), and a row moves
in the transaction that moves the watermark (Invariant 3). A centre that ran before this projection
existed reads the older entries first, journal by journal, and takes new ones only after them.
Leaves out the areas that have tables of their own (`objects`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from google.protobuf.message import Message

from central.ledger.ports import Source
from lpse.federation.state_objects import OUTAGE, UPLOAD, Fields, ObjectKey, folded, touched
from lpse.runtime.sqlite import Database, Transaction

OWN_AREAS = (UPLOAD, OUTAGE)


@dataclass(frozen=True, slots=True)
class Backlog:
    """A journal whose older entries are still to be read."""

    node_id: str
    epoch: bytes
    place: int


class AuditProjection:
    """The table `audit_objects`; registered with the projector."""

    name = "audit"

    def apply_in(self, tx: Transaction, source: Source, record: Message) -> None:
        """Take one record in, unless older ones of its node are still to be read."""
        keys = [key for key in touched(record) if key.area in OWN_AREAS]
        if not keys:
            return
        if _waits_in(tx, source.node_id):
            _wait_in(tx, source.node_id, source.epoch)
        else:
            take_in(tx, source.node_id, keys, record)


def take_in(tx: Transaction, node_id: str, keys: list[ObjectKey], record: Message) -> None:
    """Fold a record into the rows of these objects."""
    for key in keys:
        before = fields_in(tx, node_id, key)
        after = folded(key, before, record)
        if after != before:
            put_in(tx, node_id, key, after)


def fields_in(tx: Transaction, node_id: str, key: ObjectKey) -> Fields | None:
    """The row as it stands."""
    rows = tx.execute(
        "SELECT fields FROM audit_objects WHERE node_id = ? AND area = ? AND name = ?",
        (node_id, *key),
    )
    return _fields(rows[0][0]) if rows else None


def page_in(
    tx: Transaction, node_id: str, area: str, after: str, limit: int
) -> list[tuple[str, Fields]]:
    """Rows of one area behind a name, by name."""
    rows = tx.execute(
        "SELECT name, fields FROM audit_objects WHERE node_id = ? AND area = ? AND name > ?"
        " ORDER BY name LIMIT ?",
        (node_id, area, after, limit),
    )
    return [(str(name), _fields(fields)) for name, fields in rows]


def put_in(tx: Transaction, node_id: str, key: ObjectKey, fields: Fields | None) -> None:
    """Make the row what it should be; None removes it."""
    if fields is None:
        tx.run(
            "DELETE FROM audit_objects WHERE node_id = ? AND area = ? AND name = ?", (node_id, *key)
        )
        return
    tx.run(
        "INSERT INTO audit_objects VALUES (?, ?, ?, ?)"
        " ON CONFLICT (node_id, area, name) DO UPDATE SET fields = excluded.fields",
        (node_id, *key, json.dumps(fields, sort_keys=True, separators=(",", ":"))),
    )


class BacklogStore:
    """The table `audit_backlog`: what is left of the older entries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def next(self) -> Backlog | None:
        """The journal to read on: of one node, epochs in the order in which they were met."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT node_id, epoch, place FROM audit_backlog ORDER BY journal LIMIT 1"
            )
        )
        return Backlog(*rows[0]) if rows else None

    async def waits(self, node_id: str) -> bool:
        """Whether older entries of this node are still to be read."""
        return await self._database.read(lambda tx: _waits_in(tx, node_id))


def advance_in(tx: Transaction, one: Backlog, place: int, *, whole: bool) -> None:
    """Entries below `place` were read; `whole` when those were all that are projected."""
    if whole:
        tx.run(
            "DELETE FROM audit_backlog WHERE node_id = ? AND epoch = ?", (one.node_id, one.epoch)
        )
        return
    tx.run(
        "UPDATE audit_backlog SET place = ? WHERE node_id = ? AND epoch = ?",
        (place, one.node_id, one.epoch),
    )


def _waits_in(tx: Transaction, node_id: str) -> bool:
    return bool(tx.execute("SELECT 1 FROM audit_backlog WHERE node_id = ? LIMIT 1", (node_id,)))


def _wait_in(tx: Transaction, node_id: str, epoch: bytes) -> None:
    """An epoch that began meanwhile is read after the older ones."""
    tx.run(
        "INSERT INTO audit_backlog SELECT ?, ?, 0, coalesce(max(journal), 0) + 1"
        " FROM audit_backlog WHERE true ON CONFLICT DO NOTHING",
        (node_id, epoch),
    )


def _fields(text: str) -> Fields:
    fields: Fields = json.loads(text)
    return fields
