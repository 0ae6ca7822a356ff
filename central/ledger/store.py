"""All SQL of the ledger beside the received entries: watermarks and parked entries.

Rule: the watermark of a journal moves only in the transaction that projects or parks the entries
below it (Invariant 3). Leaves out the entries themselves (`lpse.storage.received`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpse.federation.limits import ACK_PARKED_MAX
from lpse.runtime.sqlite import Database, Transaction, Value


@dataclass(frozen=True, slots=True)
class Parked:
    """A stored entry that could not be projected."""

    node_id: str
    epoch: bytes
    index: int
    kind: str
    reason: str
    unknown_kind: bool
    park_time: str


@dataclass(frozen=True, slots=True)
class Applied:
    """How far a journal is projected; at most `ACK_PARKED_MAX` parked indexes are listed."""

    size: int
    parked: tuple[int, ...]
    parked_count: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """A journal that has stored entries above its watermark."""

    node_id: str
    epoch: bytes


_PARKED = "SELECT party, epoch, idx, kind, reason, unknown_kind, park_time FROM ledger_parked"


class LedgerStore:
    """Watermarks and parked entries in the centre's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def watermark_in(self, tx: Transaction, node_id: str, epoch: bytes) -> int:
        """Entries below this index need no projection any more."""
        rows = tx.execute(
            "SELECT applied_size FROM ledger_watermarks WHERE party = ? AND epoch = ?",
            (node_id, epoch),
        )
        return int(rows[0][0]) if rows else 0

    def move_watermark_in(self, tx: Transaction, node_id: str, epoch: bytes, size: int) -> None:
        """Never backwards."""
        tx.run(
            "INSERT INTO ledger_watermarks (party, epoch, applied_size) VALUES (?, ?, ?)"
            " ON CONFLICT (party, epoch) DO UPDATE SET applied_size = excluded.applied_size"
            " WHERE excluded.applied_size > ledger_watermarks.applied_size",
            (node_id, epoch, size),
        )

    def park_in(self, tx: Transaction, parked: Parked) -> None:
        """Set an entry aside, or renew its reason."""
        tx.run(
            "INSERT INTO ledger_parked"
            " (party, epoch, idx, kind, reason, unknown_kind, park_time)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (party, epoch, idx) DO UPDATE SET"
            " kind = excluded.kind, reason = excluded.reason,"
            " unknown_kind = excluded.unknown_kind",
            (
                parked.node_id,
                parked.epoch,
                parked.index,
                parked.kind,
                parked.reason,
                int(parked.unknown_kind),
                parked.park_time,
            ),
        )

    def unpark_in(self, tx: Transaction, node_id: str, epoch: bytes, index: int) -> None:
        """The entry is projected now."""
        tx.run(
            "DELETE FROM ledger_parked WHERE party = ? AND epoch = ? AND idx = ?",
            (node_id, epoch, index),
        )

    def applied_in(self, tx: Transaction, node_id: str, epoch: bytes) -> Applied:
        """Watermark and parked indexes of one journal."""
        rows = tx.execute(
            "SELECT idx FROM ledger_parked WHERE party = ? AND epoch = ? ORDER BY idx LIMIT ?",
            (node_id, epoch, ACK_PARKED_MAX),
        )
        count = len(rows)
        if count == ACK_PARKED_MAX:
            counted = tx.execute(
                "SELECT count(*) FROM ledger_parked WHERE party = ? AND epoch = ?",
                (node_id, epoch),
            )
            count = int(counted[0][0])
        size = self.watermark_in(tx, node_id, epoch)
        return Applied(size, tuple(int(index) for (index,) in rows), count)

    async def applied(self, node_id: str, epoch: bytes) -> Applied:
        """See `applied_in`."""
        return await self._database.read(lambda tx: self.applied_in(tx, node_id, epoch))

    async def backlog(self) -> list[Backlog]:
        """Journals whose watermark is below their size."""

        def work(tx: Transaction) -> list[Backlog]:
            rows = tx.execute(
                "SELECT j.party, j.epoch FROM ledger_journals j"
                " LEFT JOIN ledger_watermarks w ON w.party = j.party AND w.epoch = j.epoch"
                " WHERE j.size > coalesce(w.applied_size, 0)"
            )
            return [Backlog(*row) for row in rows]

        return await self._database.read(work)

    async def parked(
        self,
        *,
        node_id: str = "",
        after: tuple[str, bytes, int] | None = None,
        limit: int,
        unknown_only: bool = False,
    ) -> list[Parked]:
        """Parked entries by node, epoch and index, from the one after `after`."""
        conditions: list[str] = []
        values: list[Value] = []
        if node_id:
            conditions.append("party = ?")
            values.append(node_id)
        if unknown_only:
            conditions.append("unknown_kind = 1")
        if after is not None:
            conditions.append("(party, epoch, idx) > (?, ?, ?)")
            values.extend(after)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"{_PARKED}{where} ORDER BY party, epoch, idx LIMIT ?"
        rows = await self._database.read(lambda tx: tx.execute(sql, (*values, limit)))
        return [_parked(row) for row in rows]


def _parked(row: Sequence[object]) -> Parked:
    node_id, epoch, index, kind, reason, unknown, park_time = row
    return Parked(
        str(node_id),
        bytes(epoch),  # type: ignore[call-overload] # SQLite gives bytes for a BLOB column
        int(str(index)),
        str(kind),
        str(reason),
        bool(unknown),
        str(park_time),
    )
