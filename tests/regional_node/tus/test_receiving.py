"""Bytes come in over bad lines, and the offset always tells the truth."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from hashlib import sha1, sha256
from pathlib import Path

import pytest

from lpse.federation.errors import FederationError, Refused, Unavailable
from lpse.federation.v1.records_pb2 import RefusalReason
from lpse.storage.blobs import BlobFenced
from regional_node.tus.checksums import Checksum
from regional_node.tus.errors import (
    ChecksumMismatch,
    FileBroken,
    FileGone,
    FileTooLarge,
    FileUnknown,
    OffsetConflict,
)
from regional_node.tus.rows import State
from tests.regional_node.intake.node import stored_files
from tests.regional_node.tus.world import MIB, Broken, World, grant_of, pieces, start_world


@pytest.mark.parametrize("size", [0, 1, 100_000, 131_072, 131_073, 3 * MIB + 7])
async def test_a_file_in_one_go_is_whole_and_identical(world: World, size: int) -> None:
    """Whatever its size, the bytes under the digest are those that were sent."""
    data = os.urandom(size)
    file = await world.look(await world.upload(data))
    assert (file.state, file.offset_bytes, file.digest) == (
        State.WHOLE,
        size,
        sha256(data).digest(),
    )
    await world.worker.step(world.centre.now)  # small ones get their names at a quiet moment
    assert world.node.blobs.path_of(sha256(data).digest()).read_bytes() == data
    assert len(stored_files(world.node)) == 1


@pytest.mark.parametrize("size", [5, 100_000, 200_000, 3 * MIB])
async def test_creation_with_upload(world: World, size: int) -> None:
    """The body of the creating request counts like any other."""
    data = os.urandom(size)
    whole = await world.files.create_with(world.grant, size, "a", pieces(data))
    part = await world.files.create_with(world.grant, size, "b", pieces(data[: size // 2]))
    assert (whole.state, whole.digest) == (State.WHOLE, sha256(data).digest())
    assert (part.state, part.offset_bytes) == (State.RECEIVING, size // 2)
    ended = await world.files.write(world.grant, part.file_id, size // 2, pieces(data[size // 2 :]))
    assert (ended.state, ended.digest) == (State.WHOLE, whole.digest)


async def test_a_broken_line_loses_nothing_that_arrived(world: World) -> None:
    """What came before the cut is fsynced and recorded, small or large."""
    for size, cut in ((100_000, 70_000), (3 * MIB, 2 * MIB + 5)):
        data = os.urandom(size)
        file = await world.files.create(world.grant, size, f"{size}")
        with pytest.raises(Broken):
            await world.files.write(world.grant, file.file_id, 0, pieces(data[:cut], breaks=True))
        assert (await world.look(file.file_id)).offset_bytes == cut
        part = world.node.blobs.part_path(file.file_id)
        assert part.read_bytes() == data[:cut]
        ended = await world.files.write(world.grant, file.file_id, cut, pieces(data[cut:]))
        assert ended.digest == sha256(data).digest()


async def test_all_bytes_arrived_but_the_answer_did_not(world: World) -> None:
    """A line that breaks behind the last byte has delivered the file."""
    for size in (500, 2 * MIB):
        data = os.urandom(size)
        file = await world.files.create(world.grant, size, f"{size}")
        with pytest.raises(Broken):
            await world.files.write(world.grant, file.file_id, 0, pieces(data, breaks=True))
        assert (await world.look(file.file_id)).state is State.WHOLE


async def test_a_cancelled_request_is_settled(world: World) -> None:
    """A request that is cut off by its server keeps what came before."""
    data, arrived = os.urandom(MIB), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield data[:300_000]
        arrived.set()
        await asyncio.Event().wait()

    file = await world.files.create(world.grant, MIB, "a")
    task = asyncio.create_task(world.files.write(world.grant, file.file_id, 0, body()))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await world.look(file.file_id)).offset_bytes == 300_000


async def test_bytes_that_begin_elsewhere_are_refused(world: World) -> None:
    """An offset that is not the recorded one changes nothing and says where to go on."""
    file = await world.files.create(world.grant, MIB, "a")
    await world.files.write(world.grant, file.file_id, 0, pieces(bytes(1000)))
    for offset in (0, 999, 1001, MIB):
        with pytest.raises(OffsetConflict) as refused:
            await world.files.write(world.grant, file.file_id, offset, pieces(b"x"))
        assert refused.value.expected == 1000
    assert (await world.look(file.file_id)).offset_bytes == 1000


async def test_more_bytes_than_announced_are_refused(world: World) -> None:
    """The surplus is refused; what came before it stays."""
    file = await world.files.create(world.grant, 100_000, "a")
    with pytest.raises(FileTooLarge):
        await world.files.write(world.grant, file.file_id, 0, pieces(bytes(100_001)))
    assert (await world.look(file.file_id)).offset_bytes == 65_536


@pytest.mark.parametrize("size", [1000, 2 * MIB])
@pytest.mark.parametrize("algorithm", [sha1, sha256])
async def test_a_wrong_checksum_leaves_the_offset(world: World, size: int, algorithm: type) -> None:
    """Bytes with a checksum count after it agreed, all or none of them."""
    data = os.urandom(2 * size)
    name = algorithm.__name__.removeprefix("openssl_")
    file = await world.files.create(world.grant, 2 * size, "a")
    good = Checksum(name, algorithm(data[:size]).digest())
    await world.files.write(world.grant, file.file_id, 0, pieces(data[:size]), good)
    with pytest.raises(ChecksumMismatch):
        await world.files.write(
            world.grant, file.file_id, size, pieces(bytes(size)), Checksum(name, good.digest)
        )
    assert (await world.look(file.file_id)).offset_bytes == size
    rest = Checksum(name, algorithm(data[size:]).digest())
    with pytest.raises(Broken):
        await world.files.write(
            world.grant, file.file_id, size, pieces(data[size:-1], breaks=True), rest
        )
    assert (await world.look(file.file_id)).offset_bytes == size
    ended = await world.files.write(world.grant, file.file_id, size, pieces(data[size:]), rest)
    assert ended.digest == sha256(data).digest()


async def test_a_newer_writer_fences_the_older_off(world: World) -> None:
    """A stale writer is stopped, and not one of its later bytes reaches the file."""
    data, gate, begun = os.urandom(4 * MIB), asyncio.Event(), asyncio.Event()

    async def stale() -> AsyncIterator[bytes]:
        yield bytes(2 * MIB)
        begun.set()
        await gate.wait()
        yield bytes(2 * MIB)

    file = await world.files.create(world.grant, 4 * MIB, "a")
    older = asyncio.create_task(world.files.write(world.grant, file.file_id, 0, stale()))
    await begun.wait()
    offset = (await world.look(file.file_id)).offset_bytes
    newer = await world.files.write(world.grant, file.file_id, offset, pieces(data[offset:]))
    gate.set()
    with pytest.raises(BlobFenced):
        await older
    assert newer.state is State.WHOLE
    assert newer.digest == sha256(bytes(offset) + data[offset:]).digest()


async def test_many_writers_of_one_file_end_in_one_truth(world: World) -> None:
    """Clients that fight for a file cannot interleave: its bytes are in order, or refused."""
    data = os.urandom(3 * MIB)
    file = await world.files.create(world.grant, len(data), "a")

    async def client(seed: int) -> None:
        while (state := await world.look(file.file_id)).state is State.RECEIVING:
            offset = state.offset_bytes
            end = offset + 100_000 + 70_000 * seed
            try:
                await world.files.write(
                    world.grant, file.file_id, offset, pieces(data[offset:end], 9_000)
                )
            except FederationError:
                await asyncio.sleep(0)

    await asyncio.gather(*(client(seed) for seed in range(4)))
    assert (await world.look(file.file_id)).digest == sha256(data).digest()


async def test_a_file_belongs_to_its_grant(world: World) -> None:
    """Another grant sees, writes and ends nothing of it, and cannot tell it from nothing."""
    file_id = await world.upload(b"secret")
    other = world.book.add(grant_of(2))
    for work in (
        world.files.state(other, file_id),
        world.files.write(other, file_id, 6, pieces(b"")),
        world.files.terminate(other, file_id),
        world.files.submit(other, [file_id]),
        world.files.state(other, "0" * 32),
    ):
        with pytest.raises(FileUnknown) as refused:
            await work
        assert str(refused.value) == str(FileUnknown())
    assert (await world.look(file_id)).state is State.WHOLE


async def test_offsets_survive_a_restart(tmp_path: Path) -> None:
    """Invariant 1: a start takes every file up where its row says, longer parts are cut."""
    data = os.urandom(MIB)
    async with start_world(tmp_path) as world:
        file = await world.files.create(world.grant, MIB, "a")
        await world.files.write(world.grant, file.file_id, 0, pieces(data[:400_000]))
        whole = await world.upload(b"whole", "b")
        with world.node.blobs.part_path(file.file_id).open("ab") as part:
            part.write(b"never acknowledged")
    async with start_world(tmp_path) as world:
        assert (await world.look(file.file_id)).offset_bytes == 400_000
        assert (await world.look(whole)).state is State.WHOLE
        ended = await world.files.write(world.grant, file.file_id, 400_000, pieces(data[400_000:]))
        assert ended.digest == sha256(data).digest()


async def test_a_part_that_is_gone_begins_again(tmp_path: Path) -> None:
    """A part shorter than its row is told by the offset, never by a wrong file."""
    data = os.urandom(MIB)
    async with start_world(tmp_path) as world:
        file = await world.files.create(world.grant, MIB, "a")
        await world.files.write(world.grant, file.file_id, 0, pieces(data[:400_000]))
        os.truncate(world.node.blobs.part_path(file.file_id), 1000)
    async with start_world(tmp_path) as world:
        assert (await world.look(file.file_id)).offset_bytes == 0
        ended = await world.files.write(world.grant, file.file_id, 0, pieces(data))
        assert ended.digest == sha256(data).digest()


async def test_bytes_that_the_disk_changed_are_never_whole(world: World) -> None:
    """A flipped bit between writing and re-reading: FED-5406, the file is empty, with a proof."""
    data = os.urandom(6 * MIB)
    file = await world.files.create(world.grant, len(data), "a")
    part = world.node.blobs.part_path(file.file_id)

    async def body() -> AsyncIterator[bytes]:
        yield data[: 3 * MIB]
        yield data[3 * MIB : -1]
        with part.open("r+b") as damaged:
            damaged.write(bytes([data[0] ^ 1]))
        yield data[-1:]

    with pytest.raises(FileBroken):
        await world.files.write(world.grant, file.file_id, 0, body())
    assert (await world.look(file.file_id)).offset_bytes == 0
    (attempt,) = (await world.files.overview(world.grant)).attempts
    assert attempt.reason == RefusalReason.REFUSAL_REASON_BROKEN
    ended = await world.files.write(world.grant, file.file_id, 0, pieces(data))
    assert ended.digest == sha256(data).digest()


async def test_a_thousand_slow_uploads_share_one_buffer(world: World) -> None:
    """Memory is bounded by what all writers may hold together, however many they are."""
    gate, waiting = asyncio.Event(), 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))

    async def body() -> AsyncIterator[bytes]:
        nonlocal waiting
        for _ in range(3):
            yield os.urandom(40_000)
        waiting += 1
        await gate.wait()
        yield os.urandom(40_000)

    grant = world.book.add(grant_of(2, bytes_max=1 << 32))
    made = await asyncio.gather(*(world.files.create(grant, 160_000, f"{n}") for n in range(1000)))
    before = _resident_bytes()
    tasks = [
        asyncio.create_task(world.files.write(grant, file.file_id, 0, body())) for file in made
    ]
    while waiting < len(made):
        await asyncio.sleep(0.01)
    grown = _resident_bytes() - before
    gate.set()
    states = {file.state for file in await asyncio.gather(*tasks)}
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert states == {State.WHOLE}
    assert grown < 96 * MIB


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize()


async def test_room_is_promised_until_a_file_ends(tmp_path: Path) -> None:
    """Idle files keep the room that they were admitted with, also across a restart."""
    async with start_world(tmp_path) as world:
        before = world.node.blobs.promised_bytes
        file = await world.files.create(world.grant, 10 * MIB, "a")
        await world.files.write(world.grant, file.file_id, 0, pieces(bytes(MIB)))
        assert world.node.blobs.promised_bytes == before + 9 * MIB
    async with start_world(tmp_path) as world:
        assert world.node.blobs.promised_bytes == 9 * MIB
        await world.files.terminate(world.grant, file.file_id)
        assert world.node.blobs.promised_bytes == 0
        assert stored_files(world.node) == []
        with pytest.raises(FileGone):
            await world.look(file.file_id)


async def test_a_disk_without_room_refuses_before_the_first_byte(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FED-5010 with a proof on record; what was admitted before still goes through."""
    data = os.urandom(MIB)
    admitted = await world.files.create(world.grant, MIB, "a")
    free = 64 * MIB + MIB + 1000
    monkeypatch.setattr("lpse.storage.blob_files.free_bytes", lambda _: free)
    for _ in range(2):
        with pytest.raises(Unavailable) as refused:
            await world.files.create(world.grant, MIB, "b")
        assert refused.value.code == "FED-5010"
    (attempt,) = (await world.files.overview(world.grant)).attempts
    assert attempt.size_bytes == MIB
    ended = await world.files.write(world.grant, admitted.file_id, 0, pieces(data))
    assert ended.state is State.WHOLE


