"""Which blobs unfinished uploads have, so that removing one never hurts another.

Owns the claims in memory. Rule: a blob that a refused upload left behind is removed, unless another
unfinished upload or an accepted submission has the same content; an acknowledged blob is never
removed here. What a lost process leaves behind is swept at its next start. Leaves out the rows of
accepted submissions (`store`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from lpse.federation.errors import Unavailable
from lpse.storage.blobs import BlobStore


class Claims:
    """See the module's first lines."""

    def __init__(self, blobs: BlobStore, needed: Callable[[bytes], Awaitable[bool]]) -> None:
        self.deletions = 0
        self._blobs = blobs
        self._needed = needed
        self._counts: Counter[bytes] = Counter()
        self._deleting: dict[bytes, asyncio.Event] = {}

    async def claim(self, digest: bytes, seen: int) -> None:
        """Claim a blob stored since `deletions` was `seen`; FED-5023 if it was removed again."""
        self._counts[digest] += 1
        while digest in self._deleting:
            await self._deleting[digest].wait()
        if self.deletions != seen and await self._blobs.size_of(digest) is None:
            raise Unavailable(
                "FED-5023",
                "the same content was just removed with a refused upload",
                remedy="send the submission again",
            )

    async def hold(self, digest: bytes) -> None:
        """Claim a digest whose blob is about to be stored, or is vouched for by a row."""
        self._counts[digest] += 1
        while digest in self._deleting:
            await self._deleting[digest].wait()

    def release(self, digest: bytes) -> None:
        """The blob stays."""
        self._counts[digest] -= 1
        if not self._counts[digest]:
            del self._counts[digest]

    async def free(self, digest: bytes, mark: Callable[[], Awaitable[bool]]) -> bool:
        """Remove what accepted submissions need no more, once `mark` has recorded it durably."""
        if digest in self._counts or digest in self._deleting:
            return False
        ended = self._deleting[digest] = asyncio.Event()
        try:
            if not await mark() or digest in self._counts:
                return False
            self.deletions += 1
            await self._blobs.delete(digest)
            return True
        finally:
            del self._deleting[digest]
            ended.set()

    async def drop(self, digest: bytes) -> None:
        """Remove the blob unless somebody else has it."""
        self.release(digest)
        if digest in self._counts or digest in self._deleting:
            return
        ended = self._deleting[digest] = asyncio.Event()
        try:
            if not await self._needed(digest) and digest not in self._counts:
                self.deletions += 1
                await self._blobs.delete(digest)
        finally:
            del self._deleting[digest]
            ended.set()
