"""What the centre promises of a blob is on its disk; what it may not keep leaves nothing behind."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest

from lpse.federation.errors import Denied, FederationError, NotFound, Refused, Stale, Unavailable
from lpse.federation.limits import MIB, TRANSFER_STREAMS_PER_CALLER_MAX
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1.transfer_pb2_grpc import TransferStub
from lpse.runtime.channels import Subject, error_from
from lpse.storage import blob_files
from lpse.storage.blobs import BlobStore
from regional_node.transfer.road import free_road
from regional_node.transfer.sending import Sender, Way
from tests.central.blobs.receiver import Receiver, begin, caller, receiving
from tests.federation.rig import CLOCK, Authority

NODE = "lpse-pacitan"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "keys")


@pytest.fixture
async def receiver(tmp_path: Path, authority: Authority) -> AsyncIterator[Receiver]:
    async with receiving(tmp_path / "centre", authority.centre_identity) as found:
        yield found


def content(size: int, seed: int = 5) -> bytes:
    return random.Random(seed).randbytes(size)


async def send(call: Any, data: bytes, offset: int = 0) -> None:
    for at in range(offset, len(data), MIB):
        await call.write(wire.PutBlobRequest(chunk=data[at : at + MIB]))


async def finish(call: Any) -> wire.VerifiedBlob:
    """The last word, after everything was sent."""
    await call.write(wire.PutBlobRequest(finish=wire.FinishBlob()))
    while (answer := await call.read()).WhichOneof("part") != "verified":
        assert answer.durable.offset_bytes
    verified: wire.VerifiedBlob = answer.verified
    return verified


async def refused(work: Any) -> FederationError:
    """The error that a call ends with."""
    with pytest.raises((grpc.aio.AioRpcError, asyncio.InvalidStateError)) as caught:
        await work
    assert isinstance(caught.value, grpc.aio.AioRpcError)
    return error_from(caught.value)


async def to_the_end(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


async def test_only_announced_bytes_are_taken(receiver: Receiver, authority: Authority) -> None:
    """Bytes without a stored entry, of another size, or of another node's entry are refused."""
    data = content(1_000)
    digest = sha256(data).digest()
    async with receiver.channel(authority.node(NODE)) as channel:
        denied = await refused(begin(channel, digest, len(data)))
        assert isinstance(denied, Denied) and denied.code == "FED-2301"
        await receiver.announce("lpse-papua", digest, len(data))
        assert (await refused(begin(channel, digest, len(data)))).code == "FED-2301"
        receiver.announced.current = False
        later = await refused(begin(channel, digest, len(data)))
        assert isinstance(later, Unavailable) and later.code == "FED-2302" and later.may_retry
        await receiver.announce(NODE, digest, len(data))
        wrong = await refused(begin(channel, digest, len(data) + 1))
        assert isinstance(wrong, Refused) and wrong.code == "FED-2304"
        _, offset = await begin(channel, digest, len(data))
        assert offset == 0


async def test_wrong_bytes_leave_nothing(receiver: Receiver, authority: Authority) -> None:
    """Invariant 1: VERIFIED is never said of bytes with another digest, and nothing is kept."""
    data = content(3 * MIB)
    digest = sha256(b"another").digest()
    await receiver.announce(NODE, digest, len(data))
    async with receiver.channel(authority.node(NODE)) as channel:
        call, _ = await begin(channel, digest, len(data))
        await send(call, data)
        error = await refused(finish(call))
        assert error.code == "FED-1202"
        _, offset = await begin(channel, digest, len(data))
        assert offset == 0
    assert not list((receiver.folder / "blobs" / "sha256").glob("*/*"))
    assert await receiver.receiving.rows.size_of(digest) is None


async def test_newer_stream_fences_the_older(receiver: Receiver, authority: Authority) -> None:
    """The older stream ends with ABORTED at once; the newer one goes on where it was durable."""
    data = content(20 * MIB)
    digest = sha256(data).digest()
    await receiver.announce(NODE, digest, len(data))
    async with receiver.channel(authority.node(NODE)) as channel:
        older, _ = await begin(channel, digest, len(data))
        await send(older, data[: 9 * MIB])
        durable = (await older.read()).durable.offset_bytes
        assert durable >= 8 * MIB
        newer, offset = await begin(channel, digest, len(data))
        assert offset >= durable
        ended = await refused(to_the_end(older))
        assert isinstance(ended, Stale) and ended.code == "FED-2303"
        await send(newer, data, offset)
        assert (await finish(newer)).digest == digest
    assert receiver.blobs.path_of(digest).read_bytes() == data


