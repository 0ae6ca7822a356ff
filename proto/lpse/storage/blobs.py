"""Content-addressed files: received in parts, durable by offset, named by their digest.

Owns `incoming/<transfer id>.part` and `sha256/ab/<digest>`. Rules: a blob gets its name after its
digest was re-read from the disk, and is there after its directory was fsynced (Invariant 1); the
same content is stored once; a newer writer of a part fences off an older one. Room is checked
before the first byte, with a reserve that blobs never use. After an I/O error every write is
refused and `failed` is set. Leaves out the rows that vouch for blobs: their owner stores them and
hands them to `sweep` at the start.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from lpse.federation.limits import (
    BLOB_BYTES_MAX,
    BLOB_GROUP_MAX,
    BLOB_LOCKS,
    BLOB_PARTS_OPEN_MAX,
    BLOB_RESERVE_BYTES_MIN,
    TRANSFER_ID_CHARACTERS_MAX,
)
from lpse.runtime.sqlite.errors import StorageFailed, StorageFull
from lpse.storage import aside
from lpse.storage import blob_files as files
from lpse.storage.blob_groups import Small, put_group, put_parts
from lpse.storage.blob_parts import (
    BlobFenced,
    BlobMismatch,
    BlobOffset,
    BlobRefused,
    BlobUnknown,
    PartFile,
    PartMark,
    StoredBlob,
    TooManyParts,
)
from lpse.storage.blob_reader import BlobReader
from lpse.storage.blob_sweep import SweepReport, sweep

__all__ = [
    "BlobFenced",
    "BlobMismatch",
    "BlobOffset",
    "BlobPart",
    "BlobReader",
    "BlobRefused",
    "BlobStore",
    "BlobUnknown",
    "StoredBlob",
    "SweepReport",
    "TooManyParts",
]

T = TypeVar("T")
_TRANSFER_ID = re.compile(r"[a-z0-9][a-z0-9-]*")
_DIGEST_BYTES = 32


class BlobPart:
    """One file being received; made by `BlobStore.begin`, ended by `complete` or `close`."""

    def __init__(self, store: BlobStore, transfer_id: str, size: int, fence: int) -> None:
        self._store = store
        self.transfer_id = transfer_id
        self.fence = fence
        self.file = PartFile(store.part_path(transfer_id), size)

    @property
    def written_size(self) -> int:
        """Where the next chunk goes."""
        return self.file.written_size

    @property
    def durable_size(self) -> int:
        """How many bytes survive a power cut; what an acknowledgement may say."""
        return self.file.durable_size

    async def append(self, data: bytes, offset: int) -> int:
        """Write a chunk at `offset`; returns how many bytes are durable by now."""
        return await self._store.exclusive([self], lambda: self.file.append(data, offset))

    async def extend(self, pieces: Sequence[bytes]) -> int:
        """Write pieces at the end by one way to a thread; returns how many bytes are durable."""
        return await self._store.exclusive([self], lambda: self.file.extend(pieces))

    async def flush(self) -> int:
        """Make everything written durable; returns the durable size."""
        return await self._store.exclusive([self], self.file.sync)

    async def complete(self, digest: bytes | None, size: int) -> StoredBlob:
        """Re-read, compare and name the blob; with no expected digest the stream's must agree."""
        (stored,) = await self._store.complete_many([(self, digest, size)])
        return stored

    async def check(self, size: int) -> StoredBlob:
        """Fsync, re-read and compare; the part stays open for `place`."""
        return await self._store.exclusive([self], lambda: self.file.check(None, size))

    async def place(self, stored: StoredBlob) -> None:
        """Give the checked bytes their name; the part ends."""
        move = (self.file.path, self._store.path_of(stored.digest))
        await self._store.exclusive([self], lambda: files.move_into_place([move]), last=True)

    async def rewind(self, mark: PartMark) -> None:
        """Forget what was written since `mark`."""
        await self._store.exclusive([self], lambda: self.file.rewind(mark))

    async def close(self) -> None:
        """Stop writing; what was written is made durable and can be resumed."""
        with suppress(BlobFenced):
            await self._store.exclusive([self], self.file.sync, last=True)

    async def discard(self) -> None:
        """Stop writing and delete what has arrived."""
        await self._store.exclusive([self], lambda: files.remove([self.file.path]), last=True)


