"""All SQL of reconciliation runs at the centre, and their projection from regional journals.

Rule: the table can be dropped and built again from the ledger. Leaves out what a run means.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message

from central.ledger.ports import Source
from central.reconciliation.rules import check_run
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Row, Transaction, Value

_COLUMNS = "id, name, node_id, epoch, idx, record_time, record"


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """One run with its place in the node's journal."""

    id: int
    name: str
    node_id: str
    epoch: bytes
    index: int
    record_time: str
    record: records.ReconciliationRecorded


class ReconciliationStore:
    """The table `reconciliations`; a projection of the ledger."""

    name = "reconciliation"

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply_in(self, tx: Transaction, source: Source, record: Message) -> None:
        """Keep a recorded run; other kinds are passed over."""
        if not isinstance(record, records.ReconciliationRecorded):
            return
        check_run(record, source.node_id)
        match = records.CLASSIFICATION_MATCH
        tx.run(
            "INSERT INTO reconciliations (name, node_id, epoch, idx, trigger, with_difference,"
            " heads_equal, record_time, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.run,
                source.node_id,
                source.epoch,
                source.index,
                record.trigger,
                int(any(one.classification != match for one in record.entries)),
                int(record.heads_equal),
                source.record_time.isoformat(),
                record.SerializeToString(deterministic=True),
            ),
        )

    async def get(self, name: str) -> ReconciliationRow | None:
        """The newest run of that name: a new epoch of a node may count anew."""
        rows = await self._select("name = ?", (name,), 1)
        return rows[0] if rows else None

    async def page(
        self,
        *,
        before: int,
        limit: int,
        node_id: str = "",
        trigger: int = 0,
        with_difference: bool = False,
        heads_unequal: bool = False,
    ) -> list[ReconciliationRow]:
        """Runs received before `before`, newest first."""
        where = (
            "id < ? AND (? = '' OR node_id = ?) AND (? = 0 OR trigger = ?)"
            " AND with_difference >= ? AND (? = 0 OR heads_equal = 0)"
        )
        values = (
            before,
            node_id,
            node_id,
            trigger,
            trigger,
            int(with_difference),
            int(heads_unequal),
        )
        return await self._select(where, values, limit)

    async def _select(
        self, where: str, values: tuple[Value, ...], limit: int
    ) -> list[ReconciliationRow]:
        sql = (
            f"SELECT {_COLUMNS} FROM reconciliations WHERE {where}"  # noqa: S608 - constants
            " ORDER BY id DESC LIMIT ?"
        )
        rows = await self._database.read(lambda tx: tx.execute(sql, (*values, limit)))
        return [_row(row) for row in rows]


def _row(row: Row) -> ReconciliationRow:
    number, name, node_id, epoch, index, moment, data = row
    record = records.ReconciliationRecorded.FromString(data)
    return ReconciliationRow(number, name, node_id, epoch, index, moment, record)