async def test_a_part_belongs_to_the_node_that_brought_it(
    receiver: Receiver, authority: Authority
) -> None:
    """Nobody goes on with, or spoils, what another node has half sent under the same digest."""
    data = content(20 * MIB)
    digest = sha256(data).digest()
    for node_id in (NODE, "lpse-papua"):
        await receiver.announce(node_id, digest, len(data))
    async with (
        receiver.channel(authority.node(NODE)) as channel,
        receiver.channel(authority.node("lpse-papua")) as neighbours,
    ):
        call, _ = await begin(channel, digest, len(data))
        await send(call, data[: 9 * MIB])
        assert (await call.read()).durable.offset_bytes
        _, offset = await begin(neighbours, digest, len(data))
        assert offset == 0
        await send(call, data, 9 * MIB)
        assert (await finish(call)).digest == digest


@pytest.mark.parametrize("size", [1_000, 3 * MIB])
async def test_a_digest_alone_gives_no_bytes(
    receiver: Receiver, authority: Authority, size: int
) -> None:
    """A node that only knows a digest of another's bid neither gets nor finds nor "has" it."""
    data = content(size)
    digest = sha256(data).digest()
    for node_id in (NODE, "lpse-papua"):
        await receiver.announce(node_id, digest, len(data))
    async with receiver.channel(authority.node(NODE)) as channel:
        call, _ = await begin(channel, digest, len(data))
        await send(call, data)
        await finish(call)
    async with receiver.channel(authority.node("lpse-papua")) as channel:
        stub = TransferStub(channel)
        asked = stub.GetBlob(wire.GetBlobRequest(digest=digest))
        assert (await refused(asked.read())).code == "FED-2305"
        assert not (await stub.CheckBlob(wire.CheckBlobRequest(digest=digest))).held
        call, offset = await begin(channel, digest, len(data))
        assert offset == 0
        await send(call, data)
        assert not (await finish(call)).already_stored
        given: Any = await stub.GetBlob(wire.GetBlobRequest(digest=digest)).read()
        assert given.size_bytes == size
    assert receiver.blobs.path_of(digest).read_bytes() == data


async def test_a_file_that_was_lost_is_taken_in_again(
    receiver: Receiver, authority: Authority
) -> None:
    """Invariant 1: a row alone is no blob; VERIFIED is said of bytes that are on the disk."""
    data = content(3 * MIB)
    digest = sha256(data).digest()
    await receiver.announce(NODE, digest, len(data))
    async with receiver.channel(authority.node(NODE)) as channel:
        for _ in range(2):
            call, offset = await begin(channel, digest, len(data))
            assert offset == 0
            await send(call, data)
            assert not (await finish(call)).already_stored
            receiver.blobs.path_of(digest).unlink()


async def test_promised_bytes_survive_kill_of_the_centre(
    tmp_path: Path, authority: Authority
) -> None:
    """Invariant 1: after kill -9 the centre asks for no byte that it had called durable."""
    data = content(30 * MIB)
    digest, identity = sha256(data).digest(), authority.node(NODE)
    promised = 0
    for more in (9, 10):
        process, port = await spawn(tmp_path / "centre", authority, digest, len(data))
        async with caller(port, identity) as channel:
            call, offset = await begin(channel, digest, len(data))
            assert offset >= promised
            await send(call, data[: offset + more * MIB], offset)
            promised = (await call.read()).durable.offset_bytes
            process.send_signal(signal.SIGKILL)
            await process.wait()
    assert promised >= 16 * MIB
    process, port = await spawn(tmp_path / "centre", authority, digest, len(data))
    try:
        store = BlobStore(tmp_path / "node")
        part = await store.begin("upload-0", len(data))
        for at in range(0, len(data), MIB):
            await part.append(data[at : at + MIB], at)
        await part.complete(digest, len(data))
        reached: list[int] = []
        async with caller(port, identity) as channel:
            sender, way = Sender(store, free_road(CLOCK), CLOCK), Way("large", reached.append)
            await sender.send(channel, digest, len(data), way)
        assert reached[0] >= promised and reached[-1] == len(data)
        path = next((tmp_path / "centre" / "blobs" / "sha256").glob("*/*"))
        assert path.read_bytes() == data
    finally:
        process.kill()
        await process.wait()


async def spawn(
    folder: Path, authority: Authority, digest: bytes, size: int
) -> tuple[asyncio.subprocess.Process, int]:
    """The receiver in a process of its own, and its port."""
    arguments = (str(folder), str(authority.centre_identity), NODE, digest.hex(), str(size))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.central.blobs.receiver", *arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        env={"PYTHONPATH": ".:proto"},
    )
    assert process.stdout is not None
    return process, int(await process.stdout.readline())


