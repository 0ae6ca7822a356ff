"""An offset that was answered is what a power cut leaves."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lpse.storage import blob_files
from tests.regional_node.tus.world import Broken, pieces, start_world
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
    async with start_world(tmp_path) as world:
        made = await world.files.create(world.grant, len(CONTENT), "a.rhs")
        body = pieces(CONTENT[:400_000], breaks=breaks)
        try:
            await world.files.write(world.grant, made.file_id, 0, body)
        except Broken:
            assert breaks
        offset = (await world.look(made.file_id)).offset_bytes
        assert offset == 400_000
        part = world.node.blobs.part_path(made.file_id)
        assert cut.synced(part)[:offset] == CONTENT[:offset]
        await world.files.write(world.grant, made.file_id, offset, pieces(CONTENT[offset:]))
        whole = await world.look(made.file_id)
        assert whole.digest is not None
        assert cut.left(world.node.blobs.path_of(whole.digest)) == CONTENT


async def test_a_small_file_is_told_whole_after_it_was_fsynced(
    tmp_path: Path, cut: CutDisk
) -> None:
    """Invariant 1: also for a file that comes in one request."""
    async with start_world(tmp_path) as world:
        file_id = await world.upload(CONTENT[:3_000])
        whole = await world.look(file_id)
        assert whole.digest is not None
        assert cut.left(world.node.blobs.path_of(whole.digest)) == CONTENT[:3_000]
