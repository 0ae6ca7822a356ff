"""Between its last byte and its submit a small whole file is a durable part without a name."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from lpse.storage.blobs import BlobUnknown
from tests.regional_node.tus.world import World, pieces, start_world


async def send(world: World, data: bytes, name: str) -> tuple[str, Path, Path]:
    """A small file in one request: its id, its part, and where its digest will lie."""
    file = await world.files.create_with(world.grant, len(data), name, pieces(data))
    blobs = world.node.blobs
    return file.file_id, blobs.part_path(file.file_id), blobs.path_of(sha256(data).digest())


async def test_a_start_names_what_died_as_a_part(tmp_path: Path) -> None:
    """Invariant 1: a whole file whose node died before it was named is there, and is submitted."""
    data = b"penawaran" * 5_000
    (tmp_path / "died").mkdir()
    async with start_world(tmp_path / "died") as world:
        file_id, part, named = await send(world, data, "a.rhs")
        assert part.exists()
        assert not named.exists()
        shutil.copytree(tmp_path / "died", tmp_path / "started")
    async with start_world(tmp_path / "started") as world:
        blobs = world.node.blobs
        assert blobs.path_of(sha256(data).digest()).read_bytes() == data
        assert not blobs.part_path(file_id).exists()
        assert (await world.files.submit(world.grant, [file_id])).number == 1


@pytest.mark.parametrize("way", ["submit", "step", "close"])
async def test_whole_files_get_their_names(tmp_path: Path, way: str) -> None:
    """At a submit, at a quiet moment and at an orderly end; the same content once."""
    data = b"penawaran" * 100
    async with start_world(tmp_path) as world:
        sent = [await send(world, data, name) for name in ("a.rhs", "b.rhs")]
        if way == "submit":
            await world.files.submit(world.grant, [file_id for file_id, _, _ in sent])
        elif way == "step":
            await world.worker.step(world.centre.now)
        else:
            await world.files.close()
        for _, part, named in sent:
            assert not part.exists()
            assert named.read_bytes() == data


async def test_a_part_that_was_taken_away_harms_no_other(tmp_path: Path) -> None:
    """Its submit says that the bytes are not here; the others get their names."""
    async with start_world(tmp_path) as world:
        lost, part, _ = await send(world, b"lost", "a.rhs")
        kept, _, named = await send(world, b"kept", "b.rhs")
        part.unlink()
        with pytest.raises(BlobUnknown):
            await world.files.submit(world.grant, [lost, kept])
        assert await world.store.submissions(world.grant.grant_id) == []
        await world.worker.step(world.centre.now)
        assert named.read_bytes() == b"kept"
        assert (await world.files.submit(world.grant, [kept])).number == 1


async def test_ending_one_of_two_files_with_the_same_content(tmp_path: Path) -> None:
    """The other's bytes stay, whether its name came before or after."""
    async with start_world(tmp_path) as world:
        first, _, named = await send(world, b"same", "a.rhs")
        second, part, _ = await send(world, b"same", "b.rhs")
        await world.files.terminate(world.grant, first)
        assert part.exists() or named.exists()
        assert (await world.files.submit(world.grant, [second])).number == 1
        assert named.read_bytes() == b"same"