async def test_a_grant_holds_no_more_than_it_allows(world: World) -> None:
    """The sizes of all live files count; an ended file gives its place back."""
    grant = world.book.add(grant_of(2, bytes_max=1000))
    first = await world.files.create(grant, 600, "a")
    for size in (401, 1001, 1 << 60, -1):
        with pytest.raises(FileTooLarge):
            await world.files.create(grant, size, "b")
    await world.files.create(grant, 400, "b")
    await world.files.terminate(grant, first.file_id)
    await world.files.create(grant, 600, "c")


async def test_a_creation_answered_into_the_void_gives_way(world: World) -> None:
    """A file of which nobody got the address does not fill its grant for a week."""
    grant = world.book.add(grant_of(2, bytes_max=1000))
    lost = await world.files.create(grant, 900, "a")
    again = await world.files.create(grant, 900, "a")
    with pytest.raises(FileGone):
        await world.files.state(grant, lost.file_id)
    assert (await world.files.state(grant, again.file_id)).state is State.RECEIVING


async def test_a_file_that_is_being_written_gives_way_to_none(world: World) -> None:
    """Creating it again neither ends a running writer's file nor frees its bytes for others."""
    grant = world.book.add(grant_of(2, bytes_max=1000))
    held = await world.files.create(grant, 900, "a")
    taken, go_on = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        taken.set()
        await go_on.wait()
        yield b"x" * 899

    writing = asyncio.create_task(world.files.write(grant, held.file_id, 0, body()))
    await taken.wait()
    for _ in range(3):
        with pytest.raises(FileTooLarge):
            await world.files.create(grant, 900, "a")
    go_on.set()
    assert (await writing).state is State.WHOLE


async def test_files_that_gave_way_count_as_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grant that creates the same file again and again ends at its limit of files."""
    monkeypatch.setattr("regional_node.tus.rules.GRANT_FILES_MAX", 5)
    grant = world.book.add(grant_of(2, bytes_max=1000))
    for _ in range(5):
        await world.files.create(grant, 900, "a")
    with pytest.raises(Refused) as refused:
        await world.files.create(grant, 900, "a")
    assert refused.value.code == "FED-5408"


async def test_small_files_that_come_slowly_share_a_bounded_memory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the room for small files in memory the next ones go to the disk as they come."""
    monkeypatch.setattr("regional_node.tus.files.RESUMABLE_BUFFER_BYTES", 250)
    go_on = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 60
        await go_on.wait()
        yield b"x" * 40

    coming = [
        asyncio.create_task(world.files.create_with(world.grant, 100, f"{number}", body()))
        for number in range(4)
    ]
    async with asyncio.timeout(60):
        while len((await world.files.overview(world.grant)).files) < 2:
            await asyncio.sleep(0.01)
    assert len((await world.files.overview(world.grant)).files) == 2
    go_on.set()
    assert {file.state for file in await asyncio.gather(*coming)} == {State.WHOLE}
