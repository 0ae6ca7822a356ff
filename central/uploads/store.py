"""All SQL of announced uploads, and the projection that fills it.

Rule: sizes and counts per node only; a digest is announced once per node however often it is named,
and verified once (Invariant 3). Leaves out the bytes (`central.blobs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.protobuf.message import Message

from central.ledger.ports import Source
from lpse.federation.errors import Refused
from lpse.federation.limits import BLOB_BYTES_MAX
from lpse.federation.v1.records_pb2 import UploadAccepted
from lpse.runtime.sqlite import Database, Transaction

_START = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class UploadTotals:
    """One node's uploads in sums; equal content counts once."""

    node_id: str
    accepted: int
    announced_blobs: int
    announced_bytes: int
    verified_blobs: int
    verified_bytes: int


class UploadsStore:
    """The tables `upload_blobs` and `upload_totals`; also a projection of the ledger."""

    name = "uploads"

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply_in(self, tx: Transaction, source: Source, record: Message) -> None:
        """Take the announced blobs of an accepted submission; pass over every other kind."""
        if not isinstance(record, UploadAccepted):
            return
        if any(one.size_bytes > BLOB_BYTES_MAX or len(one.digest) != 32 for one in record.blobs):
            raise Refused("FED-2309", "a blob of the entry has no digest or an impossible size")
        added = [
            blob.size_bytes
            for blob in record.blobs
            if tx.run(
                "INSERT INTO upload_blobs (node_id, digest, size_bytes) VALUES (?, ?, ?)"
                " ON CONFLICT (node_id, digest) DO NOTHING",
                (source.node_id, blob.digest, blob.size_bytes),
            )
        ]
        tx.run(
            "INSERT INTO upload_totals VALUES (?, 1, ?, ?, 0, 0) ON CONFLICT (node_id) DO UPDATE"
            " SET accepted = accepted + 1,"
            " announced_blobs = announced_blobs + excluded.announced_blobs,"
            " announced_bytes = announced_bytes + excluded.announced_bytes",
            (source.node_id, len(added), sum(added)),
        )

    async def announced_size(self, node_id: str, digest: bytes) -> int | None:
        """Size of a blob that this node has announced."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT size_bytes FROM upload_blobs WHERE node_id = ? AND digest = ?",
                (node_id, digest),
            )
        )
        return int(rows[0][0]) if rows else None

    async def announced_sizes(self, node_id: str, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Sizes of those blobs that this node has announced."""
        marks = ", ".join("?" * len(digests))
        known = f"SELECT digest, size_bytes FROM upload_blobs WHERE digest IN ({marks})"  # noqa: S608 - marks
        values: tuple[bytes | str, ...] = (*digests, node_id)
        rows = await self._database.read(lambda tx: tx.execute(f"{known} AND node_id = ?", values))
        return {bytes(digest): int(size) for digest, size in rows}

    async def brought(self, node_id: str, digests: Sequence[bytes]) -> set[bytes]:
        """Those blobs that are verified for this node."""
        marks = ", ".join("?" * len(digests))
        known = f"SELECT digest FROM upload_blobs WHERE digest IN ({marks})"  # noqa: S608 - marks
        mine = f"{known} AND node_id = ? AND verify_time IS NOT NULL"
        values: tuple[bytes | str, ...] = (*digests, node_id)
        rows = await self._database.read(lambda tx: tx.execute(mine, values))
        return {bytes(digest) for (digest,) in rows}

    def verified_in(self, tx: Transaction, node_id: str, digest: bytes, now: datetime) -> None:
        """The blob is here for this node; repeating it changes nothing."""
        micros = (now - _START) // timedelta(microseconds=1)
        changed = tx.run(
            "UPDATE upload_blobs SET verify_time = ?"
            " WHERE node_id = ? AND digest = ? AND verify_time IS NULL",
            (micros, node_id, digest),
        )
        if changed:
            tx.run(
                "UPDATE upload_totals SET verified_blobs = verified_blobs + 1,"
                " verified_bytes = verified_bytes + (SELECT size_bytes FROM upload_blobs"
                " WHERE node_id = ? AND digest = ?) WHERE node_id = ?",
                (node_id, digest, node_id),
            )

    async def totals(self, node_ids: Sequence[str] = ()) -> list[UploadTotals]:
        """Sums per node, by node id; every node that announced something where none are named."""
        marks = ", ".join("?" * len(node_ids))
        only = f" WHERE node_id IN ({marks})" if node_ids else ""
        rows = await self._database.read(
            lambda tx: tx.execute(f"SELECT * FROM upload_totals{only} ORDER BY node_id", node_ids)  # noqa: S608 - marks
        )
        return [UploadTotals(*row) for row in rows]
