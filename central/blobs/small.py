"""Small blobs: taken into memory, stored together, one fsync of each directory for all of them.

Owns the gathering: whatever finishes while a group is being stored goes into the next one. Rules:
the digest is checked before anything touches the disk and re-read from it afterwards; VERIFIED
follows only when the whole group and the row are durable (Invariant 1). Leaves out large blobs
(`receiving`), which resume.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from hashlib import sha256

from lpse.federation.limits import BLOB_GROUP_MAX
from lpse.storage.blobs import BlobMismatch, BlobRefused, BlobStore


class SmallBlobs:
    """Stores contents in groups; a caller that goes away does not stop its group."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._waiting: deque[tuple[bytes, bytes, asyncio.Future[None]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._groups = 0

    async def store(self, *blobs: tuple[bytes, bytes]) -> None:
        """Returns when each content is durable under its digest; raises what the disk raised.

        Takes (digest, content), already compared: the disk is compared with the digest again.
        """
        loop = asyncio.get_running_loop()
        waits: list[asyncio.Future[None]] = []
        for digest, content in blobs:
            waits.append(loop.create_future())
            self._waiting.append((digest, content, waits[-1]))
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="small-blobs")
        ended = await asyncio.gather(*waits, return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def _drain(self) -> None:
        try:
            while self._waiting:
                size = min(len(self._waiting), BLOB_GROUP_MAX)
                await self._store_group([self._waiting.popleft() for _ in range(size)])
        finally:
            self._task = None

    async def _store_group(self, group: list[tuple[bytes, bytes, asyncio.Future[None]]]) -> None:
        self._groups += 1
        contents = {digest: content for digest, content, _ in group}
        error: Exception | None = None
        try:
            await self._blobs.put_many(f"small-{self._groups}", list(contents.values()))
        except Exception as caught:  # every waiter of the group must hear of it
            error = caught
        for _, _, done in group:
            if done.done():
                continue  # its caller went away
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)


class SmallIncoming:
    """One small blob on its way in; the same face as `receiving.Incoming`, without a part."""

    def __init__(
        self,
        small: SmallBlobs,
        blob: tuple[bytes, int],
        vouch: Callable[[], Awaitable[None]],
    ) -> None:
        self.fenced = asyncio.Event()  # never set: two streams of the same content do no harm
        self.offset = 0
        self.fence = 0
        self._small = small
        self._digest, self._size = blob
        self._vouch = vouch
        self._content = bytearray()

    async def append(self, data: bytes) -> int | None:
        """Keep a chunk; nothing is durable before the end."""
        if self.offset + len(data) > self._size:
            raise BlobRefused("a chunk goes beyond the announced size")
        self._content += data
        self.offset += len(data)
        return None

    async def finish(self) -> None:
        """Check, store, vouch; goes on to the end even if the caller has gone away."""
        await asyncio.shield(asyncio.ensure_future(self._finish()))

    async def close(self) -> None:
        """Nothing to keep."""
        self._content.clear()

    async def _finish(self) -> None:
        content = bytes(self._content)
        if len(content) != self._size or sha256(content).digest() != self._digest:
            raise BlobMismatch
        await self._small.store((self._digest, content))
        await self._vouch()