async def test_start_removes_what_no_row_vouches_for(
    tmp_path: Path, receiver: Receiver, authority: Authority
) -> None:
    """A file that was named before its row was written is swept; its transfer begins anew."""
    data = content(70_000)
    digest = sha256(data).digest()
    await receiver.announce(NODE, digest, len(data))
    await receiver.blobs.put_many("orphan", [data])
    await receiver.stop()
    await receiver.start()
    assert receiver.swept.blobs_set_aside == 1
    async with receiver.channel(authority.node(NODE)) as channel:
        call, offset = await begin(channel, digest, len(data))
        assert offset == 0
        await send(call, data)
        assert not (await finish(call)).already_stored


async def test_full_disk_refuses_and_recovers(
    receiver: Receiver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: without room nothing is begun, and with room again the same call succeeds."""
    data = content(5_000)
    digest = sha256(data).digest()
    await receiver.announce(NODE, digest, len(data))
    async with receiver.channel(authority.node(NODE)) as channel:
        with monkeypatch.context() as patched:
            patched.setattr(blob_files, "free_bytes", lambda _: 4_000)
            full = await refused(begin(channel, digest, len(data)))
            assert isinstance(full, Unavailable) and full.code == "FED-1101"
        call, _ = await begin(channel, digest, len(data))
        await send(call, data)
        assert (await finish(call)).digest == digest


async def test_revoked_node_is_cut_off_in_the_middle(
    receiver: Receiver, authority: Authority
) -> None:
    """Access that ends ends open streams too."""
    data = content(2 * MIB)
    digest = sha256(data).digest()
    await receiver.announce(NODE, digest, len(data))
    async with receiver.channel(authority.node(NODE)) as channel:
        call, _ = await begin(channel, digest, len(data))
        await send(call, data[:MIB])
        for subscriber in receiver.announced.subscribers:
            subscriber(Subject("node", NODE))
        assert (await refused(to_the_end(call))).code == "FED-3009"


async def test_streams_of_one_caller_are_bounded(receiver: Receiver, authority: Authority) -> None:
    """Invariant 12: one node cannot take every place; it is told when to come back."""
    opened = []
    async with receiver.channel(authority.node(NODE)) as channel:
        for number in range(TRANSFER_STREAMS_PER_CALLER_MAX):
            digest = sha256(bytes([number])).digest()
            await receiver.announce(NODE, digest, 9)
            opened.append(await begin(channel, digest, 9))
        error = await refused(begin(channel, digest, 9))
        assert error.code == "FED-2307" and error.retry_after_seconds
        opened[0][0].cancel()


@pytest.mark.parametrize("crooked", ["chunk first", "empty chunk", "no finish", "beyond the size"])
async def test_crooked_streams_are_refused(
    receiver: Receiver, authority: Authority, crooked: str
) -> None:
    """A stream out of order ends with an error that names the rule; nothing is verified."""
    digest = sha256(b"123456789").digest()
    await receiver.announce(NODE, digest, 9)
    async with receiver.channel(authority.node(NODE)) as channel:
        stub: Any = TransferStub(channel)
        call = stub.PutBlob()
        if crooked != "chunk first":
            call, _ = await begin(channel, digest, 9)
        chunk = {"empty chunk": b"", "beyond the size": b"x" * 10}.get(crooked, b"1234")
        await call.write(wire.PutBlobRequest(chunk=chunk))
        await call.done_writing()
        code = {"no finish": "FED-2306", "beyond the size": "FED-1206"}.get(crooked, "FED-2304")
        assert (await refused(to_the_end(call))).code == code
    assert await receiver.receiving.rows.size_of(digest) is None


async def test_bundles_are_given_from_an_offset_on(
    receiver: Receiver, authority: Authority
) -> None:
    """Only a published bundle is given, from where the node asks, in chunks that it can take."""
    data = content(700_000)
    (blob,) = await receiver.blobs.put_many("bundle", [data])
    async with receiver.channel(authority.node(NODE)) as channel:
        stub: Any = TransferStub(channel)
        error = await refused(stub.GetBlob(wire.GetBlobRequest(digest=blob.digest)).read())
        assert isinstance(error, NotFound) and error.code == "FED-2305"
        receiver.announced.bundles[blob.digest] = blob.size
        request = wire.GetBlobRequest(
            digest=blob.digest, offset_bytes=100_001, chunk_bytes_max=20_000
        )
        answers = [answer async for answer in stub.GetBlob(request)]
        assert answers[0].size_bytes == blob.size
        assert b"".join(answer.chunk for answer in answers) == data[100_001:]
        assert max(len(answer.chunk) for answer in answers) <= 20_000
        request.offset_bytes = blob.size + 1
        assert (await refused(stub.GetBlob(request).read())).code == "FED-2308"
