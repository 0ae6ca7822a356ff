"""Uploads that end badly: nothing half-accepted, nothing left on disk, a clear code each time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from lpse.federation.v1.records_pb2 import RefusalReason, UploadRefused
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.runtime.sqlite import StorageFull
from lpse.storage import blob_files
from tests.regional_node.intake.node import Node, journalled, serve, start_node, stored_files
from tests.regional_node.intake.uploads import (
    FINISH,
    Request,
    Stub,
    begin,
    chunk,
    requests,
    upload,
)

BIG = {"a.rhs": b"a" * 600_000, "b.rhs": b"b" * 600_000}
FIRST = Request(begin=begin(BIG))


@pytest.mark.parametrize(
    ("code", "sent"),
    [
        ("FED-5009", []),
        ("FED-5009", [FINISH]),
        ("FED-5009", [chunk(0, b"x"), FIRST]),
        ("FED-5009", [Request(), FIRST]),
        ("FED-5009", [FIRST]),
        ("FED-5009", [FIRST, FIRST]),
        ("FED-5009", [FIRST, chunk(0, BIG["a.rhs"]), Request()]),
        ("FED-5009", [FIRST, chunk(2, b"x"), FINISH]),
        ("FED-5009", [FIRST, chunk(0, BIG["a.rhs"]), chunk(1, b"b"), chunk(0, b"x"), FINISH]),
        ("FED-5008", [FIRST, FINISH]),
        ("FED-5008", [FIRST, chunk(0, BIG["a.rhs"]), FINISH]),
        ("FED-5008", [FIRST, chunk(1, BIG["b.rhs"]), FINISH]),
        ("FED-5008", [FIRST, chunk(0, BIG["a.rhs"] + b"x"), FINISH]),
        ("FED-5008", requests(BIG, begin({**BIG, "b.rhs": b"c" * 600_000}, digests=True))),
        ("FED-5001", [Request(begin=begin(BIG, details=b"{}"))]),
        ("FED-5007", [Request(begin=begin(BIG, channel=wire.CHANNEL_UNSPECIFIED))]),
        ("FED-5016", [Request(begin=begin(BIG, package="no package"))]),
    ],
)
async def test_a_broken_upload_leaves_nothing(
    node: Node, stub: Stub, code: str, sent: list[Request]
) -> None:
    """Whatever is wrong with an upload, it has a code, no entry of acceptance and no bytes."""
    answers = await upload(stub, sent)
    assert (answers.code, answers.accepted) == (code, None)
    assert stored_files(node) == []
    assert await journalled(node, "upload.accepted") == []
    assert (await upload(stub, requests(BIG))).accepted is not None


async def test_an_uploader_that_goes_away(node: Node, stub: Stub) -> None:
    """A cut connection is recorded as a broken attempt; its bytes are removed."""
    started = asyncio.Event()

    async def stream() -> AsyncIterator[Request]:
        for request in requests(BIG)[:-2]:
            yield request
        started.set()
        await asyncio.Event().wait()

    call = stub.UploadSubmission(stream())
    assert (await anext(aiter(call))).HasField("ready")
    await started.wait()
    call.cancel()
    while not (entries := await journalled(node, "upload.refused")):
        await asyncio.sleep(0.01)
    (entry,) = entries
    assert isinstance(entry, UploadRefused)
    assert entry.reason == RefusalReason.REFUSAL_REASON_BROKEN
    await node.intake.close()
    assert stored_files(node) == []
    assert (await upload(stub, requests(BIG))).accepted is not None


async def test_a_silent_uploader_is_cut_off(tmp_path: Path) -> None:
    """Invariant 12: an uploader that says nothing does not hold its place for ever."""

    async def stream() -> AsyncIterator[Request]:
        yield FIRST
        await asyncio.Event().wait()

    async with start_node(tmp_path, idle_seconds=0.1) as node, serve(node) as stub:
        call = aiter(stub.UploadSubmission(stream()))
        answers = [await anext(call), await anext(call)]
        assert [one.WhichOneof("part") for one in answers] == ["ready", "refused"]
        with pytest.raises(grpc.aio.AioRpcError):
            await anext(call)
        assert stored_files(node) == []


async def test_one_vendor_does_not_take_every_place(
    node: Node, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: uploads that one vendor holds open before a deadline leave room for others."""
    monkeypatch.setattr("regional_node.intake.submissions.UPLOADS_PER_VENDOR_MAX", 1)
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[Request]:
        yield FIRST
        await go_on.wait()

    call = aiter(stub.UploadSubmission(slow()))
    assert (await anext(call)).HasField("ready")
    assert (await upload(stub, requests(BIG, begin(BIG, key="key-00000002")))).code == "FED-5014"
    other = begin(BIG, key="key-00000003", details={"vendor": "CV Lain"})
    assert (await upload(stub, requests(BIG, other))).accepted is not None
    go_on.set()
    with pytest.raises(grpc.aio.AioRpcError):
        assert [one async for one in call]
    again = await upload(stub, requests(BIG, begin(BIG, key="key-00000004")))
    assert again.accepted is not None


