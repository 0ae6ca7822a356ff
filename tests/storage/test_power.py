"""What a blob store has said is what a power cut leaves, and what the disk gives back."""

from __future__ import annotations

import random
from hashlib import sha256
from pathlib import Path

import pytest

from lpse.runtime.sqlite import StorageFailed
from lpse.storage import blob_files
from lpse.storage.blobs import BlobMismatch, BlobStore
from tests.storage.power import CutDisk, LyingDisk

CHANCE = random.Random(5)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> CutDisk:
    """The disk of every store in this test."""
    disk = CutDisk()
    monkeypatch.setattr(blob_files, "disk", disk)
    return disk


@pytest.mark.parametrize("count", [1, 2, 9])
async def test_small_blobs_survive_a_power_cut_when_they_are_stored(
    tmp_path: Path, cut: CutDisk, count: int
) -> None:
    """Invariant 1: bytes and name of each blob of a group were fsynced before the call returned."""
    contents = [CHANCE.randbytes(100 * (number + 1)) for number in range(count)]
    blobs = BlobStore(tmp_path)
    for stored, content in zip(await blobs.put_many("group", contents), contents, strict=True):
        assert cut.left(blobs.path_of(stored.digest)) == content


async def test_a_large_blob_survives_a_power_cut_when_it_is_complete(
    tmp_path: Path, cut: CutDisk
) -> None:
    """Invariant 1: what a part calls durable was fsynced, and the whole with its name."""
    content = CHANCE.randbytes(300_000)
    blobs = BlobStore(tmp_path)
    part = await blobs.begin("large", len(content))
    told = await part.append(content[:200_000], 0)
    assert told <= len(cut.left(blobs.part_path("large")) or b"")
    durable = await part.flush()
    assert durable == 200_000
    assert (cut.left(blobs.part_path("large")) or b"")[:durable] == content[:durable]
    await part.append(content[200_000:], 200_000)
    stored = await part.complete(sha256(content).digest(), len(content))
    assert cut.left(blobs.path_of(stored.digest)) == content


@pytest.mark.parametrize("count", [1, 4])
async def test_small_blobs_that_the_disk_changed_are_never_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """A disk that gives back other bytes than it was given ends the writing; nothing is named."""
    monkeypatch.setattr(blob_files, "disk", LyingDisk())
    blobs = BlobStore(tmp_path)
    contents = [CHANCE.randbytes(500) for _ in range(count)]
    with pytest.raises(StorageFailed):
        await blobs.put_many("group", contents)
    assert [await blobs.size_of(sha256(one).digest()) for one in contents] == [None] * count


async def test_a_large_blob_that_the_disk_changed_is_never_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest is that of the bytes that were re-read, not of those that came in."""
    monkeypatch.setattr(blob_files, "disk", LyingDisk())
    blobs = BlobStore(tmp_path)
    content = CHANCE.randbytes(5_000)
    part = await blobs.begin("large", len(content))
    await part.append(content, 0)
    with pytest.raises(BlobMismatch):
        await part.complete(None, len(content))
    assert await blobs.size_of(sha256(content).digest()) is None
