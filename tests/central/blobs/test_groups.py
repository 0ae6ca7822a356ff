"""Small blobs in groups: each judged by itself, durable before VERIFIED, asked about, bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest

from central.blobs.pace import Pace
from central.blobs.ports import ParkedBlob
from central.blobs.receiving import Wanted
from central.uploads.parked_store import ParkedStore
from lpse.federation.errors import Unavailable
from lpse.federation.limits import (
    KIB,
    MIB,
    TRANSFER_ABANDONED_SECONDS,
    TRANSFER_SLOW_BYTES_MIN,
    TRANSFER_SLOW_SECONDS,
)
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1.transfer_pb2_grpc import TransferStub
from lpse.runtime.sqlite.instants import to_micros
from lpse.storage import blob_files
from tests.central.blobs.receiver import Receiver, begin, receiving
from tests.central.blobs.test_putting import content, refused, send
from tests.federation.rig import Authority, eventually

NODE = "lpse-pacitan"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "keys")


@pytest.fixture
async def receiver(tmp_path: Path, authority: Authority) -> AsyncIterator[Receiver]:
    async with receiving(tmp_path / "centre", authority.centre_identity) as found:
        yield found


@pytest.fixture
async def stub(receiver: Receiver, authority: Authority) -> AsyncIterator[Any]:
    async with receiver.channel(authority.node(NODE)) as channel:
        yield TransferStub(channel)


def whole(data: bytes) -> wire.WholeBlob:
    return wire.WholeBlob(digest=sha256(data).digest(), size_bytes=len(data), content=data)


def question(data: bytes) -> wire.WholeBlob:
    return wire.WholeBlob(digest=sha256(data).digest(), size_bytes=len(data))


async def told(stub: Any, *groups: list[wire.WholeBlob]) -> dict[bytes, wire.BlobVerdict]:
    """Every verdict about these groups, sent without waiting in between."""
    call = stub.PutBlobs()
    for group in groups:
        await call.write(wire.PutBlobsRequest(blobs=group))
    await call.done_writing()
    verdicts: dict[bytes, wire.BlobVerdict] = {}
    while (answer := await call.read()) is not grpc.aio.EOF:
        verdicts |= {one.digest: one for one in answer.verdicts}
    return verdicts


async def announced(receiver: Receiver, *contents: bytes) -> None:
    for data in contents:
        await receiver.announce(NODE, sha256(data).digest(), len(data))


async def test_every_bad_blob_of_a_group_is_told_and_hurts_no_other(
    receiver: Receiver, stub: Any
) -> None:
    """Invariant 10: damaged, unannounced and wrongly sized blobs are refused one by one."""
    good = [content(size, size) for size in (0, 1, 9_000, 100_000)]
    damaged, resized, unknown = (content(5_000, seed) for seed in (1, 2, 3))
    await announced(receiver, *good, damaged, resized)
    bad = whole(damaged)
    bad.content = bad.content[:-1] + b"?"
    other = whole(resized)
    other.size_bytes += 1
    verdicts = await told(stub, [*map(whole, good), bad, other, whole(unknown)])
    assert len(verdicts) == 7
    for data in good:
        digest = sha256(data).digest()
        assert verdicts[digest].verified.digest == digest
        assert receiver.blobs.path_of(digest).read_bytes() == data
    codes = [verdicts[sha256(data).digest()].refused.code for data in (damaged, resized, unknown)]
    assert codes == ["FED-1202", "FED-2304", "FED-2301"]
    assert await receiver.receiving.rows.size_of(bad.digest) is None
    assert not list((receiver.folder / "blobs" / "incoming").iterdir())


async def test_a_question_costs_no_bytes(receiver: Receiver, stub: Any) -> None:
    """What is there is VERIFIED without being sent; what is not is wanted."""
    here, missing = content(3_000, 1), content(3_000, 2)
    await announced(receiver, here, missing)
    await told(stub, [whole(here)])
    verdicts = await told(stub, [question(here), question(missing)])
    assert verdicts[sha256(here).digest()].verified.already_stored
    assert verdicts[sha256(missing).digest()].HasField("wanted")
    receiver.blobs.path_of(sha256(here).digest()).unlink()
    again = await told(stub, [question(here)])
    assert again[sha256(here).digest()].HasField("wanted"), "a row without its file is no blob"


async def test_a_group_tells_nothing_of_other_nodes(receiver: Receiver, stub: Any) -> None:
    """What only another node has brought is wanted, and taken in as if it were not here."""
    data = content(3_000, 1)
    await announced(receiver, data)
    digest = sha256(data).digest()
    await receiver.announce("lpse-papua", digest, len(data))
    foreign = Wanted("node/lpse-papua", digest, len(data), "upload")
    now = datetime.now(UTC)
    await receiver.receiving.take_many(
        [(foreign, data)],
        lambda tx, one: receiver.uploads.verified_in(tx, "lpse-papua", one, now),
    )
    assert (await told(stub, [question(data)]))[digest].HasField("wanted")
    assert not (await told(stub, [whole(data)]))[digest].verified.already_stored
    assert (await told(stub, [question(data)]))[digest].verified.already_stored


async def test_verified_blobs_survive_a_stop(receiver: Receiver, stub: Any) -> None:
    """Invariant 1: after VERIFIED the rows are there when the centre starts again."""
    contents = [content(700, seed) for seed in range(60)]
    await announced(receiver, *contents)
    groups = [[whole(one) for one in contents[at : at + 20]] for at in (0, 20, 40)]
    assert all(one.HasField("verified") for one in (await told(stub, *groups)).values())
    await receiver.stop()
    await receiver.start()
    assert receiver.swept.blobs_set_aside == 0
    (totals,) = await receiver.uploads.totals()
    assert (totals.verified_blobs, totals.announced_blobs) == (60, 60)


@pytest.mark.parametrize("crooked", ["empty", "twice", "too large", "short digest"])
async def test_crooked_groups_end_the_stream(receiver: Receiver, stub: Any, crooked: str) -> None:
    """Invariant 12: a group that no node of ours makes is refused as a whole."""
    one = whole(b"abc")
    groups: dict[str, list[wire.WholeBlob]] = {
        "empty": [],
        "twice": [one, one],
        "too large": [whole(content(600 * KIB, seed)) for seed in (1, 2)],
        "short digest": [wire.WholeBlob(digest=b"1", size_bytes=3, content=b"abc")],
    }
    assert (await refused(told(stub, groups[crooked]))).code == "FED-2304"


async def test_full_disk_blames_no_blob(
    receiver: Receiver, stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk without room ends the stream with its own code, and the same group succeeds later."""
    data = content(5_000)
    await announced(receiver, data)
    with monkeypatch.context() as patched:
        patched.setattr(blob_files, "free_bytes", lambda _: 4_000)
        full = await refused(told(stub, [whole(data)]))
        assert isinstance(full, Unavailable) and full.code == "FED-1101"
    verdicts = await told(stub, [whole(data)])
    assert verdicts[sha256(data).digest()].HasField("verified")


