"""From the chunks of an upload to durable blobs named by their digests.

Owns the order and sizes of the files of one upload and the room promised to all. Rule: room is
checked before the first byte, and every file has exactly the size and digest that were announced.
Leaves out where the bytes go (`sinks`), whose blobs they are (`claims`) and the files themselves
(`lpse.storage.blobs`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from lpse.federation.commitments import SealedFile
from lpse.federation.errors import Refused
from lpse.federation.limits import BLOB_BYTES_MAX, BLOB_CHUNK_BYTES_MAX
from lpse.runtime.clock import Entropy
from lpse.runtime.sqlite import StorageFull
from lpse.storage.blobs import BlobStore
from regional_node.intake.claims import Claims
from regional_node.intake.sinks import ComparingSink, DiskSink, Sink, no_room


class Sealing:
    """Makes a sealer per upload and keeps what all of them share: room and claims."""

    def __init__(
        self,
        blobs: BlobStore,
        entropy: Entropy,
        needed: Callable[[bytes], Awaitable[bool]],
    ) -> None:
        """`needed` says whether some accepted submission has the bytes of a digest."""
        self._blobs = blobs
        self._entropy = entropy
        self.claims = Claims(blobs, needed)
        self._promised: dict[DiskSink, int] = {}

    def begin(self, files: Sequence[SealedFile]) -> Sealer:
        """A sealer for these files; Unavailable FED-5010 where the disk has no room for them."""
        size = sum(file.size_bytes for file in files)
        promised = sum(self._promised.values())
        try:
            self._blobs.check_space(min(size + promised, BLOB_BYTES_MAX))
        except StorageFull as error:
            raise no_room() from error
        name = self._entropy.identifier().hex()
        disk = DiskSink(self._blobs, self.claims, name, self._promised)
        self._promised[disk] = size
        return Sealer(files, disk)

    async def name_whole(self, whole: Mapping[str, tuple[bytes, int]]) -> None:
        """Before the sweep: parts that rows call whole files get the names of their digests."""
        await self._blobs.name_parts_found(whole)

    async def sweep(self, vouched: frozenset[bytes], parts: Mapping[str, int]) -> int:
        """Before the first upload: keep only what is vouched for; how many blobs are missing."""
        await self._blobs.sweep(parts, vouched.__contains__)
        return len(await self._blobs.missing(list(vouched)))

    @staticmethod
    def compare(files: Sequence[SealedFile]) -> Sealer:
        """A sealer that stores nothing: the digests of an upload that was accepted before."""
        return Sealer(files, ComparingSink())


class Sealer:
    """The files of one upload, in order, each exactly as large as declared."""

    def __init__(self, files: Sequence[SealedFile], sink: Sink) -> None:
        self.received_bytes = 0
        self._files = files
        self._sink = sink
        self._file = 0
        self._in_file = 0
        self._lock = asyncio.Lock()

    async def write(self, file: int, data: bytes) -> None:
        """Bytes of a file; FED-5009 for a wrong order, FED-5008 beyond the declared size."""
        async with self._lock:
            if not self._file <= file < len(self._files):
                raise Refused("FED-5009", "the bytes of the files came out of order")
            while self._file < file:
                await self._end_file()
            size = self._files[file].size_bytes
            if self._in_file + len(data) > size:
                raise _changed(file)
            if not self._in_file:
                await self._sink.start(size)
            for start in range(0, len(data), BLOB_CHUNK_BYTES_MAX):
                await self._sink.write(data[start : start + BLOB_CHUNK_BYTES_MAX])
            self._in_file += len(data)
            self.received_bytes += len(data)

    async def seal(self) -> tuple[SealedFile, ...]:
        """Every file durable, with its digest; FED-5008 where bytes lack or digests differ."""
        async with self._lock:
            while self._file < len(self._files):
                await self._end_file()
            digests = await self._sink.finish()
        for position, (file, digest) in enumerate(zip(self._files, digests, strict=True)):
            if file.sha256 and file.sha256 != digest:
                raise _changed(position)
        return tuple(
            SealedFile(file.name, file.size_bytes, digest)
            for file, digest in zip(self._files, digests, strict=True)
        )

    async def discard(self) -> None:
        """Remove what this upload alone has stored."""
        async with self._lock:
            await self._sink.discard()

    async def close(self) -> None:
        """Give up claims and promised room; what is stored stays."""
        await self._sink.close()

    async def _end_file(self) -> None:
        size = self._files[self._file].size_bytes
        if self._in_file != size:
            raise _changed(self._file)
        if not size:
            await self._sink.start(0)
        await self._sink.end()
        self._file += 1
        self._in_file = 0


def _changed(position: int) -> Refused:
    return Refused(
        "FED-5008",
        f"file {position + 1} has not the size or digest that was announced",
        remedy="the file changed while it was sent; send the submission again",
    )
