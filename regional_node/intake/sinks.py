"""Where the bytes of one upload go: to the disk, or through a hash only.

Owns the grouping of an upload's files: small ones are kept in memory and stored together, larger
ones go to parts on the disk at once. Rule: `finish` returns after every blob has been fsynced,
re-read and named, and its directory fsynced (Invariant 1). Leaves out order and sizes (`sealing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Protocol

from lpse.federation.errors import Unavailable
from lpse.federation.limits import (
    UPLOAD_BUFFER_BYTES_MAX,
    UPLOAD_PARTS_OPEN_MAX,
    UPLOAD_SMALL_FILE_BYTES_MAX,
)
from lpse.runtime.sqlite import StorageFull
from lpse.storage.blobs import BlobPart, BlobStore, StoredBlob
from regional_node.intake.claims import Claims


class Sink(Protocol):
    """Where the bytes of an upload go, one file after the other."""

    async def start(self, size: int) -> None:
        """A file of `size` bytes begins; harmless when its first bytes were empty."""

    async def write(self, data: bytes) -> None:
        """The next bytes of the file."""

    async def end(self) -> None:
        """The file is whole."""

    async def finish(self) -> list[bytes]:
        """Everything is durable; the digests in order."""

    async def discard(self) -> None:
        """Remove everything."""

    async def close(self) -> None:
        """Let go of everything."""


class DiskSink:
    """Blobs: small files together from memory, larger ones through parts on the disk."""

    def __init__(
        self, blobs: BlobStore, claims: Claims, name: str, promised: dict[DiskSink, int]
    ) -> None:
        self._blobs = blobs
        self._claims = claims
        self._name = name
        self._promised = promised
        self._order: list[tuple[str, int]] = []
        self._stored: dict[tuple[str, int], bytes] = {}
        self._claimed: list[bytes] = []
        self._small: list[bytearray] = []
        self._groups = 0
        self._parts: list[BlobPart] = []
        self._part: BlobPart | None = None
        self._part_count = 0
        self._buffer: bytearray | None = None

    async def start(self, size: int) -> None:
        if self._part is not None or self._buffer is not None:
            return
        if size <= UPLOAD_SMALL_FILE_BYTES_MAX:
            self._buffer = bytearray()
            return
        with _room():
            self._part = await self._blobs.begin(f"{self._name}-p{self._part_count}", size)
        self._part_count += 1
        self._promised[self] -= size  # from here on the blob store counts it

    async def write(self, data: bytes) -> None:
        if self._buffer is not None:
            self._buffer += data
            return
        assert self._part is not None
        with _room():
            await self._part.append(data, self._part.written_size)

    async def end(self) -> None:
        if self._buffer is not None:
            self._order.append(("small", self._groups + len(self._small)))
            self._small.append(self._buffer)
            self._buffer = None
            if sum(map(len, self._small)) > UPLOAD_BUFFER_BYTES_MAX:
                await self._store_small()
            return
        assert self._part is not None
        self._order.append(("part", self._part_count - 1))
        self._parts.append(self._part)
        self._part = None
        if len(self._parts) >= UPLOAD_PARTS_OPEN_MAX:
            await self._store_parts()

    async def finish(self) -> list[bytes]:
        await self._store_parts()
        await self._store_small()
        return [self._stored[key] for key in self._order]

    async def discard(self) -> None:
        for part in [*self._parts, *([self._part] if self._part else [])]:
            await part.discard()
        self._parts, self._part, self._small, self._buffer = [], None, [], None
        while self._claimed:
            await self._claims.drop(self._claimed.pop())

    async def close(self) -> None:
        self._promised.pop(self, None)
        for part in [*self._parts, *([self._part] if self._part else [])]:
            await part.close()
        while self._claimed:
            self._claims.release(self._claimed.pop())

    async def _store_small(self) -> None:
        if not self._small:
            return
        contents, first = [bytes(one) for one in self._small], self._groups
        seen = self._claims.deletions
        with _room():
            stored = await self._blobs.put_many(f"{self._name}-s{first}", contents)
        self._small = []
        self._groups += len(stored)
        self._promised[self] -= sum(map(len, contents))
        for number, blob in enumerate(stored, start=first):
            await self._claim(("small", number), blob, seen)

    async def _store_parts(self) -> None:
        if not self._parts:
            return
        first = self._part_count - len(self._parts) - (1 if self._part else 0)
        seen = self._claims.deletions
        with _room():
            stored = await self._blobs.complete_many(
                [(part, None, part.written_size) for part in self._parts]
            )
        self._parts = []
        for number, blob in enumerate(stored, start=first):
            await self._claim(("part", number), blob, seen)

    async def _claim(self, key: tuple[str, int], blob: StoredBlob, seen: int) -> None:
        self._claimed.append(blob.digest)
        self._stored[key] = blob.digest
        await self._claims.claim(blob.digest, seen)


class ComparingSink:
    """Digests only."""

    def __init__(self) -> None:
        self._digests: list[bytes] = []
        self._stream = sha256()

    async def start(self, size: int) -> None:
        self._stream = sha256()

    async def write(self, data: bytes) -> None:
        await asyncio.to_thread(self._stream.update, data)

    async def end(self) -> None:
        self._digests.append(self._stream.digest())

    async def finish(self) -> list[bytes]:
        return self._digests

    async def discard(self) -> None:
        self._digests = []

    async def close(self) -> None:
        self._digests = []


@contextmanager
def _room() -> Iterator[None]:
    """A disk that fills up while an upload comes in is told like one that was full before."""
    try:
        yield
    except StorageFull as error:
        raise no_room() from error


def no_room() -> Unavailable:
    """FED-5010."""
    return Unavailable(
        "FED-5010",
        "this node's disk has no room for the submission; nothing was accepted",
        remedy="tell the LPSE at once; the admin frees space, then send it again",
    )