async def test_a_check_reads_the_disk_now(receiver: Receiver, stub: Any) -> None:
    """Only bytes of this node that the disk gives back unchanged are held."""
    data, foreign = content(40_000), content(40_000, 9)
    await announced(receiver, data)
    await told(stub, [whole(data)])
    digest = sha256(data).digest()
    assert (await stub.CheckBlob(wire.CheckBlobRequest(digest=digest))).held
    await receiver.blobs.put_many("foreign", [foreign])
    request = wire.CheckBlobRequest(digest=sha256(foreign).digest())
    assert not (await stub.CheckBlob(request)).held
    path = receiver.blobs.path_of(digest)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert not (await stub.CheckBlob(wire.CheckBlobRequest(digest=digest))).held
    path.unlink()
    assert not (await stub.CheckBlob(wire.CheckBlobRequest(digest=digest))).held


async def test_reported_items_are_listed_until_they_are_gone(receiver: Receiver, stub: Any) -> None:
    """A report replaces the last one; an operator's wish is told until it was fulfilled."""
    store, now = ParkedStore(receiver.database), datetime(2026, 11, 22, tzinfo=UTC)
    one, two = (sha256(bytes([number])).digest() for number in (1, 2))

    async def report(*blobs: tuple[bytes, int]) -> list[bytes]:
        parked = [
            wire.ParkedBlob(digest=digest, size_bytes=7, cause="FED-2311 gone", attempts=attempts)
            for digest, attempts in blobs
        ]
        answer = await stub.ReportParked(wire.ReportParkedRequest(blobs=parked, total=len(parked)))
        return list(answer.replay)

    assert await report((one, 3), (two, 1)) == []
    rows = await store.page("", ("", b""), 10)
    assert {row.blob for row in rows} == {
        ParkedBlob(one, 7, "FED-2311 gone", 3),
        ParkedBlob(two, 7, "FED-2311 gone", 1),
    }
    assert await store.replay("", "FED-9999", now) == 0
    assert await store.replay(NODE, "FED-2311", now) == 2
    assert set(await report((one, 3), (two, 1))) == {one, two}
    assert await report((one, 4)) == [], "it was tried and set aside again"
    assert [row.blob.digest for row in await store.page(NODE, ("", b""), 10)] == [one]
    assert await report() == []
    assert await store.page("", ("", b""), 10) == []
    assert (await refused(report((one, 1), (one, 1)))).code == "FED-2328"


