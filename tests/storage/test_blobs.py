"""Blobs: durable by offset, named only after a re-read, resumable, fenced, refused when full."""

from __future__ import annotations

import asyncio
import errno
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from lpse.federation.limits import BLOB_CHUNK_BYTES_MAX, BLOB_FSYNC_BYTES
from lpse.runtime.sqlite import StorageFailed, StorageFull
from lpse.storage import blob_files
from lpse.storage.blobs import (
    BlobFenced,
    BlobMismatch,
    BlobOffset,
    BlobPart,
    BlobRefused,
    BlobStore,
    BlobUnknown,
)

MIB = BLOB_CHUNK_BYTES_MAX


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def content(size: int) -> bytes:
    return bytes(range(256)) * (size // 256) + bytes(size % 256)


async def send(part: BlobPart, data: bytes, chunk: int = 300_000) -> None:
    for offset in range(part.written_size, len(data), chunk):
        await part.append(data[offset : offset + chunk], offset)


async def test_bytes_get_their_name_and_are_stored_once(store: BlobStore) -> None:
    """The same content sent twice is one file, and reading gives exactly the sent bytes."""
    data = content(1_000_000)
    for name in ("first", "second"):
        part = await store.begin(name, len(data))
        await send(part, data)
        stored = await part.complete(sha256(data).digest(), len(data))
        assert (stored.digest, stored.size) == (sha256(data).digest(), len(data))
    assert len(list(store.folder.rglob("*"))) == 4  # incoming, sha256, ab, one blob
    async with await store.open_read(stored.digest, 999_990) as reader:
        assert reader.size == len(data)
        assert await reader.read(100) == data[-10:]
        assert await reader.read(100) == b""
    assert await store.verify(stored.digest)


async def test_without_announced_digest_the_stream_tells_it(store: BlobStore) -> None:
    """Intake does not know the digest beforehand; stream and disk must give the same one."""
    part = await store.begin("a", 10)
    await part.append(b"0123456789", 0)
    assert (await part.complete(None, 10)).digest == sha256(b"0123456789").digest()
    part = await store.begin("b", 10)
    await part.append(b"0123456789", 0)
    part.file.path.write_bytes(b"x123456789")
    with pytest.raises(BlobMismatch):
        await part.complete(None, 10)


async def test_durable_size_counts_fsynced_bytes_only(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 1: an offset is acknowledged only after an fsync that followed its bytes."""
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    size = BLOB_FSYNC_BYTES + 2 * MIB
    part = await store.begin("a", size)
    for offset in range(0, size, MIB):
        durable = await part.append(content(MIB), offset)
        assert durable <= max(synced)
    assert durable == BLOB_FSYNC_BYTES
    assert await part.flush() == size == synced[-1]


async def test_resumes_where_the_disk_stands(store: BlobStore, tmp_path: Path) -> None:
    """After a restart bytes beyond the vouched size are cut, and the rest is sent from there."""
    data = content(900_000)
    part = await store.begin("a", len(data))
    await send(part, data[:600_000])
    await part.close()
    again = BlobStore(tmp_path / "blobs")
    report = await again.sweep({"a": 300_000})
    assert (report.parts_truncated, report.parts_removed, report.parts_lost) == (1, 0, 0)
    part = await again.begin("a", len(data), durable_size=300_000)
    assert (part.written_size, part.durable_size) == (300_000, 300_000)
    await send(part, data)
    await part.complete(sha256(data).digest(), len(data))


async def test_part_shorter_than_its_row_starts_again(store: BlobStore) -> None:
    """A disk that lost fsynced bytes is found out: nothing is trusted and the part begins at 0."""
    (store.folder / "incoming" / "a.part").write_bytes(b"short")
    report = await store.sweep({"a": 100, "gone": 5})
    assert report.parts_lost == 2
    part = await store.begin("a", 200, durable_size=100)
    assert part.written_size == 0


async def test_sweep_keeps_only_what_rows_vouch_for(store: BlobStore) -> None:
    """Invariant 1: at the start orphaned parts and blobs go, and named ones stay."""
    kept, orphan = await store.put_many("x", [b"kept", b"orphan"])
    await (await store.begin("old", 3)).append(b"old", 0)
    report = await store.sweep({}, lambda digest: digest == kept.digest)
    assert (report.parts_removed, report.blobs_set_aside) == (1, 1)
    assert await store.missing([kept.digest, orphan.digest]) == [orphan.digest]
    assert await store.size_of(orphan.digest) is None
    with pytest.raises(BlobUnknown):
        await store.open_read(orphan.digest)


async def test_newer_writer_fences_off_the_older(store: BlobStore) -> None:
    """When a transfer is begun again the old session cannot write or complete any more."""
    old = await store.begin("a", 6)
    await old.append(b"abc", 0)
    await old.flush()
    new = await store.begin("a", 6)
    assert new.fence > old.fence
    with pytest.raises(BlobFenced):
        await old.append(b"XYZ", 3)
    with pytest.raises(BlobFenced):
        await old.complete(None, 3)
    await old.close()
    assert new.durable_size == 3
    await new.append(b"def", 3)
    assert (await new.complete(None, 6)).digest == sha256(b"abcdef").digest()


async def test_wrong_bytes_are_refused_and_can_be_sent_again(store: BlobStore) -> None:
    """A digest or size that does not fit empties the part; nothing gets a name."""
    part = await store.begin("a", 3)
    await part.append(b"abc", 0)
    with pytest.raises(BlobMismatch):
        await part.complete(sha256(b"abd").digest(), 3)
    assert part.written_size == 0
    assert not list((store.folder / "sha256").iterdir())
    await part.append(b"abd", 0)
    await part.complete(sha256(b"abd").digest(), 3)


async def test_misplaced_and_oversized_chunks_are_refused(store: BlobStore) -> None:
    """A gap, a repetition, a giant chunk or more bytes than announced changes nothing."""
    part = await store.begin("a", 10)
    await part.append(b"abc", 0)
    for offset in (0, 2, 4):
        with pytest.raises(BlobOffset) as refusal:
            await part.append(b"x", offset)
        assert refusal.value.expected == 3
    with pytest.raises(BlobRefused):
        await part.append(bytes(8), 3)
    big = await store.begin("b", 10 * MIB)
    with pytest.raises(BlobRefused):
        await big.append(bytes(MIB + 1), 0)
    for name in ("../x", "", "A", "a/b", "a" * 65):
        with pytest.raises(BlobRefused):
            await store.begin(name, 1)


async def test_room_is_checked_before_the_first_byte(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: a file that would eat the reserve is refused, counting what is on its way."""
    reserve = 64 * MIB
    monkeypatch.setattr(blob_files, "free_bytes", lambda _: reserve + 10 * MIB)
    await store.begin("a", 6 * MIB)
    with pytest.raises(StorageFull) as refusal:
        await store.begin("b", 6 * MIB)
    assert refusal.value.code == "FED-1101"
    await store.begin("c", 4 * MIB)


async def test_full_disk_in_the_middle_keeps_what_was_durable(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC refuses the chunk, the part stays as it was, and goes on when there is room."""
    part = await store.begin("a", 6)
    await part.append(b"abc", 0)
    real = os.pwrite

    def full(descriptor: int, data: Any, offset: int) -> int:
        if offset == 4:
            raise OSError(errno.ENOSPC, "no room")
        return real(descriptor, data[:1], offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StorageFull):
        await part.append(b"def", 3)
    assert part.file.path.read_bytes() == b"abc"
    monkeypatch.setattr(os, "pwrite", real)
    await part.append(b"def", 3)
    assert (await part.complete(None, 6)).digest == sha256(b"abcdef").digest()


async def test_failed_fsync_stops_the_store(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 1: after the first EIO nothing more is promised, and the same fsync not retried."""
    part = await store.begin("a", 6)
    await part.append(b"abc", 0)
    calls: list[int] = []

    def broken(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(errno.EIO, "bad sector")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StorageFailed):
        await part.flush()
    with pytest.raises(StorageFailed):
        await part.flush()
    assert len(calls) == 1
    assert store.failed.is_set()


async def test_cancelled_writer_leaves_a_whole_chunk(store: BlobStore) -> None:
    """A caller that goes away in mid-write does not leave the part in an unknown state."""
    part = await store.begin("a", 2 * MIB)
    task = asyncio.create_task(part.append(content(MIB), 0))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await part.flush()
    assert part.durable_size in (0, MIB)
    await send(part, content(MIB) * 2)
    data = content(MIB) * 2
    assert (await part.complete(None, 2 * MIB)).digest == sha256(data).digest()


async def test_small_files_share_their_directory_fsyncs(store: BlobStore) -> None:
    """Many small blobs, equal ones among them, are stored by one call."""
    contents = [f"file {number % 90}".encode() for number in range(100)]
    stored = await store.put_many("batch", contents)
    assert [blob.digest for blob in stored] == [sha256(data).digest() for data in contents]
    assert await store.missing([blob.digest for blob in stored]) == []
    assert not list((store.folder / "incoming").iterdir())


async def test_parts_of_one_submission_complete_together(store: BlobStore) -> None:
    """One wrong file leaves the others unnamed, so that a submission can be all or nothing."""
    parts = [await store.begin(f"p{number}", 1) for number in range(3)]
    for part in parts:
        await part.append(b"x", 0)
    good = sha256(b"x").digest()
    with pytest.raises(BlobMismatch):
        await store.complete_many([(parts[0], good, 1), (parts[1], good, 1), (parts[2], good, 2)])
    assert await store.size_of(good) is None
    await parts[2].append(b"x", 0)
    await store.complete_many([(part, good, 1) for part in parts])
    assert await store.size_of(good) == 1


async def test_damage_and_deletion(store: BlobStore) -> None:
    """Verification re-reads the disk; deleting twice is harmless."""
    (blob,) = await store.put_many("x", [b"abc"])
    store.path_of(blob.digest).write_bytes(b"abd")
    assert not await store.verify(blob.digest)
    await store.delete(blob.digest)
    await store.delete(blob.digest)
    with pytest.raises(BlobUnknown):
        await store.verify(blob.digest)
