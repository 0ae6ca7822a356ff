"""Killed in the middle: offsets tell the truth, and what was answered is there."""

from __future__ import annotations

import asyncio
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from lpse.federation.commitments import read_details
from regional_node.tus.rows import State
from tests.regional_node.intake.node import journalled, stored_files
from tests.regional_node.intake.processes import ENVIRONMENT, ROOT
from tests.regional_node.tus.daemon import LARGE, content
from tests.regional_node.tus.world import pieces, start_world


async def lines_until_killed(folder: Path, kind: str, enough: int) -> list[str]:
    """What the daemon printed before it was killed, at least `enough` lines."""
    module = "tests.regional_node.tus.daemon"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, str(folder), kind,
        stdout=asyncio.subprocess.PIPE, cwd=ROOT, env=ENVIRONMENT,
    )  # fmt: skip
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async for line in process.stdout:
            lines.append(line.decode())
            if len(lines) >= enough and process.returncode is None:
                process.kill()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    return [line for line in lines if line.endswith("\n")]


@pytest.mark.parametrize("enough", [3, 5])
async def test_killed_in_mid_write(tmp_path: Path, enough: int) -> None:
    """Invariant 1: no offset ever told is lost, and the finished file is byte-identical."""
    file_id, *offsets = [one.strip() for one in await lines_until_killed(tmp_path, "large", enough)]
    data = content(0, LARGE)
    async with start_world(tmp_path) as world:
        file = await world.look(file_id)
        if file.state is State.RECEIVING:
            part = world.node.blobs.part_path(file_id)
            found = part.read_bytes() if part.exists() else b""
            assert found == data[: file.offset_bytes]
            assert file.offset_bytes >= max(map(int, offsets))
            rest = pieces(data[file.offset_bytes :])
            file = await world.files.write(world.grant, file_id, file.offset_bytes, rest)
        assert file.digest == sha256(data).digest()
        assert world.node.blobs.path_of(file.digest).read_bytes() == data


@pytest.mark.parametrize("enough", [3, 12])
async def test_killed_while_files_are_submitted(tmp_path: Path, enough: int) -> None:
    """Every answered submission is there once with its files, and none exists by halves."""
    answered = await lines_until_killed(tmp_path, "small", enough)
    async with start_world(tmp_path) as world:
        submissions = {one.number: one for one in await world.store.submissions(1)}
        for line in answered:
            number, *ids = line.split()
            assert submissions[int(number)].files == tuple(ids)
        taken = [file_id for one in submissions.values() for file_id in one.files]
        states = {file.file_id: file.state for file in await world.store.files(1, 10_000)}
        assert {one for one, state in states.items() if state is State.SUBMITTED} == set(taken)
        assert len(taken) == len(set(taken)) == 2 * len(submissions)
        assert len(await journalled(world.node, "upload.accepted")) == len(submissions)
        for one in submissions.values():
            for file in read_details(one.stored.commitment.details).files:
                path = world.node.blobs.path_of(file.sha256)
                assert sha256(path.read_bytes()).digest() == file.sha256
        whole = [file for file in await world.store.live() if file.state is State.WHOLE]
        for kept in whole:
            assert kept.digest is not None
            assert world.node.blobs.path_of(kept.digest).exists()
        assert not list(world.node.blobs.folder.glob("incoming/*.part"))
        assert stored_files(world.node)