async def test_unfinished_bytes_of_a_node_are_bounded(
    receiver: Receiver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: a new blob waits, one that was begun goes on, and finishing makes room."""
    monkeypatch.setattr("central.blobs.receiving.TRANSFER_UNFINISHED_BYTES_MAX", 19 * MIB)
    first, second = content(12 * MIB, 1), content(12 * MIB, 2)
    await announced(receiver, first, second)
    async with receiver.channel(authority.node(NODE)) as channel:
        call, _ = await begin(channel, sha256(first).digest(), len(first))
        await send(call, first[: 9 * MIB])
        assert (await call.read()).durable.offset_bytes >= 8 * MIB
        call.cancel()
        error = await refused(begin(channel, sha256(second).digest(), len(second)))
        assert error.code == "FED-2320" and error.retry_after_seconds
        call, offset = await begin(channel, sha256(first).digest(), len(first))
        assert offset >= 8 * MIB
        call.cancel()


async def test_abandoned_parts_are_swept_while_the_centre_runs(
    receiver: Receiver, authority: Authority
) -> None:
    """Old parts go by age, younger ones and those being written stay."""
    data = content(9 * MIB)
    await announced(receiver, data)
    async with receiver.channel(authority.node(NODE)) as channel:
        call, _ = await begin(channel, sha256(data).digest(), len(data))
        await send(call, data[: 8 * MIB])
        assert (await call.read()).durable.offset_bytes == 8 * MIB
        long_ago = receiver.receiving.clock.wall() - timedelta(
            seconds=TRANSFER_ABANDONED_SECONDS + 9
        )
        await receiver.database.write(
            lambda tx: tx.run("UPDATE blob_transfers SET update_time = ?", (to_micros(long_ago),))
        )
        assert await receiver.receiving.sweep() == 0, "it is being written"
        incoming = receiver.folder / "blobs" / "incoming"
        assert len(list(incoming.iterdir())) == 1
        call.cancel()
    await eventually(lambda: not receiver.receiving.is_busy())
    await receiver.database.write(
        lambda tx: tx.run("UPDATE blob_transfers SET update_time = ?", (to_micros(long_ago),))
    )
    assert await receiver.receiving.sweep() == 1
    assert not list(incoming.iterdir())


def test_a_trickle_is_cut_and_a_slow_line_is_not() -> None:
    """One byte every 119 seconds ends with FED-2321; 512 kbit/s and even 2 kbit/s go on."""
    trickle = Pace()
    with pytest.raises(Unavailable) as cut:
        for _ in range(3):
            trickle.came(1, TRANSFER_SLOW_SECONDS - 1)
    assert cut.value.code == "FED-2321"
    for bytes_per_second in (64_000, 256):
        honest = Pace()
        for _ in range(200):
            honest.came(TRANSFER_SLOW_BYTES_MIN, TRANSFER_SLOW_BYTES_MIN / bytes_per_second)


async def test_a_reader_that_takes_nothing_is_cut(
    receiver: Receiver, stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller of a bundle that stops reading is sent away, and the next offset goes on."""
    monkeypatch.setattr("central.blobs.service.TRANSFER_SLOW_SECONDS", 0.2)
    data = content(24 * MIB)
    part = await receiver.blobs.begin("bundle", len(data))
    for at in range(0, len(data), MIB):
        await part.append(data[at : at + MIB], at)
    blob = await part.complete(None, len(data))
    receiver.announced.bundles[blob.digest] = blob.size
    call = stub.GetBlob(wire.GetBlobRequest(digest=blob.digest, chunk_bytes_max=MIB))
    assert (await call.read()).size_bytes == blob.size
    await receiver.receiving.clock.sleep(1.0)

    async def rest() -> None:
        while await call.read() is not grpc.aio.EOF:
            pass

    assert (await refused(rest())).code == "FED-2321"
    request = wire.GetBlobRequest(digest=blob.digest, offset_bytes=20 * MIB, chunk_bytes_max=MIB)
    answers = [answer async for answer in stub.GetBlob(request)]
    assert b"".join(answer.chunk for answer in answers) == data[20 * MIB :]
