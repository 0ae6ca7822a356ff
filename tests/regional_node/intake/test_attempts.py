"""Wherever an attempt ends, a proof stays that its uploader can fetch by the intake key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from lpse.federation.receipts import verify_receipt
from lpse.federation.v1.records_pb2 import Verdict
from lpse.intake.v1 import submissions_pb2 as wire
from regional_node.intake import submissions
from tests.regional_node.intake.node import DEADLINE, Node, journalled
from tests.regional_node.intake.test_deadlines import SECOND, upload_across
from tests.regional_node.intake.test_opening import code_of, release, submissions_in
from tests.regional_node.intake.uploads import FILES, KEY, Request, Stub, begin, requests, upload

NAME = wire.GetReceiptRequest(name=f"submissions/{KEY}")


def document_of(node: Node, proof: bytes) -> dict[str, object]:
    verified = verify_receipt(proof, node.signer.verifier)
    assert not verified.accepted
    return dict(verified.document)


async def test_a_package_that_is_full(
    node: Node, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: beyond the limit of submissions nobody is refused without a proof."""
    monkeypatch.setattr(submissions, "SUBMISSIONS_PER_PACKAGE_MAX", 1)
    await upload(stub, requests(first=begin(key="key-00000002")))
    answers = await upload(stub, requests())
    assert answers.code == "FED-5022"
    assert document_of(node, answers.proof)["reason"] == "TOO_LARGE"
    assert (await stub.GetReceipt(NAME)).receipt == answers.proof


async def test_a_broken_digest(node: Node, stub: Stub) -> None:
    """Bytes that are not what was announced leave a proof with how many had come."""
    first = begin(digests=True)
    first.files[1].sha256 = bytes(32)
    answers = await upload(stub, requests(first=first))
    assert answers.code == "FED-5008"
    document = document_of(node, answers.proof)
    assert document["reason"] == "BROKEN"
    assert document["received_bytes"] == sum(map(len, FILES.values()))


async def test_a_stream_that_broke_off_can_be_asked_for(node: Node, stub: Stub) -> None:
    """Nobody is left to be told when a line breaks: the proof waits under the intake key."""

    async def stream() -> AsyncIterator[Request]:
        for request in requests()[:-1]:
            yield request
        await asyncio.Event().wait()

    call = stub.UploadSubmission(stream())
    assert (await anext(aiter(call))).HasField("ready")
    call.cancel()
    while not await journalled(node, "upload.refused"):
        await asyncio.sleep(0.01)
    answer = await stub.GetReceipt(NAME)
    assert answer.attempt_only
    document = document_of(node, answer.receipt)
    assert document["reason"] == "BROKEN"
    assert document["begin_time"] and document["refuse_time"]


async def test_attempts_stay_to_be_had_after_an_acceptance(node: Node, stub: Stub) -> None:
    """The vendor gets the receipt and, beside it, the proof of what failed before."""
    failed = await upload(stub, requests()[:-1])
    accepted = await upload(stub, requests())
    answer = await stub.GetReceipt(NAME)
    assert answer.receipt == accepted.receipt
    assert list(answer.attempts) == [failed.proof]
    assert not answer.attempt_only


async def test_nothing_is_to_be_had_under_another_key(node: Node, stub: Stub) -> None:
    """Invariant 6: proofs are found by their own intake key and by no other way."""
    await upload(stub, requests()[:-1])
    other = wire.GetReceiptRequest(name="submissions/key-00000002")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.GetReceipt(other)
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_an_empty_file_is_accepted_with_a_warning(node: Node, stub: Stub) -> None:
    """A file of 0 bytes counts; the answer says in words which one it is, without its name."""
    files = {"penawaran.rhs": b"x", "lampiran.rhs": b""}
    answers = await upload(stub, requests(files, begin(files)))
    assert answers.accepted is not None
    (warning,) = answers.accepted.warnings
    assert (warning.code, warning.file) == ("EMPTY_FILE", 1)
    assert "file 2 is empty" in warning.message
    assert "lampiran" not in warning.message


async def test_the_verdicts_of_every_revision_are_handed_over(node: Node, stub: Stub) -> None:
    """Each revision that fell due stands in the hand-over; the receipt stays as it was."""
    node.clock.set(DEADLINE - SECOND)
    told = await upload_across(node, stub, DEADLINE + SECOND)
    await node.judging.step(node.clock.moment())
    later = DEADLINE.replace(day=31)
    node.plan.change(deadline=later, revision=2)
    node.clock.set(later)
    await node.judging.step(node.clock.moment())
    (one,) = submissions_in(await release(stub))
    verdicts = [(each.schedule_revision, each.verdict) for each in one.submission.judgements]
    assert verdicts == [(1, Verdict.VERDICT_LATE), (2, Verdict.VERDICT_ON_TIME)]
    assert one.submission.receipt == told.receipt
    before = await stub.GetSubmission(wire.GetSubmissionRequest(name=f"submissions/{KEY}"))
    assert list(before.judgements) == []


async def test_few_packages_are_handed_over_at_one_time(
    node: Node, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: a further hand-over is told to come back, and nothing is opened by it."""
    await upload(stub, requests())
    node.clock.set(DEADLINE)
    monkeypatch.setattr("regional_node.intake.service.RELEASES_OPEN_MAX", 0)
    assert await code_of(stub) == "FED-5031"
    assert await journalled(node, "package.opened") == []
    monkeypatch.undo()
    assert await code_of(stub) == ""
    assert await code_of(stub) == "", "a hand-over that has ended gives its place back"


async def test_an_undetermined_bid_is_handed_over_as_such(node: Node, stub: Stub) -> None:
    """Nothing is silently chosen: hand-over, verdict and receipt leave it to the Pokja."""
    node.clock.error = 30.0
    node.clock.set(DEADLINE - SECOND)
    answers = await upload(stub, requests())
    node.clock.error = 0.0
    node.clock.set(DEADLINE + 60 * SECOND)
    (one,) = submissions_in(await release(stub))
    assert one.submission.verdict == Verdict.VERDICT_UNDETERMINED
    document = verify_receipt(answers.receipt, node.signer.verifier).document
    assert document["verdict"] == "UNDETERMINED"
    assert document["clock_error_seconds"] == 30.0


async def test_an_offset_is_part_of_the_verdict(node: Node, stub: Stub) -> None:
    """A clock known to be ten seconds slow makes late what it reads as five seconds early."""
    node.clock.offset = 10.0
    node.clock.set(DEADLINE - 11 * SECOND)
    answers = await upload_across(node, stub, DEADLINE - 5 * SECOND)
    assert answers.accepted is not None
    assert answers.accepted.verdict == Verdict.VERDICT_LATE
    node.clock.offset = 0.0
    node.clock.set(DEADLINE)
    (one,) = submissions_in(await release(stub))
    assert one.submission.verdict == Verdict.VERDICT_LATE, "judged by the moment as it was known"
    assert one.submission.accept_time.ToDatetime() == (DEADLINE - 5 * SECOND).replace(tzinfo=None)
