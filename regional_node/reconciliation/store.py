"""All SQL of reconciliation runs at the node.

Rule: a run is finished in the transaction that journals its record, so that log and journal never
differ. Leaves out the decisions (`rules`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lpse.federation import run_names
from lpse.federation.run_names import Place
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Row, Transaction, Value

_COLUMNS = (
    "number, trigger, finished, with_difference, heads_equal, idx, record, record_time, epoch, name"
)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run; `index` and `record_time` are None while it goes on, and `epoch` is empty.

    `name` finds it alone; when a row is kept it is the record's own.
    """

    number: int
    trigger: int
    finished: bool
    with_difference: bool
    heads_equal: bool
    index: int | None
    record: records.ReconciliationRecorded
    record_time: str | None
    epoch: bytes = b""
    name: str = ""


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
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.number,
                row.trigger,
                int(row.finished),
                int(row.with_difference),
                int(row.heads_equal),
                row.index,
                row.record.SerializeToString(deterministic=True),
                row.record_time,
                row.epoch,
                row.record.run,
            ),
        )

    async def unfinished(self) -> list[RunRow]:
        """Runs that a lost process left."""
        return await self._select("finished = 0", (), 1_000)

    async def find(self, name: str) -> RunRow:
        """The run that a name or number means; NotFound (FED-7001) or Conflict (FED-7046)."""
        number = await self._database.read(lambda tx: find_in(tx, name))
        row = await self.get(number)
        assert row is not None, "runs are never removed"
        return row

    async def get(self, number: int) -> RunRow | None:
        """One run by its row's number."""
        rows = await self._select("number = ?", (number,), 1)
        return rows[0] if rows else None

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

        def work(tx: Transaction) -> list[RunRow]:
            return called_in(tx, map(_row, tx.execute(sql, (*values, limit))))

        return await self._database.read(work)


def places_in(tx: Transaction, name: str) -> list[Place]:
    """Runs whose record has this name, by their numbers; a number alone is a name as well."""
    base = run_names.parse(name).base
    where, values = "name = ?", [base]
    if base.isascii() and base.isdigit() and len(base) < 16:
        where, values = "number = ? OR name LIKE '%/' || ?", [str(int(base)), str(int(base))]
    rows = tx.execute(
        f"SELECT number, epoch, idx FROM recon_runs WHERE {where} ORDER BY number",  # noqa: S608 - constants
        values,
    )
    return [Place(int(key), bytes(epoch), -1 if idx is None else idx) for key, epoch, idx in rows]


def find_in(tx: Transaction, name: str) -> int:
    """The number of the run that a name means; NotFound (FED-7001) or Conflict (FED-7046)."""
    return run_names.choose(name, places_in(tx, name))


def called_in(tx: Transaction, rows: Iterable[RunRow]) -> list[RunRow]:
    """The same runs, each called by the name that finds it alone."""
    known: dict[str, list[Place]] = {}
    found = []
    for row in rows:
        if row.name not in known:
            known[row.name] = places_in(tx, row.name)
        index = -1 if row.index is None else row.index
        place = Place(row.number, row.epoch, index)
        found.append(replace(row, name=run_names.shown(row.name, place, known[row.name])))
    return found


def _row(row: Row) -> RunRow:
    number, trigger, finished, with_difference, heads_equal, index, record, moment, epoch, name = (
        row
    )
    return RunRow(
        number,
        trigger,
        bool(finished),
        bool(with_difference),
        bool(heads_equal),
        index,
        records.ReconciliationRecorded.FromString(record),
        moment,
        bytes(epoch),
        name,
    )
