"""All SQL of the centre's blobs: rows that vouch for files, and how far parts are durable.

Rule: a row of `blobs` is written after the file was re-read and its directory fsynced, and together
with what follows from it (Invariant 1); `durable_bytes` never runs ahead of the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import to_micros

UPLOAD = "upload"
BUNDLE = "bundle"


class BlobRows:
    """The tables `blobs` and `blob_transfers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def size_of(self, digest: bytes) -> int | None:
        """Size of a blob that a row vouches for."""
        return await self._database.read(lambda tx: self.size_in(tx, digest))

    def size_in(self, tx: Transaction, digest: bytes) -> int | None:
        """As `size_of`, inside the caller's transaction."""
        rows = tx.execute("SELECT size_bytes FROM blobs WHERE digest = ?", (digest,))
        return int(rows[0][0]) if rows else None

    async def vouched(self) -> frozenset[bytes]:
        """Every blob that has a row."""
        rows = await self._database.read(lambda tx: tx.execute("SELECT digest FROM blobs"))
        return frozenset(bytes(digest) for (digest,) in rows)

    async def transfers(self, since: datetime) -> dict[str, int]:
        """Durable bytes of every part that somebody went on with; older ones are forgotten."""

        def work(tx: Transaction) -> dict[str, int]:
            tx.run("DELETE FROM blob_transfers WHERE update_time < ?", (to_micros(since),))
            return dict(tx.execute("SELECT transfer, durable_bytes FROM blob_transfers"))

        return await self._database.write(work)

    async def durable(self, transfer: str) -> int:
        """Bytes of a part that were promised; 0 where nothing was."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT durable_bytes FROM blob_transfers WHERE transfer = ?", (transfer,)
            )
        )
        return int(rows[0][0]) if rows else 0

    async def advance(
        self, transfer: str, durable_bytes: int, now: datetime, *, caller: str
    ) -> None:
        """So many bytes of the caller's part are fsynced."""
        await self._database.write(
            lambda tx: tx.run(
                "INSERT INTO blob_transfers (transfer, durable_bytes, update_time, caller)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (transfer) DO UPDATE SET"
                " durable_bytes = excluded.durable_bytes, update_time = excluded.update_time,"
                " caller = excluded.caller",
                (transfer, durable_bytes, to_micros(now), caller),
            )
        )

    async def unfinished_bytes(self, caller: str, *, but: str) -> int:
        """Durable bytes of the caller's parts, one of them left out."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT coalesce(sum(durable_bytes), 0) FROM blob_transfers"
                " WHERE caller = ? AND transfer <> ?",
                (caller, but),
            )
        )
        return int(rows[0][0])

    async def abandoned(self, since: datetime) -> list[str]:
        """Parts that nobody went on with since then."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT transfer FROM blob_transfers WHERE update_time < ?", (to_micros(since),)
            )
        )
        return [str(transfer) for (transfer,) in rows]

    async def forget_abandoned(self, transfer: str, since: datetime) -> bool:
        """Take an abandoned part's row back; False where somebody went on with it meanwhile."""
        return await self._database.write(
            lambda tx: bool(
                tx.run(
                    "DELETE FROM blob_transfers WHERE transfer = ? AND update_time < ?",
                    (transfer, to_micros(since)),
                )
            )
        )

    async def forget(self, transfer: str) -> None:
        """The part is gone."""
        await self._database.write(lambda tx: _forget_in(tx, transfer))

    async def stored(
        self,
        transfer: str,
        blob: tuple[bytes, int],
        origin: str,
        now: datetime,
        also_in: Callable[[Transaction], None],
    ) -> None:
        """Vouch for a blob (digest, size), end its transfer, and do what follows, all at once."""
        digest, size = blob

        def work(tx: Transaction) -> None:
            _forget_in(tx, transfer)
            tx.run(
                "INSERT INTO blobs VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
                (digest, size, origin, to_micros(now)),
            )
            self.keep_in(tx, digest, origin)
            also_in(tx)

        await self._database.write(work)

    async def sizes(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Sizes of those blobs that a row vouches for."""
        marks = ", ".join("?" * len(digests))
        sql = f"SELECT digest, size_bytes FROM blobs WHERE digest IN ({marks})"  # noqa: S608 - marks
        rows = await self._database.read(lambda tx: tx.execute(sql, tuple(digests)))
        return {bytes(digest): int(size) for digest, size in rows}

    async def stored_many(
        self,
        blobs: Sequence[tuple[bytes, int]],
        origin: str,
        now: datetime,
        also_in: Callable[[Transaction, bytes], None],
    ) -> None:
        """Vouch for blobs (digest, size) that need no part, and do what follows, all at once."""

        def work(tx: Transaction) -> None:
            tx.many(
                "INSERT INTO blobs VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
                [(digest, size, origin, to_micros(now)) for digest, size in blobs],
            )
            for digest, _ in blobs:
                self.keep_in(tx, digest, origin)
                also_in(tx, digest)

        await self._database.write(work)

    async def also(
        self, digest: bytes, origin: str, also_in: Callable[[Transaction], None]
    ) -> None:
        """A blob that is here already is needed once more."""

        def work(tx: Transaction) -> None:
            self.keep_in(tx, digest, origin)
            also_in(tx)

        await self._database.write(work)

    def keep_in(self, tx: Transaction, digest: bytes, origin: str) -> None:
        """Bytes that an upload needs are never removed as an unpublished bundle."""
        if origin == UPLOAD:
            tx.run("UPDATE blobs SET origin = 'upload' WHERE digest = ?", (digest,))

    async def bundles(self, unless_in: Callable[[Transaction, bytes], bool]) -> list[bytes]:
        """Blobs that came as bundles and that nobody needs, oldest first."""

        def work(tx: Transaction) -> list[bytes]:
            rows = tx.execute(
                "SELECT digest FROM blobs WHERE origin = 'bundle' ORDER BY store_time, digest"
            )
            return [bytes(digest) for (digest,) in rows if not unless_in(tx, digest)]

        return await self._database.read(work)

    async def drop(self, digest: bytes, unless_in: Callable[[Transaction, bytes], bool]) -> bool:
        """Take a bundle's row back before its file is deleted; False where it is needed."""

        def work(tx: Transaction) -> bool:
            if unless_in(tx, digest):
                return False
            return tx.run("DELETE FROM blobs WHERE digest = ? AND origin = 'bundle'", (digest,)) > 0

        return await self._database.write(work)


def _forget_in(tx: Transaction, transfer: str) -> None:
    tx.run("DELETE FROM blob_transfers WHERE transfer = ?", (transfer,))
