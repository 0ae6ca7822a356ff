"""All SQL of who needs a queued blob, and of the deadlines that follow from it.

Owns the tables `transfer_needs`, `transfer_packages`, `transfer_needed` and the column `deadline`
of the queue. Rules: needs are followed once each, in the transaction that moves the cursor
(Invariant 3); a blob has the least deadline of its packages. Nothing of this leaves the node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import to_micros
from regional_node.transfer.ports import Need

_LEAST = (
    "UPDATE transfer_blobs SET deadline = (SELECT min(transfer_packages.deadline)"
    " FROM transfer_needs JOIN transfer_packages USING (package)"
    " WHERE transfer_needs.digest = transfer_blobs.digest) WHERE digest = ?"
)


class NeedsStore:
    """See the module's first lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def followed(self) -> int:
        """Submissions up to this number were looked at."""
        return await self._database.read(followed_in)

    async def follow(self, needs: Sequence[Need]) -> None:
        """Keep what these submissions need, and move the cursor behind them."""

        def work(tx: Transaction) -> None:
            tx.many(
                "INSERT INTO transfer_packages VALUES (?, NULL) ON CONFLICT DO NOTHING",
                [(package,) for package in {need.package for need in needs}],
            )
            pairs = [(digest, need.package) for need in needs for digest in need.digests]
            tx.many("INSERT INTO transfer_needs VALUES (?, ?) ON CONFLICT DO NOTHING", pairs)
            tx.many(_LEAST, [(digest,) for digest in {digest for digest, _ in pairs}])
            tx.run(
                "UPDATE transfer_needed SET submission = max(submission, ?)",
                (needs[-1].submission,),
            )

        await self._database.write(work)

    async def open_packages(self) -> list[str]:
        """Packages that have bytes in the queue."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT DISTINCT package FROM transfer_needs WHERE digest IN"
                " (SELECT digest FROM transfer_blobs WHERE state <> 'VERIFIED'"
                " AND freed_time IS NULL)"
            )
        )
        return [str(package) for (package,) in rows]

    async def set_deadlines(self, deadlines: Mapping[str, datetime | None]) -> int:
        """Keep deadlines as they count now; how many packages had another one."""

        def work(tx: Transaction) -> int:
            moved = [
                package
                for package, deadline in deadlines.items()
                if tx.run(
                    "UPDATE transfer_packages SET deadline = ?1 WHERE package = ?2"
                    " AND deadline IS NOT ?1",
                    (None if deadline is None else to_micros(deadline), package),
                )
            ]
            for package in moved:
                rows = tx.execute("SELECT digest FROM transfer_needs WHERE package = ?", (package,))
                tx.many(_LEAST, rows)
            return len(moved)

        return await self._database.write(work)


def followed_in(tx: Transaction) -> int:
    """As `followed`, inside the caller's transaction."""
    return int(tx.execute("SELECT submission FROM transfer_needed")[0][0])
