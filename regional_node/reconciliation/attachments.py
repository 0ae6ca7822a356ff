"""Files that officers attach to decisions: taken in before the decision, read back after it.

Rules: an attachment is durable and re-read before its digest is given back, and its row stands
before a journal entry can name it (Invariant 1); what came and was never named makes room for newer
ones (Invariant 12), unless an upload has the same bytes. Attachments stay at this node: the centre
sees name, size and digest. Leaves out who decides what (`resolving`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from lpse.federation.errors import NotFound, Refused
from lpse.federation.limits import RESOLUTION_ATTACHMENTS_UNUSED_MAX
from lpse.federation.resolution_attachments import check_attachment_size
from lpse.runtime.clock import Clock, Entropy
from lpse.storage.blobs import BlobReader, BlobStore, BlobUnknown
from regional_node.reconciliation.attachments_store import AttachmentStore


class Claims(Protocol):
    """Whose bytes are in the making, so that nobody removes the same content meanwhile."""

    async def hold(self, digest: bytes) -> None:
        """Nobody removes these bytes from now on."""

    def release(self, digest: bytes) -> None:
        """The bytes stay, as far as a row needs them."""

    async def drop(self, digest: bytes) -> None:
        """Remove the bytes unless somebody else has them."""


class Attachments:
    """See the module's first lines."""

    def __init__(
        self,
        store: AttachmentStore,
        blobs: BlobStore,
        claims: Claims,
        suspect: Callable[[bytes], Awaitable[None]],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """`suspect` is told of bytes that are not whole."""
        self._store = store
        self._blobs = blobs
        self._claims = claims
        self._suspect = suspect
        self._clock = clock
        self._entropy = entropy

    async def take(self, content: bytes) -> bytes:
        """Keep it durably; its digest."""
        check_attachment_size(len(content))
        await self._make_room()
        digest = hashlib.sha256(content).digest()
        await self._claims.hold(digest)
        try:
            prefix = self._entropy.identifier().hex()
            await self._blobs.put_many(prefix, [content], [digest])
            await self._store.stored(digest, len(content), self._clock.wall())
        finally:
            self._claims.release(digest)
        return digest

    async def open_read(self, digest: bytes) -> BlobReader:
        """Read it; FED-7034 where it is gone or changed, and the scrub looks at it at once."""
        try:
            if await self._blobs.verify(digest):
                return await self._blobs.open_read(digest)
        except BlobUnknown as error:
            await self._suspect(digest)
            raise NotFound("FED-7034", "the attachment is not on the disk any more") from error
        await self._suspect(digest)
        raise Refused("FED-7034", "the attachment on the disk is not what the journal names")

    async def _make_room(self) -> None:
        unnamed = await self._store.unnamed()
        for digest in unnamed[: max(0, len(unnamed) + 1 - RESOLUTION_ATTACHMENTS_UNUSED_MAX)]:
            if await self._store.drop_unnamed(digest):
                await self._claims.hold(digest)
                await self._claims.drop(digest)
