"""Reconciliation runs at the centre: their table, and its projection from the journals.

Rules: the table can be dropped and built again from the ledger and the national journal; each run
is indexed entry by entry in the transaction that keeps it, and runs of an older program are
indexed when this one opens. Leaves out the index (`entries_store`), its readers (`log_store`) and
what a run means.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from google.protobuf.message import Message

from central.ledger.ports import Source
from central.reconciliation import entries_store
from central.reconciliation.entries_store import RunPlace
from central.reconciliation.rules import check_run
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Row, Transaction, Value

RUN_COLUMNS: Final = "id, name, node_id, epoch, idx, record_time, record, party"
_INDEXED_PER_UNIT: Final = 200  # runs of an older program that one transaction indexes


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
    party: str  # whose journal holds it, if not the node's own

    @property
    def writer(self) -> str:
        """The party whose journal holds the record."""
        return self.party or self.node_id


class ReconciliationStore:
    """The table `reconciliations`; a projection of the ledger."""

    name = "reconciliation"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> None:
        """Index what an older program kept; nothing is left to do after the first start."""
        while await self._database.write(self._index_some_in):
            pass

    def apply_in(self, tx: Transaction, source: Source, record: Message) -> None:
        """Keep a recorded run, a node's own resolution, an opening; pass over other kinds."""
        match record:
            case records.ReconciliationRecorded():
                check_run(record, source.node_id)
                self.keep_in(tx, source, record)
            case records.ReconciliationResolved():
                by = f"{source.node_id} {record.resolution}"
                if record.run.startswith(f"recon/{source.node_id}/"):
                    entries_store.resolve_in(tx, record.run, record.entry, by)
            case records.PackageOpened():
                entries_store.opened_in(tx, source.node_id, record)
            case _:
                pass

    def keep_in(
        self,
        tx: Transaction,
        source: Source,
        record: records.ReconciliationRecorded,
        party: str = "",
    ) -> None:
        """Keep one run; `party` is who wrote it, where that is not the node that it is about."""
        rows = tx.execute(
            "INSERT INTO reconciliations (name, node_id, epoch, idx, trigger, with_difference,"
            " heads_equal, record_time, record, party) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " RETURNING id",
            (
                record.run,
                source.node_id,
                source.epoch,
                source.index,
                record.trigger,
                int(_with_difference(record)),
                int(record.heads_equal),
                source.record_time.isoformat(),
                record.SerializeToString(deterministic=True),
                party,
            ),
        )
        place = RunPlace(int(rows[0][0]), source.node_id, source.record_time)
        entries_store.add_in(tx, place, record)

    def _index_some_in(self, tx: Transaction) -> int:
        rows = tx.execute(
            "SELECT id, node_id, record_time, record FROM reconciliations WHERE indexed = 0"
            " ORDER BY id LIMIT ?",
            (_INDEXED_PER_UNIT,),
        )
        for run, node_id, moment, data in rows:
            place = RunPlace(run, node_id, datetime.fromisoformat(moment))
            entries_store.add_in(tx, place, records.ReconciliationRecorded.FromString(data))
        return len(rows)

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
            f"SELECT {RUN_COLUMNS} FROM reconciliations WHERE {where}"  # noqa: S608 - constants
            " ORDER BY id DESC LIMIT ?"
        )
        rows = await self._database.read(lambda tx: tx.execute(sql, (*values, limit)))
        return [run_row(row) for row in rows]


def run_row(row: Row) -> ReconciliationRow:
    """A row of RUN_COLUMNS."""
    number, name, node_id, epoch, index, moment, data, party = row
    record = records.ReconciliationRecorded.FromString(data)
    return ReconciliationRow(number, name, node_id, epoch, index, moment, record, party)


def _with_difference(record: records.ReconciliationRecorded) -> bool:
    match = records.CLASSIFICATION_MATCH
    return any(one.classification != match for one in record.entries)
