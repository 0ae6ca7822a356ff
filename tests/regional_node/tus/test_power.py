"""An offset that was answered is what a power cut leaves."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from lpse.federation.limits import RESUMABLE_RECORD_SECONDS
from lpse.storage import blob_files
from regional_node.tus.checksums import Checksum
from regional_node.tus.errors import ChecksumMismatch
from regional_node.tus.rows import FileState, State
from tests.regional_node.tus.world import Broken, World, pieces, start_world
from tests.storage.power import CutDisk

CONTENT = random.Random(8).randbytes(700_000)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> CutDisk:
    """The disk of the node in this test."""
    disk = CutDisk()
    monkeypatch.setattr(blob_files, "disk", disk)
    return disk


@pytest.mark.parametrize("breaks", [False, True], ids=["ends", "breaks"])
async def test_an_offset_is_told_after_its_bytes_were_fsynced(
    tmp_path: Path, cut: CutDisk, breaks: bool
) -> None:
    """Invariant 1: whether a request ends or breaks off, its offset stands for fsynced bytes."""
    (tmp_path / "running").mkdir()
    async with start_world(tmp_path / "running") as world:
        made = await world.files.create(world.grant, len(CONTENT), "a.rhs")
        body = pieces(CONTENT[:400_000], breaks=breaks)
        try:
            await world.files.write(world.grant, made.file_id, 0, body)
        except Broken:
            assert breaks
        offset = (await world.look(made.file_id)).offset_bytes
        assert offset == 400_000
        _cut(cut, tmp_path / "running", tmp_path / "after")
    async with start_world(tmp_path / "after") as world:
        assert (await world.look(made.file_id)).offset_bytes == offset
        await world.files.write(world.grant, made.file_id, offset, pieces(CONTENT[offset:]))
        assert await _stored(world, made.file_id) == CONTENT


@pytest.mark.parametrize("size", [1, 3_000, len(CONTENT)])
async def test_a_file_is_told_whole_after_bytes_and_name_were_fsynced(
    tmp_path: Path, cut: CutDisk, size: int
) -> None:
    """Invariant 1: a file that was told whole is found, read and handed in after a power cut."""
    (tmp_path / "running").mkdir()
    async with start_world(tmp_path / "running") as world:
        file_id = await world.upload(CONTENT[:size])
        assert (await world.look(file_id)).state is State.WHOLE
        _cut(cut, tmp_path / "running", tmp_path / "after")
    async with start_world(tmp_path / "after") as world:
        assert (await world.look(file_id)).state is State.WHOLE
        submitted = await world.files.submit(world.grant, [file_id])
        assert submitted.number == 1
        assert await _stored(world, file_id) == CONTENT[:size]


async def test_a_submission_is_accepted_after_its_files_were_named(
    tmp_path: Path, cut: CutDisk
) -> None:
    """Invariant 1: the bytes of a receipt are there after a power cut, for small files too."""
    (tmp_path / "running").mkdir()
    async with start_world(tmp_path / "running") as world:
        file_ids = [await world.upload(CONTENT[n : n + 900], f"{n}.rhs") for n in range(3)]
        await world.files.submit(world.grant, file_ids)
        _cut(cut, tmp_path / "running", tmp_path / "after")
    async with start_world(tmp_path / "after") as world:
        for n, file_id in enumerate(file_ids):
            assert await _stored(world, file_id) == CONTENT[n : n + 900]


@pytest.mark.parametrize("breaks", [False, True], ids=["ends", "breaks"])
async def test_every_row_of_an_offset_is_written_after_its_fsync(
    tmp_path: Path, cut: CutDisk, monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    """Invariant 1: at no moment does the database know more than the disk would keep."""
    (tmp_path / "running").mkdir()
    recorded: list[int] = []
    async with start_world(tmp_path / "running") as world:
        made = await world.files.create(world.grant, len(CONTENT), "a.rhs")
        part, record = world.node.blobs.part_path(made.file_id), world.store.record

        async def checked(file: FileState, offset: int, now: datetime) -> FileState:
            recorded.append(offset)
            assert (cut.left(part) or b"")[:offset] == CONTENT[:offset]
            return await record(file, offset, now)

        async def slow() -> AsyncIterator[bytes]:
            async for data in pieces(CONTENT[:600_000]):
                world.node.clock.advance(RESUMABLE_RECORD_SECONDS / 2)
                yield data
            if breaks:
                raise Broken

        monkeypatch.setattr(world.store, "record", checked)
        with suppress(Broken):
            await world.files.write(world.grant, made.file_id, 0, slow())
    assert recorded[-1] == 600_000
    assert len(recorded) > 2


async def test_an_offset_waits_for_the_checksum(tmp_path: Path) -> None:
    """Bytes with a checksum count only after it was compared, however long they take to come."""
    (tmp_path / "running").mkdir()
    async with start_world(tmp_path / "running") as world:

        async def slow() -> AsyncIterator[bytes]:
            async for data in pieces(CONTENT):
                world.node.clock.advance(RESUMABLE_RECORD_SECONDS + 1)
                yield data
                offsets.add((await world.look(made.file_id)).offset_bytes)

        offsets: set[int] = set()
        made = await world.files.create(world.grant, len(CONTENT), "a.rhs")
        wrong = Checksum("sha256", bytes(32))
        with pytest.raises(ChecksumMismatch):
            await world.files.write(world.grant, made.file_id, 0, slow(), wrong)
        offsets.add((await world.look(made.file_id)).offset_bytes)
        assert offsets == {0}


def _cut(disk: CutDisk, running: Path, after: Path) -> None:
    """The node's folder as it is found after a cut, while the node runs on in the other one."""
    disk.leave(running / "blobs", after / "blobs")
    for path in running.glob("*.db*"):
        (after / path.name).write_bytes(path.read_bytes())


async def _stored(world: World, file_id: str) -> bytes:
    digest = (await world.look(file_id)).digest
    assert digest is not None
    return world.node.blobs.path_of(digest).read_bytes()
