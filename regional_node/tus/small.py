"""Small files that arrive at about the same time are made durable together.

Owns the group: stored at once when nothing is being stored, collected meanwhile. Rule: an answer
comes after the file and its folder were fsynced and the file was re-read (Invariant 1); a digest is
held before its blob is stored, so that no removal of the same content can come between. Leaves out
rows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from hashlib import sha256

from lpse.federation.limits import RESUMABLE_GROUP_FILES_MAX
from lpse.runtime.clock import Entropy
from lpse.storage.blobs import BlobStore
from regional_node.intake.claims import Claims


class SmallFiles:
    """See the module's first lines."""

    def __init__(self, blobs: BlobStore, claims: Claims, entropy: Entropy) -> None:
        self._blobs = blobs
        self._claims = claims
        self._prefix = entropy.identifier().hex()
        self._groups = 0
        self._waiting: deque[tuple[bytes, bytes, asyncio.Future[None]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def put(self, data: bytes) -> bytes:
        """Store a whole file; its digest, held in the claims until the caller releases it."""
        digest = sha256(data).digest()
        await self._claims.hold(digest)
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((digest, data, stored))
        if self._task is None:
            self._task = asyncio.create_task(self._store_all(), name="small-files")
        try:
            await stored
        except BaseException:
            self._claims.release(digest)
            raise
        return digest

    async def _store_all(self) -> None:
        try:
            while self._waiting:
                group = [
                    self._waiting.popleft()
                    for _ in range(min(len(self._waiting), RESUMABLE_GROUP_FILES_MAX))
                ]
                error = await self._store({digest: data for digest, data, _ in group})
                for _, _, stored in group:
                    if not stored.done():
                        stored.set_result(None) if error is None else stored.set_exception(error)
        finally:
            self._task = None

    async def _store(self, contents: dict[bytes, bytes]) -> Exception | None:
        self._groups += 1
        try:
            name = f"{self._prefix}-{self._groups}"
            await self._blobs.put_many(name, list(contents.values()), list(contents))
        except Exception as error:  # whatever it is: every waiter must be told
            return error
        return None
