"""Reconciliation runs at the centre: their table, and its projection from the journals.

Rules: the table can be dropped and built again from the ledger and the national journal; each run
is indexed entry by entry in the transaction that keeps it, and runs of an older program are
indexed when this one opens. Leaves out the index (`entries_store`), its readers (`log_store`) and
what a run means.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from google.protobuf.message import Message

from central.ledger.ports import Source
from central.reconciliation import bits_store, entries_store, names_store, provenance
from central.reconciliation.entries_store import RunPlace
from central.reconciliation.rows import RUN_COLUMNS, ReconciliationRow, run_row
from central.reconciliation.rules import check_run, node_of
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Transaction, Value

_INDEXED_PER_UNIT: Final = 200  # runs of an older program that one transaction indexes


class ReconciliationStore:
    """The table `reconciliations`; a projection of the ledger."""

    name = "reconciliation"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> None:
        """Index what an older program kept; nothing is left to do after the first start."""
        while await self._database.write(bits_store.catch_up_in):
            pass
        while await self._database.write(self._index_some_in):
            pass

    def apply_in(self, tx: Transaction, source: Source, record: Message) -> None:
        """Keep a recorded run, a node's own resolution, an opening; pass over other kinds."""
        match record:
            case records.ReconciliationRecorded():
                check_run(record, provenance.writer_in(tx, source, node_of(record.run)))
                self.keep_in(tx, source, record)
            case records.ReconciliationResolved():
                by = f"{source.node_id} {record.resolution}"
                writer = provenance.writer_in(tx, source, node_of(record.run))
                if record.run.startswith(f"recon/{writer}/"):
                    entries_store.resolve_in(tx, record, source.epoch, by)
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

    async def get(self, name: str) -> ReconciliationRow:
        """The run that a name means; NotFound (FED-7001) or Conflict (FED-7046)."""
        return await self._database.read(lambda tx: get_in(tx, name))

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

        def work(tx: Transaction) -> list[ReconciliationRow]:
            rows = map(run_row, tx.execute(sql, (*values, limit)))
            return names_store.called_in(tx, rows)

        return await self._database.read(work)


def get_in(tx: Transaction, name: str) -> ReconciliationRow:
    """The run that a name means, in the caller's transaction."""
    sql = f"SELECT {RUN_COLUMNS} FROM reconciliations WHERE id = ?"  # noqa: S608 - constants
    rows = tx.execute(sql, (names_store.find_in(tx, name),))
    return names_store.called_in(tx, map(run_row, rows))[0]


def _with_difference(record: records.ReconciliationRecorded) -> bool:
    match = records.CLASSIFICATION_MATCH
    return any(one.classification != match for one in record.entries)
