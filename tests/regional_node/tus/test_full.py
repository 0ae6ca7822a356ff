"""A disk that is full at the last step takes back nothing that was acknowledged."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from lpse.federation.errors import FederationError
from lpse.runtime.sqlite import StorageFull
from regional_node.tus.rows import State
from tests.regional_node.tus.world import pieces, start_world

CONTENT = random.Random(5).randbytes(700_000)
FIRST = 500_000


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
async def test_no_room_for_the_last_row_keeps_the_offset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    """Invariant 1: the request is refused, the offset stays, and the rest is taken when it fits."""
    async with start_world(tmp_path) as world:
        made = await world.files.create(world.grant, len(CONTENT), "a.rhs")
        await world.files.write(world.grant, made.file_id, 0, pieces(CONTENT[:FIRST]))

        async def full(*_: Any) -> None:
            raise StorageFull

        with monkeypatch.context() as patch:
            patch.setattr(world.store, "complete", full)
            with pytest.raises(FederationError) as refusal:
                await world.files.write(world.grant, made.file_id, FIRST, pieces(CONTENT[FIRST:]))
        assert refusal.value.code == "FED-5010" and refusal.value.may_retry
        kept = (await world.look(made.file_id)).offset_bytes
        assert kept >= FIRST, "an acknowledged offset was taken back"
        if not restarted:
            await world.files.write(world.grant, made.file_id, kept, pieces(CONTENT[kept:]))
    async with start_world(tmp_path) as world:
        kept = (await world.look(made.file_id)).offset_bytes
        assert kept >= FIRST
        if kept < len(CONTENT):
            await world.files.write(world.grant, made.file_id, kept, pieces(CONTENT[kept:]))
        whole = await world.look(made.file_id)
        assert whole.state is State.WHOLE and whole.digest is not None
        await world.files.submit(world.grant, [made.file_id])
        assert world.node.blobs.path_of(whole.digest).read_bytes() == CONTENT


async def test_no_room_for_the_name_leaves_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row vouches for the part; its name follows with the submit."""
    async with start_world(tmp_path) as world:
        made = await world.files.create(world.grant, len(CONTENT), "a.rhs")

        async def full(*_: Any) -> None:
            raise StorageFull

        with monkeypatch.context() as patch:
            patch.setattr(world.node.blobs, "name_parts", full)
            await world.files.write(world.grant, made.file_id, 0, pieces(CONTENT))
            whole = await world.look(made.file_id)
            assert whole.state is State.WHOLE and whole.digest is not None
            with pytest.raises(FederationError):
                await world.files.submit(world.grant, [made.file_id])
        assert (await world.files.submit(world.grant, [made.file_id])).number == 1
        assert world.node.blobs.path_of(whole.digest).read_bytes() == CONTENT