async def test_as_many_uploads_as_allowed(tmp_path: Path) -> None:
    """Invariant 12: one upload more than allowed is told to come back; places are given back."""
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[Request]:
        yield FIRST
        await go_on.wait()
        for request in requests(BIG)[1:]:
            yield request

    async with start_node(tmp_path, uploads_max=1) as node, serve(node) as stub:
        call = aiter(stub.UploadSubmission(slow()))
        assert (await anext(call)).HasField("ready")
        second = await upload(stub, requests(BIG, begin(BIG, key="key-00000002")))
        assert second.code == "FED-5014"
        assert second.error is not None
        assert second.error.may_retry
        go_on.set()
        assert [one async for one in call][-1].HasField("accepted")
        for number in range(3):
            again = await upload(stub, requests(BIG, begin(BIG, key=f"key-0000001{number}")))
            assert again.accepted is not None


async def test_room_promised_to_one_is_not_promised_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: two uploads that fit only one by one are not both begun."""
    from lpse.federation.limits import BLOB_RESERVE_BYTES_MIN

    async with start_node(tmp_path) as node, serve(node) as stub:
        monkeypatch.setattr(
            "lpse.storage.blob_files.free_bytes", lambda _: BLOB_RESERVE_BYTES_MIN + 2_000_000
        )
        go_on = asyncio.Event()

        async def slow() -> AsyncIterator[Request]:
            yield FIRST
            await go_on.wait()
            for request in requests(BIG)[1:]:
                yield request

        call = aiter(stub.UploadSubmission(slow()))
        assert (await anext(call)).HasField("ready")
        second = await upload(stub, requests(BIG, begin(BIG, key="key-00000002")))
        assert second.code == "FED-5010"
        go_on.set()
        assert [one async for one in call][-1].HasField("accepted")
        third = await upload(stub, requests(BIG, begin(BIG, key="key-00000003")))
        assert third.accepted is not None


@pytest.mark.parametrize("room", [0, 3, 19, 20])
async def test_a_disk_that_fills_up_in_the_middle(
    node: Node, stub: Stub, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """ENOSPC at any file refuses the whole upload and leaves nothing; the next goes through."""
    files = {f"{number:02}.rhs": bytes([number]) * 2_000 for number in range(20)}
    files["large.rhs"] = b"l" * 400_000
    written = itertools.count()
    write_all = blob_files.write_all

    def until_full(descriptor: int, data: bytes, offset: int) -> None:
        if next(written) >= room:
            raise StorageFull
        write_all(descriptor, data, offset)

    with monkeypatch.context() as patched:
        patched.setattr(blob_files, "write_all", until_full)
        answers = await upload(stub, requests(files))
    assert answers.code == "FED-5010"
    assert answers.error is not None
    assert answers.error.may_retry
    assert stored_files(node) == []
    assert (await upload(stub, requests(files))).accepted is not None
