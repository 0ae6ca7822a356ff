"""All SQL of what nodes have set aside: sealed bytes that wait for a person.

Rules: a node's report replaces its last one; the first time of an item stays; an operator's wish
for another attempt is told with every report until the item is gone from the list. Leaves out why
items are parked (the node's queue).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from central.blobs.ports import ParkedBlob
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

_SELECT = (
    "SELECT node_id, digest, size_bytes, cause, attempts, park_time, replay_time FROM parked_blobs"
)


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A blob that waits for a person at a node."""

    node_id: str
    blob: ParkedBlob
    park_time: datetime
    replay_time: datetime | None


class ParkedStore:
    """The table `parked_blobs`; implements the port `ParkedBlobs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, node_id: str, blobs: Sequence[ParkedBlob], now: datetime) -> list[bytes]:
        """Keep a node's list in place of its last one; which of them an operator wants again."""

        def work(tx: Transaction) -> list[bytes]:
            known = tx.execute("SELECT digest FROM parked_blobs WHERE node_id = ?", (node_id,))
            gone = {bytes(digest) for (digest,) in known} - {one.digest for one in blobs}
            tx.many(
                "DELETE FROM parked_blobs WHERE node_id = ? AND digest = ?",
                [(node_id, digest) for digest in gone],
            )
            # An attempt since the wish was made: it is fulfilled, and the item failed again.
            tx.many(
                "INSERT INTO parked_blobs VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET"
                " replay_time = CASE WHEN excluded.attempts > attempts THEN NULL"
                " ELSE replay_time END,"
                " cause = excluded.cause, attempts = excluded.attempts",
                [
                    (node_id, one.digest, one.size_bytes, one.cause, one.attempts, to_micros(now))
                    for one in blobs
                ],
            )
            rows = tx.execute(
                "SELECT digest FROM parked_blobs WHERE node_id = ? AND replay_time IS NOT NULL",
                (node_id,),
            )
            return [bytes(digest) for (digest,) in rows]

        return await self._database.write(work)

    async def page(self, node_id: str, after: tuple[str, bytes], limit: int) -> list[ParkedRow]:
        """Rows behind a node and digest, of one node or of all."""
        only = " AND node_id = ?" if node_id else ""
        values = (*after, *((node_id,) if node_id else ()), limit)
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"{_SELECT} WHERE (node_id, digest) > (?, ?){only}"
                " ORDER BY node_id, digest LIMIT ?",
                values,
            )
        )
        return [_row(row) for row in rows]

    async def replay(self, node_id: str, code: str, now: datetime) -> int:
        """Ask for another attempt, of one node or all, of one code or all; how many."""
        return await self._database.write(
            lambda tx: tx.run(
                "UPDATE parked_blobs SET replay_time = ? WHERE (? = '' OR node_id = ?)"
                " AND (? = '' OR substr(cause, 1, length(?)) = ?)",
                (to_micros(now), node_id, node_id, code, code, code),
            )
        )


def _row(row: Row) -> ParkedRow:
    node_id, digest, size, cause, attempts, parked, replay = row
    return ParkedRow(
        str(node_id),
        ParkedBlob(bytes(digest), int(size), str(cause), int(attempts)),
        from_micros(parked),
        None if replay is None else from_micros(replay),
    )
