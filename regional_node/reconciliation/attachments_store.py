"""All SQL of files that officers attach to decisions about this node's own runs.

Owns the table `recon_attachments`, a part of what the disk must hold (view `kept_blobs`). Rules: a
row is there only while its bytes are, except after a recovery, which tells the scrub; one that a
decision names stays for ever, of the others only the newest few. Leaves out the files.
"""

from __future__ import annotations

from datetime import datetime

from lpse.federation.errors import NotFound
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import to_micros

_UNNAMED = "SELECT digest FROM recon_attachments WHERE named = 0 ORDER BY store_time, digest"


class AttachmentStore:
    """See the module's first lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stored(self, digest: bytes, size_bytes: int, now: datetime) -> None:
        """The bytes are durable; repeating it makes them the newest."""
        await self._database.write(lambda tx: _stored_in(tx, digest, size_bytes, now))

    async def unnamed(self) -> list[bytes]:
        """Attachments that no decision names, oldest first."""
        rows = await self._database.read(lambda tx: tx.execute(_UNNAMED))
        return [bytes(digest) for (digest,) in rows]

    async def drop_unnamed(self, digest: bytes) -> bool:
        """Take its row back before its file is deleted; False where a decision names it by now."""
        drop = "DELETE FROM recon_attachments WHERE digest = ? AND named = 0"
        return await self._database.write(lambda tx: tx.run(drop, (digest,)) > 0)


def name_in(tx: Transaction, record: records.ReconciliationResolved) -> None:
    """A decision names its attachment from now on; NotFound (FED-7015) if that is not here."""
    if not record.attachment_digest:
        return
    named = "UPDATE recon_attachments SET named = 1 WHERE digest = ? AND size_bytes = ?"
    if not tx.run(named, (record.attachment_digest, record.attachment_bytes)):
        raise NotFound("FED-7015", "the attachment was not brought", remedy="bring it again")


def named_again_in(tx: Transaction, record: records.ReconciliationResolved, now: datetime) -> None:
    """A decision came back with the journal: its attachment belongs on the disk again."""
    _stored_in(tx, record.attachment_digest, record.attachment_bytes, now)
    name_in(tx, record)


def _stored_in(tx: Transaction, digest: bytes, size_bytes: int, now: datetime) -> None:
    tx.run(
        "INSERT INTO recon_attachments (digest, size_bytes, store_time) VALUES (?, ?, ?)"
        " ON CONFLICT (digest) DO UPDATE SET store_time = max(store_time, excluded.store_time)",
        (digest, size_bytes, to_micros(now)),
    )