class BlobStore:
    """The blobs of one party under one folder."""

    def __init__(self, folder: Path, *, reserve_bytes: int = BLOB_RESERVE_BYTES_MIN) -> None:
        """`reserve_bytes` of the disk stay free for receipts, entries and draining."""
        self.folder = folder
        self.failed = asyncio.Event()
        self._failure: StorageFailed | None = None
        self._reserve_bytes = max(reserve_bytes, BLOB_RESERVE_BYTES_MIN)
        self._incoming = folder / "incoming"
        self._final = folder / "sha256"
        self._parts: dict[str, BlobPart] = {}
        self._locks = [asyncio.Lock() for _ in range(BLOB_LOCKS)]
        self._fence = 0
        self._promised: dict[str, int] = {}
        self._promised_total = 0
        for path in (folder, self._incoming, self._final):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.sync_folder(folder)

    @property
    def failure(self) -> StorageFailed | None:
        """What the disk said when it failed; None while it works."""
        return self._failure

    @property
    def receiving(self) -> bool:
        """Whether bytes are being received now."""
        return bool(self._parts)

    def part_path(self, transfer_id: str) -> Path:
        """Where a transfer is received; refuses an id that is not a plain word."""
        if len(transfer_id) > TRANSFER_ID_CHARACTERS_MAX or not _TRANSFER_ID.fullmatch(transfer_id):
            raise BlobRefused("the transfer id is malformed")
        return self._incoming / f"{transfer_id}.part"

    def path_of(self, digest: bytes) -> Path:
        """Where a blob with this digest is, or would be."""
        if len(digest) != _DIGEST_BYTES:
            raise BlobRefused("a digest has 32 bytes")
        name = digest.hex()
        return self._final / name[:2] / name

    def check_space(self, size: int) -> None:
        """Raise StorageFull unless `size` more bytes fit beside what is being received."""
        if not 0 <= size <= BLOB_BYTES_MAX:
            raise BlobRefused(f"a file has at most {BLOB_BYTES_MAX} bytes")
        coming = self._promised_total
        for name, part in self._parts.items():
            coming += part.file.announced_size - part.file.written_size
            coming -= self._promised.get(name, 0)
        with files.disk_errors():
            if files.free_bytes(self.folder) < self._reserve_bytes + coming + size:
                raise StorageFull

    def promise(self, transfer_id: str, size: int) -> None:
        """Keep room for a transfer also while its part is not open; 0 gives it back."""
        self._promised_total += size - self._promised.pop(transfer_id, 0)
        if size:
            self._promised[transfer_id] = size

    @property
    def promised_bytes(self) -> int:
        """Room kept for transfers that are not complete."""
        return self._promised_total

    async def begin(self, transfer_id: str, size: int, *, durable_size: int = 0) -> BlobPart:
        """Receive a file of `size` bytes, going on at the `durable_size` that a row vouches for.

        A part of the same transfer that is still open is fenced off.
        """
        self._admit()
        self.part_path(transfer_id)
        if transfer_id not in self._parts and len(self._parts) >= BLOB_PARTS_OPEN_MAX:
            raise TooManyParts
        self.check_space(max(size - durable_size - self._promised.get(transfer_id, 0), 0))
        self._fence += 1
        part = BlobPart(self, transfer_id, size, self._fence)
        older, self._parts[transfer_id] = self._parts.get(transfer_id), part
        try:
            await self.exclusive([part], partial(_take_over, older, part, durable_size))
        except BaseException:
            if self._parts.get(transfer_id) is part:
                del self._parts[transfer_id]
            raise
        return part

    async def complete_many(
        self, finished: Sequence[tuple[BlobPart, bytes | None, int]]
    ) -> list[StoredBlob]:
        """Complete parts of one submission together: one fsync per directory for all."""
        if not 1 <= len(finished) <= BLOB_GROUP_MAX:
            raise BlobRefused(f"1 to {BLOB_GROUP_MAX} files are completed at once")

        def work() -> list[StoredBlob]:
            stored = [part.file.check(digest, size) for part, digest, size in finished]
            paths = [part.file.path for part, _, _ in finished]
            files.move_into_place(
                zip(paths, (self.path_of(blob.digest) for blob in stored), strict=True)
            )
            return stored

        return await self.exclusive([part for part, _, _ in finished], work, last=True)

    async def put_many(
        self, prefix: str, contents: Sequence[bytes], digests: Sequence[bytes] = ()
    ) -> list[StoredBlob]:
        """Store small blobs under one call; `prefix` is a transfer id that is in nobody's use.

        `digests` of the contents save hashing them once more where the caller has them already.
        """
        self._admit()
        if len(contents) > BLOB_GROUP_MAX:
            raise BlobRefused(f"more than {BLOB_GROUP_MAX} files at once")
        self.check_space(sum(map(len, contents)))
        known = digests or [b""] * len(contents)
        group = [
            Small(self.part_path(f"{prefix}-{number}"), data, digest)
            for number, (data, digest) in enumerate(zip(contents, known, strict=True))
        ]
        stored = await put_group(self._run, group, self.path_of)
        return [
            StoredBlob(digest, len(data)) for digest, data in zip(stored, contents, strict=True)
        ]

    async def put_parts(self, contents: Sequence[tuple[str, bytes]]) -> list[bytes]:
        """Store small files whole, each as the part of its transfer; returns their digests.

        They survive a power cut as parts; whoever vouches for them gives them their names later.
        """
        self.check_space(sum(len(data) for _, data in contents))
        group = [Small(self.part_path(name), data, b"") for name, data in contents]
        return await put_parts(self._run, group)

    async def name_parts(self, whole: Sequence[tuple[str, bytes]]) -> None:
        """Give whole parts the names of their digests; one fsync per folder for all.

        Repeating it is harmless; BlobUnknown where bytes are under neither name.
        """
        moves = [(self.part_path(name), self.path_of(digest)) for name, digest in whole]

        def work() -> None:
            due = [(source, target) for source, target in moves if source.exists()]
            files.move_into_place(due)
            if len(due) < len(moves) and not all(target.exists() for _, target in moves):
                raise BlobUnknown

        await self._run(work)

    async def name_parts_found(self, whole: Mapping[str, tuple[bytes, int]]) -> int:
        """At the start: name the parts that a row calls whole, by digest and size; how many."""

        def work() -> int:
            moves = [
                (path, self.path_of(whole[path.stem][0]))
                for path in self._incoming.glob("*.part")
                if path.stem in whole and path.stat().st_size == whole[path.stem][1]
            ]
            files.move_into_place(moves)
            return len(moves)

        return await self._run(work)

    async def size_of(self, digest: bytes) -> int | None:
        """Size of a stored blob, None if there is none."""
        try:
            return (await asyncio.to_thread(self.path_of(digest).stat)).st_size
        except FileNotFoundError:
            return None

    async def open_read(self, digest: bytes, offset: int = 0) -> BlobReader:
        """Read a stored blob from an offset."""
        try:
            path = self.path_of(digest)
            descriptor = await asyncio.to_thread(files.disk.open, path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise BlobUnknown from error
        return BlobReader(descriptor, offset)

    async def verify(self, digest: bytes) -> bool:
        """Whether the disk still gives back the bytes that the name promises."""
        try:
            found, _ = await asyncio.to_thread(files.digest_of_path, self.path_of(digest))
        except FileNotFoundError as error:
            raise BlobUnknown from error
        return found == digest

    async def delete(self, digest: bytes) -> None:
        """Remove a blob that no row vouches for any more; repeating it is harmless."""
        await self._run(lambda: files.remove([self.path_of(digest)]))

    async def remove_part(self, transfer_id: str) -> bool:
        """Delete what came of a transfer that nobody has open; False where somebody has."""
        async with self._locks[crc32(transfer_id.encode()) % BLOB_LOCKS]:
            if transfer_id in self._parts:
                return False
            await self._run(lambda: files.remove([self.part_path(transfer_id)]))
            return True

    async def sweep(
        self, parts: Mapping[str, int], is_vouched: Callable[[bytes], bool] | None = None
    ) -> SweepReport:
        """At the start, before the first `begin`: keep only what rows vouch for.

        `parts` gives the durable size per transfer id; longer files are cut, others removed. With
        `is_vouched`, blobs that no row names are set aside, never deleted.
        """
        return await self._run(lambda: sweep(self.folder, parts, self.path_of, is_vouched))

    async def set_damaged_aside(self, digest: bytes) -> None:
        """Keep a damaged blob as evidence, out of the way of a good copy."""
        paths = [self.path_of(digest)]
        await self._run(lambda: aside.set_aside(self.folder, paths, aside.DAMAGED))

    async def missing(self, digests: Sequence[bytes]) -> list[bytes]:
        """Which of these blobs the disk does not have."""
        return await asyncio.to_thread(
            lambda: [digest for digest in digests if not self.path_of(digest).exists()]
        )

    async def exclusive(
        self, parts: Sequence[BlobPart], work: Callable[[], T], *, last: bool = False
    ) -> T:
        """Run blocking work on parts that nobody took over; a cancelled caller does not stop it.

        With `last` the parts are closed when the work has succeeded.
        """
        return await asyncio.shield(asyncio.ensure_future(self._exclusive(parts, work, last)))

    async def _exclusive(self, parts: Sequence[BlobPart], work: Callable[[], T], last: bool) -> T:
        places = {crc32(part.transfer_id.encode()) % BLOB_LOCKS for part in parts}
        async with AsyncExitStack() as stack:
            for place in sorted(places):  # one order for everybody: no deadlock
                await stack.enter_async_context(self._locks[place])
            if any(self._parts.get(part.transfer_id) is not part for part in parts):
                raise BlobFenced
            result = await self._run(work)
            if last:
                for part in parts:
                    del self._parts[part.transfer_id]
                    part.file.shut()
            return result

    async def _run(self, work: Callable[[], T]) -> T:
        self._admit()
        try:
            return await asyncio.to_thread(work)
        except StorageFailed as error:
            self._failure = error
            self.failed.set()
            raise

    def _admit(self) -> None:
        if self._failure is not None:
            raise StorageFailed(self._failure.detail)


def _take_over(older: BlobPart | None, part: BlobPart, durable_size: int) -> None:
    if older is not None:
        durable_size = max(durable_size, older.durable_size)
        older.file.shut()
    part.file.open(durable_size)
