"""All SQL of reconciliation runs at the node.

Rule: a run is finished in the transaction that journals its record, so that log and journal never
differ. Leaves out the decisions (`rules`).
"""

from __future__ import annotations

from dataclasses import dataclass

from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Row, Transaction, Value

_COLUMNS = "number, trigger, finished, with_difference, heads_equal, idx, record, record_time"


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run; `index` and `record_time` are None while it goes on."""

    number: int
    trigger: int
    finished: bool
    with_difference: bool
    heads_equal: bool
    index: int | None
    record: records.ReconciliationRecorded
    record_time: str | None


class ReconciliationStore:
    """The table `recon_runs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next_number_in(self, tx: Transaction) -> int:
        """Runs are numbered without gaps."""
        return int(tx.execute("SELECT coalesce(max(number), 0) + 1 FROM recon_runs")[0][0])

    def keep_in(self, tx: Transaction, row: RunRow) -> None:
        """Insert or replace a run."""
        tx.run(
            f"INSERT OR REPLACE INTO recon_runs ({_COLUMNS})"  # noqa: S608 - constant columns
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.number,
                row.trigger,
                int(row.finished),
                int(row.with_difference),
                int(row.heads_equal),
                row.index,
                row.record.SerializeToString(deterministic=True),
                row.record_time,
            ),
        )

    async def unfinished(self) -> list[RunRow]:
        """Runs that a lost process left."""
        return await self._select("finished = 0", (), 1_000)

    async def get(self, number: int) -> RunRow | None:
        """One run."""
        rows = await self._select("number = ?", (number,), 1)
        return rows[0] if rows else None

    async def named(self, name: str) -> RunRow | None:
        """A run by its number, or by its name: after a recovery another number may stand for it."""
        number = name.rpartition("/")[2]
        row = await self.get(int(number)) if number.isdecimal() and len(number) < 19 else None
        if row is not None and name in (number, row.record.run):
            return row
        if name == number:
            return None
        rows = await self._select("instr(record, CAST(? AS BLOB)) > 0", (name,), 1_000)
        return next((row for row in rows if row.record.run == name), None)

    async def page(
        self, *, before: int, limit: int, trigger: int = 0, with_difference: bool = False
    ) -> list[RunRow]:
        """Runs below `before`, newest first."""
        where = "number < ? AND (? = 0 OR trigger = ?) AND with_difference >= ?"
        return await self._select(where, (before, trigger, trigger, int(with_difference)), limit)

    async def _select(self, where: str, values: tuple[Value, ...], limit: int) -> list[RunRow]:
        sql = (
            f"SELECT {_COLUMNS} FROM recon_runs WHERE {where}"  # noqa: S608 - constants
            " ORDER BY number DESC LIMIT ?"
        )
        rows = await self._database.read(lambda tx: tx.execute(sql, (*values, limit)))
        return [_row(row) for row in rows]


def _row(row: Row) -> RunRow:
    number, trigger, finished, with_difference, heads_equal, index, record, moment = row
    return RunRow(
        number,
        trigger,
        bool(finished),
        bool(with_difference),
        bool(heads_equal),
        index,
        records.ReconciliationRecorded.FromString(record),
        moment,
    )
