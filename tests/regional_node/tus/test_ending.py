"""Files end by themselves, by their uploader, or with their grant – always with a proof."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from lpse.federation.receipts import verify_receipt
from lpse.federation.v1.records_pb2 import RefusalReason
from regional_node.tus.errors import FileGone, FileUnknown
from regional_node.tus.rows import State
from tests.regional_node.intake.node import START, journalled, stored_files
from tests.regional_node.tus.world import MIB, World, grant_of, pieces, start_world


async def reasons(world: World) -> list[str]:
    """Why the attempts of the grant ended, each with a proof that verifies."""
    attempts = (await world.files.overview(world.grant)).attempts
    for attempt in attempts:
        assert verify_receipt(attempt.proof, world.node.signer.verifier).accepted is False
    names = [RefusalReason.Name(attempt.reason) for attempt in attempts]
    return [name.removeprefix("REFUSAL_REASON_") for name in names]


async def test_files_that_nobody_submits_expire(world: World) -> None:
    """Parts and whole files go after a week; submitted ones and their bytes stay."""
    kept = await world.upload(b"kept", "kept")
    await world.files.submit(world.grant, [kept])
    whole = await world.upload(bytes(200_000), "whole")
    file = await world.files.create(world.grant, MIB, "part")
    await world.files.write(world.grant, file.file_id, 0, pieces(bytes(MIB // 2)))
    now = START + timedelta(days=7)
    assert await world.worker.step(now) == 0
    assert await world.worker.step(now + timedelta(hours=1)) == 2
    assert await reasons(world) == ["EXPIRED", "EXPIRED"]
    for file_id in (whole, file.file_id):
        with pytest.raises(FileGone):
            await world.look(file_id)
    assert [path.name for path in stored_files(world.node)] == [sha256(b"kept").hexdigest()]
    assert len(await journalled(world.node, "upload.refused")) == 2
    assert await world.worker.step(now + timedelta(days=1)) == 0
    assert (await world.look(kept)).state is State.SUBMITTED


async def test_no_file_outlives_its_grant(world: World) -> None:
    """A grant that ends tomorrow keeps its files until tomorrow, and a grace."""
    grant = world.book.add(grant_of(2, expire_time=START + timedelta(days=1)))
    file = await world.files.create(grant, 10, "a")
    assert file.expire_time == START + timedelta(days=1, hours=1)


async def test_a_terminated_file_leaves_a_proof(world: World) -> None:
    """How much had come is on record; its bytes are gone, its place is free."""
    file = await world.files.create(world.grant, MIB, "a")
    await world.files.write(world.grant, file.file_id, 0, pieces(bytes(1000)))
    await world.files.terminate(world.grant, file.file_id)
    (attempt,) = (await world.files.overview(world.grant)).attempts
    assert (attempt.received_bytes, attempt.size_bytes) == (1000, MIB)
    assert await reasons(world) == ["TERMINATED"]
    assert stored_files(world.node) == []
    with pytest.raises(FileGone):
        await world.files.terminate(world.grant, file.file_id)


async def test_terminating_stops_a_running_writer(world: World) -> None:
    """A request that is still sending gets an error, and not one byte stays."""
    gate, begun = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield bytes(2 * MIB)
        begun.set()
        await gate.wait()
        yield bytes(2 * MIB)

    file = await world.files.create(world.grant, 4 * MIB, "a")
    task = asyncio.create_task(world.files.write(world.grant, file.file_id, 0, body()))
    await begun.wait()
    await world.files.terminate(world.grant, file.file_id)
    gate.set()
    with pytest.raises(FileGone):
        await task
    assert stored_files(world.node) == []


async def test_a_revoked_grant_ends_its_files(world: World) -> None:
    """Whether told at once or found by the worker: proofs for the unsubmitted, the rest stays."""
    kept = await world.upload(b"kept", "kept")
    await world.files.submit(world.grant, [kept])
    await world.upload(b"whole", "whole")
    await world.files.revoke(world.grant)
    await world.files.create(world.grant, 10, "late")
    world.book.add(replace(world.grant, revoked=True))
    assert await world.worker.step(world.node.clock.now()) == 1
    assert await reasons(world) == ["REVOKED", "REVOKED"]
    assert (await world.look(kept)).state is State.SUBMITTED


async def test_a_stopping_node_keeps_what_has_come(tmp_path: Path) -> None:
    """Stopping ends requests, never bytes: the next start goes on behind the last one."""
    begun = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield bytes(300_000)
        begun.set()
        await asyncio.Event().wait()

    async with start_world(tmp_path) as world:
        file = await world.files.create(world.grant, MIB, "a")
        task = asyncio.create_task(world.files.write(world.grant, file.file_id, 0, body()))
        await begun.wait()
        await world.files.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with start_world(tmp_path) as world:
        assert (await world.look(file.file_id)).offset_bytes == 300_000


async def test_a_grant_sees_itself_and_nobody_else(world: World) -> None:
    """The overview tells files, submissions and attempts of one grant, with both ticks."""
    other = world.book.add(grant_of(2))
    await world.upload(b"theirs", "theirs", other)
    empty = (await world.files.overview(world.grant)).document("/g/token")
    assert (empty["files"], empty["submissions"], empty["attempts"]) == ([], [], [])
    file_id = await world.upload(b"ours", "ours.rhs")
    await world.files.submit(world.grant, [file_id])
    world.centre.stored = True
    document = (await world.files.overview(world.grant)).document("/g/token")
    (file,), (submission,) = document["files"], document["submissions"]
    assert (file["name"], file["state"], file["offset_bytes"]) == ("ours.rhs", "SUBMITTED", 4)
    assert submission["receipt"] == "/g/token/receipts/1"
    assert submission["at_centre"] == {"entry": True, "bytes": False}
    assert document["deadline_time_local"] == "2015-03-27T10:00:00+07:00"
    with pytest.raises(FileUnknown):
        await world.files.state(other, file_id)
