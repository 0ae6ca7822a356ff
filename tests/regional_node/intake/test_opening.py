"""Opening and handing over: only after the deadline, everything, once in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from typing import Any

import grpc
import pytest

from lpse.federation.acts import Deed, sign_act
from lpse.federation.commitments import open_commitment
from lpse.federation.limits import ENTRY_BYTES_MAX
from lpse.federation.receipts import verify_receipt
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.federation.v1.records_pb2 import (
    HandoverConfirmed,
    PackageOpened,
    Reveal,
    UploadAccepted,
    Verdict,
)
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.runtime.channels import error_from
from lpse.runtime.tls import new_signing_key
from regional_node.intake.rules import OPEN, open_subject
from tests.regional_node.intake.node import CODE, DEADLINE, Node, journalled
from tests.regional_node.intake.uploads import (
    FILES,
    KEY,
    Request,
    Stub,
    begin,
    requests,
    upload,
)


async def release(stub: Stub, **fields: Any) -> list[wire.ReleaseSubmissionsResponse]:
    request = wire.ReleaseSubmissionsRequest(package=CODE, **fields)
    return [one async for one in stub.ReleaseSubmissions(request)]


async def code_of(stub: Stub, **fields: Any) -> str:
    try:
        await release(stub, **fields)
    except grpc.aio.AioRpcError as error:
        return error_from(error).code
    return ""


def submissions_in(
    messages: list[wire.ReleaseSubmissionsResponse],
) -> list[wire.ReleasedSubmission]:
    return [one.submission for one in messages if one.HasField("submission")]


async def openings(node: Node) -> list[PackageOpened]:
    found = await journalled(node, "package.opened")
    return [record for record in found if isinstance(record, PackageOpened)]


async def test_no_bid_leaves_before_the_deadline(node: Node, stub: Stub) -> None:
    """Invariant 6: one microsecond before the effective deadline nothing is opened."""
    await upload(stub, requests())
    node.clock.set(DEADLINE - timedelta(microseconds=1))
    assert await code_of(stub) == "FED-5201"
    assert await openings(node) == []
    node.clock.set(DEADLINE)
    assert await code_of(stub) == ""


async def test_no_bid_leaves_during_a_hold(node: Node, stub: Stub) -> None:
    """Invariant 6: while a deadline is held its bids stay sealed, officer or not."""
    await upload(stub, requests())
    node.plan.change(held=True)
    node.clock.set(DEADLINE + timedelta(days=2))
    assert await code_of(stub) == "FED-5202"
    assert await code_of(stub, act=act("ani")) == "FED-5202"
    assert await openings(node) == []


async def test_a_cancelled_selection_stays_sealed(node: Node, stub: Stub) -> None:
    """The bids of a cancelled selection are never opened."""
    await upload(stub, requests())
    node.plan.change(cancelled=True)
    node.clock.set(DEADLINE)
    assert await code_of(stub) == "FED-5204"


async def test_everything_is_handed_over(node: Node, stub: Stub) -> None:
    """Bytes, manifests, receipts and verdicts of every submission leave as they came."""
    first = await upload(stub, requests())
    await upload(stub, requests({"a": b"1"}, begin({"a": b"1"}, key="key-00000002")))
    node.clock.set(DEADLINE)
    await upload(stub, requests(first=begin(key="key-00000003")))
    messages = await release(stub)
    header, submissions = messages[0].package, submissions_in(messages)
    assert (header.submissions, header.attempts, len(submissions)) == (2, 1, 2)
    assert submissions[0].submission.receipt == first.receipt
    assert submissions[0].submission.verdict == Verdict.VERDICT_ON_TIME
    assert submissions[0].submission.journal_index > 0
    data: dict[int, bytes] = {}
    for one in messages[2 : messages.index(messages[-1])]:
        if one.HasField("submission"):
            break
        data[one.chunk.file] = data.get(one.chunk.file, b"") + one.chunk.data
    assert list(data.values()) == list(FILES.values())
    assert messages[-1].finished == wire.ReleaseFinished(submissions=2)


async def test_the_journal_reveals_every_commitment(node: Node, stub: Stub) -> None:
    """Whoever holds the journal can check afterwards which bids there were, and no others."""
    accepted = await upload(stub, requests())
    node.clock.set(DEADLINE)
    refused = await upload(stub, requests(first=begin(key="key-00000002")))
    await release(stub)
    (record,) = await openings(node)
    revealed = {reveal.commitment for reveal in record.reveals}
    assert accepted.accepted is not None
    proof = verify_receipt(refused.proof, node.signer.verifier)
    assert revealed == {accepted.accepted.commitment, proof.commitment}
    for reveal in record.reveals:
        details = open_commitment(reveal.commitment, reveal.salt, reveal.details)
        assert details.package == CODE


async def test_opening_again_adds_nothing(node: Node, stub: Stub) -> None:
    """Invariant 3: a repeated hand-over gives the same and writes no second opening."""
    await upload(stub, requests())
    node.clock.set(DEADLINE)
    first = await release(stub)
    node.clock.advance(3_600)
    node.plan.change(held=True)
    assert await release(stub) == first
    assert len(await openings(node)) == 1


async def test_a_package_without_bids_is_opened_too(node: Node, stub: Stub) -> None:
    """That nobody bid is a fact that the journal states."""
    node.clock.set(DEADLINE)
    messages = await release(stub)
    assert [one.WhichOneof("part") for one in messages] == ["package", "finished"]
    (record,) = await openings(node)
    assert (record.part, record.parts, len(record.reveals)) == (0, 1, 0)


async def test_a_straggler_is_revealed_by_the_next_opening(node: Node, stub: Stub) -> None:
    """An upload begun in time that ends after the opening is kept, LATE, and opened next time."""
    may_finish = asyncio.Event()

    async def stream() -> AsyncIterator[Request]:
        for request in requests()[:-1]:
            yield request
        await may_finish.wait()
        yield requests()[-1]

    call = aiter(stub.UploadSubmission(stream()))
    assert (await anext(call)).HasField("ready")
    node.clock.set(DEADLINE)
    assert submissions_in(await release(stub)) == []
    may_finish.set()
    assert [one async for one in call][-1].accepted.verdict == Verdict.VERDICT_LATE
    (straggler,) = submissions_in(await release(stub))
    assert straggler.submission.verdict == Verdict.VERDICT_LATE
    assert [len(record.reveals) for record in await openings(node)] == [0, 1]


async def test_large_openings_are_written_in_parts(node: Node, stub: Stub) -> None:
    """Invariant 12: no entry of an opening is larger than an entry may be."""
    extra = {"vendor": "v", "x": "y" * 15_000}
    for number in range(9):
        first = begin(key=f"key-0000000{number}", details=extra)
        await upload(stub, requests(first=first))
    node.clock.set(DEADLINE)
    assert len(submissions_in(await release(stub))) == 9
    records = await openings(node)
    assert [record.part for record in records] == list(range(records[0].parts))
    assert len(records) > 1
    assert sum(len(record.reveals) for record in records) == 9
    assert all(record.ByteSize() < ENTRY_BYTES_MAX for record in records)


async def test_a_damaged_file_does_not_keep_the_others_back(node: Node, stub: Stub) -> None:
    """Invariant 10: a file whose bytes changed on disk is named, and the rest is handed over."""
    await upload(stub, requests())
    node.clock.set(DEADLINE)
    (entry,) = await journalled(node, "upload.accepted")
    assert isinstance(entry, UploadAccepted)
    path = node.blobs.path_of(entry.blobs[0].digest)
    path.write_bytes(b"?" + path.read_bytes()[1:])
    messages = await release(stub)
    (unreadable,) = [one.unreadable for one in messages if one.HasField("unreadable")]
    assert (unreadable.file, unreadable.code) == (0, "FED-5207")
    assert messages[-1].finished == wire.ReleaseFinished(submissions=0, unreadable=1)
    second = b"".join(one.chunk.data for one in messages if one.chunk.file == 1)
    assert second == FILES["lampiran.rhs"]


async def test_manifests_without_bytes(node: Node, stub: Stub) -> None:
    """Whoever wants the manifests alone gets no bytes."""
    await upload(stub, requests())
    node.clock.set(DEADLINE)
    messages = await release(stub, manifests_only=True)
    parts = [one.WhichOneof("part") for one in messages]
    assert parts == ["package", "submission", "finished"]


async def test_the_index_is_shown_after_opening(node: Node, stub: Stub) -> None:
    """After opening a receipt may be joined with its place in the journal."""
    await upload(stub, requests())
    node.clock.set(DEADLINE)
    await release(stub)
    receipt = await stub.GetReceipt(wire.GetReceiptRequest(name=f"submissions/{KEY}"))
    row = (await node.journal.entries(receipt.journal_index, receipt.journal_index + 1))[0]
    assert row.kind == "upload.accepted"


def act(actor: str) -> SignedAct:
    return sign_act(
        new_signing_key(),
        Deed("lpse-pacitan", OPEN, open_subject(CODE)),
        actor=actor,
        role="pokja",
        at=DEADLINE,
    )


async def test_an_officers_act_stands_in_the_entry(node: Node, stub: Stub) -> None:
    """Who opened a package is part of the journal; a stranger opens nothing."""
    node.clock.set(DEADLINE)
    assert await code_of(stub, act=act("orang-lain")) == "FED-3101"
    assert await openings(node) == []
    await release(stub, act=act("ani"))
    assert (await openings(node))[0].act.actor == "ani"


async def test_an_opening_says_how_far_its_clock_was_off(node: Node, stub: Stub) -> None:
    """A court reads the right time from entry and hand-over; a slow clock opens nothing early."""
    node.clock.offset, node.clock.error = -40.0, 2.5  # the reading is 40 s ahead
    await upload(stub, requests())
    node.clock.set(DEADLINE + timedelta(seconds=41))
    assert await code_of(stub) == "FED-5201"
    node.clock.set(DEADLINE + timedelta(seconds=43))
    header = (await release(stub))[0].package
    (record,) = await openings(node)
    for told in (record, header):
        assert (told.clock_offset_seconds, told.clock_error_seconds) == (-40.0, 2.5)
        right = told.open_time.ToDatetime(UTC) + timedelta(seconds=told.clock_offset_seconds)
        assert right - timedelta(seconds=told.clock_error_seconds) >= DEADLINE
    node.clock.offset = 0.0
    assert (await release(stub))[0].package == header, "the first opening counts"


async def test_confirmation_of_a_hand_over(node: Node, stub: Stub) -> None:
    """SPSE confirms the number it holds; another number, or an early word, is refused."""

    async def confirm(submissions: int) -> str:
        try:
            await stub.ConfirmHandover(
                wire.ConfirmHandoverRequest(package=CODE, submissions=submissions)
            )
        except grpc.aio.AioRpcError as error:
            return error_from(error).code
        return ""

    await upload(stub, requests())
    assert await confirm(1) == "FED-5203"
    node.clock.set(DEADLINE)
    await release(stub)
    assert await confirm(2) == "FED-5205"
    assert await confirm(1) == ""
    assert await confirm(1) == ""
    (record,) = await journalled(node, "handover.confirmed")
    assert isinstance(record, HandoverConfirmed)
    assert record.submissions == 1


@pytest.mark.parametrize("length", [1, 2])
def test_reveals_are_counted_with_their_frame(length: int) -> None:
    """What a part may hold is measured as it will be written."""
    reveals = [Reveal(commitment=bytes(32), salt=bytes(32), details=b"x" * 100)] * length
    framed = PackageOpened(reveals=reveals).ByteSize()
    assert framed <= sum(reveal.ByteSize() + 8 for reveal in reveals)
