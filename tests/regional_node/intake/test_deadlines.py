"""Uploads around a deadline: late, refused with proof, held, doubtful, and judged afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from lpse.federation.receipts import Moment, verify_receipt
from lpse.federation.v1.records_pb2 import (
    RefusalReason,
    UploadJudged,
    UploadRefused,
    Verdict,
)
from lpse.intake.v1 import submissions_pb2 as wire
from tests.regional_node.intake.node import CODE, DEADLINE, START, Node, journalled, stored_files
from tests.regional_node.intake.uploads import KEY, Answers, Request, Stub, begin, requests, upload

SECOND = timedelta(seconds=1)


def at(time: datetime) -> Moment:
    """A moment of a clock that is right."""
    return Moment(time, "boot", 0.0)


async def upload_across(node: Node, stub: Stub, finish_at: datetime) -> Answers:
    """Begin now; before `finish` the clock steps to `finish_at`."""
    sent = requests()
    answers = Answers()
    may_finish = asyncio.Event()

    async def stream() -> AsyncIterator[Request]:
        for request in sent[:-1]:
            yield request
        await may_finish.wait()
        yield sent[-1]

    async for answer in stub.UploadSubmission(stream()):
        if answer.HasField("ready"):
            node.clock.set(finish_at)
            may_finish.set()
        if answer.HasField("accepted"):
            answers.accepted = answer.accepted
    return answers


async def judged(node: Node) -> list[tuple[int, int]]:
    """Revisions and verdicts that the opening writes into the journal, which holds none before."""
    assert await journalled(node, "upload.judged") == []
    await node.openings.open(CODE, None)
    found: list[tuple[int, int]] = []
    for record in await journalled(node, "upload.judged"):
        assert isinstance(record, UploadJudged)
        found.append((record.schedule_revision, record.verdict))
    return found


async def test_begun_before_and_finished_after_is_kept_late(node: Node, stub: Stub) -> None:
    """An upload that was under way when the deadline passed is kept, and says LATE."""
    node.clock.set(DEADLINE - SECOND)
    answers = await upload_across(node, stub, DEADLINE)
    assert answers.accepted is not None
    assert answers.accepted.verdict == Verdict.VERDICT_LATE
    document = verify_receipt(answers.receipt, node.signer.verifier).document
    assert document["verdict"] == "LATE"
    assert document["begin_time"] < document["deadline_time"] <= document["accept_time"]


async def test_begun_after_the_deadline_is_refused_with_a_proof(node: Node, stub: Stub) -> None:
    """The attempt is journalled as a commitment, and the vendor takes a signed proof home."""
    node.clock.set(DEADLINE)
    answers = await upload(stub, requests())
    assert answers.code == "FED-5011"
    verified = verify_receipt(answers.proof, node.signer.verifier)
    assert not verified.accepted
    assert verified.document["reason"] == "STAGE_CLOSED"
    (entry,) = await journalled(node, "upload.refused")
    assert isinstance(entry, UploadRefused)
    assert entry.commitment == verified.commitment
    assert stored_files(node) == []
    receipt = await stub.GetReceipt(wire.GetReceiptRequest(name=f"submissions/{KEY}"))
    assert receipt.attempt_only
    assert receipt.receipt == answers.proof


async def test_a_repeated_late_attempt_gets_the_first_proof(node: Node, stub: Stub) -> None:
    """Invariant 3: trying again in vain adds no second entry."""
    node.clock.set(DEADLINE)
    first = await upload(stub, requests())
    node.clock.advance(60)
    again = await upload(stub, requests())
    assert again.proof == first.proof
    assert len(await journalled(node, "upload.refused")) == 1


async def test_before_the_stage_begins(node: Node, stub: Stub) -> None:
    """An upload before the stage's start is refused, and says when to come."""
    node.clock.set(START - SECOND)
    answers = await upload(stub, requests())
    assert answers.code == "FED-5012"
    assert answers.error is not None
    assert answers.error.remedy


async def test_an_unknown_package(node: Node, stub: Stub) -> None:
    """A package that nobody scheduled here takes nothing, and nothing is journalled."""
    size = node.journal.head.size
    answers = await upload(stub, requests(first=begin(package="9999999")))
    assert answers.code == "FED-4101"
    assert answers.proof == b""
    assert node.journal.head.size == size


async def test_a_cancelled_selection_takes_nothing(node: Node, stub: Stub) -> None:
    """After a Pokja has cancelled the selection, uploads are refused with their own code."""
    node.plan.change(cancelled=True)
    assert (await upload(stub, requests())).code == "FED-5013"
    assert stored_files(node) == []


async def test_cancelled_while_bytes_come_in(node: Node, stub: Stub) -> None:
    """A selection that is cancelled during an upload keeps none of its bytes."""

    async def stream() -> AsyncIterator[Request]:
        for request in requests()[:-1]:
            yield request
        node.plan.change(cancelled=True)
        yield requests()[-1]

    answers = [one async for one in _until_error(stub, stream())]
    assert not any(one.HasField("accepted") for one in answers)
    assert stored_files(node) == []
    assert await journalled(node, "upload.accepted") == []


async def _until_error(
    stub: Stub, stream: AsyncIterator[Request]
) -> AsyncIterator[wire.UploadSubmissionResponse]:
    import grpc

    try:
        async for answer in stub.UploadSubmission(stream):
            yield answer
    except grpc.aio.AioRpcError:
        return


async def test_during_a_hold_uploads_are_pending(node: Node, stub: Stub) -> None:
    """Uploads go on while a deadline is held; their receipts say PENDING and never change."""
    node.plan.change(held=True)
    node.clock.set(DEADLINE + timedelta(hours=5))
    answers = await upload(stub, requests())
    assert answers.accepted is not None
    assert answers.accepted.verdict == Verdict.VERDICT_PENDING
    assert await node.judging.step(node.clock.moment()) == 0
    node.plan.change(held=False, deadline=DEADLINE + timedelta(days=4), revision=2)
    node.clock.set(DEADLINE + timedelta(days=4))
    assert await node.judging.step(node.clock.moment()) == 1
    assert await judged(node) == [(2, Verdict.VERDICT_ON_TIME)]
    after = await stub.GetSubmission(wire.GetSubmissionRequest(name=f"submissions/{KEY}"))
    assert after.verdict == Verdict.VERDICT_ON_TIME
    assert after.judged
    assert after.receipt == answers.receipt


async def test_a_hold_that_begins_while_bytes_come_in(node: Node, stub: Stub) -> None:
    """Begun before the deadline, finished during the hold: PENDING, not LATE."""
    node.plan.change(held=True)
    node.clock.set(DEADLINE - SECOND)
    answers = await upload_across(node, stub, DEADLINE + SECOND)
    assert answers.accepted is not None
    assert answers.accepted.verdict == Verdict.VERDICT_PENDING


async def test_a_hold_withdrawn_without_a_new_deadline(node: Node, stub: Stub) -> None:
    """If the outage turns out not to count, what came during the hold is judged LATE."""
    node.plan.change(held=True)
    node.clock.set(DEADLINE + timedelta(hours=1))
    await upload(stub, requests())
    node.plan.change(held=False)
    await node.judging.step(node.clock.moment())
    assert await judged(node) == [(1, Verdict.VERDICT_LATE)]


@pytest.mark.parametrize(
    ("moved", "verdict"),
    [(timedelta(days=4), Verdict.VERDICT_ON_TIME), (timedelta(), Verdict.VERDICT_LATE)],
)
async def test_a_deadline_that_moves_while_bytes_come_in(
    node: Node, stub: Stub, moved: timedelta, verdict: Verdict.ValueType
) -> None:
    """The verdict is by the revision that stands when the last byte is durable."""
    node.clock.set(DEADLINE - SECOND)
    begun = asyncio.Event()

    async def stream() -> AsyncIterator[Request]:
        for request in requests()[:-1]:
            yield request
        await begun.wait()
        node.plan.change(deadline=DEADLINE + moved, revision=2)
        node.clock.set(DEADLINE + SECOND)
        yield requests()[-1]

    call = aiter(stub.UploadSubmission(stream()))
    assert (await anext(call)).HasField("ready")
    begun.set()
    accepted = [one async for one in call][-1].accepted
    assert (accepted.verdict, accepted.schedule_revision) == (verdict, 2)
    document = verify_receipt(accepted.receipt, node.signer.verifier).document
    assert document["schedule_revision"] == 2


async def test_a_doubtful_clock_is_undetermined(node: Node, stub: Stub) -> None:
    """Where the clock's error straddles the deadline, people decide; nothing is refused."""
    node.clock.error = 2.0
    node.clock.set(DEADLINE + SECOND)
    answers = await upload(stub, requests())
    assert answers.accepted is not None
    assert answers.accepted.verdict == Verdict.VERDICT_UNDETERMINED


@pytest.mark.parametrize("moment", [timedelta(), timedelta(days=3)])
async def test_nothing_is_judged_before_the_deadline(
    node: Node, stub: Stub, moment: timedelta
) -> None:
    """Invariant 6: no verdict is noted before the effective deadline, and then only once."""
    await upload(stub, requests())
    assert await node.judging.step(at(DEADLINE - SECOND)) == 0
    assert await node.judging.step(at(DEADLINE + moment)) == 1
    assert await node.judging.step(at(DEADLINE + moment)) == 0
    node.clock.set(DEADLINE + moment)
    assert await judged(node) == [(1, Verdict.VERDICT_ON_TIME)]


async def test_every_revision_is_judged_by_itself(node: Node, stub: Stub) -> None:
    """A deadline that moves after it was judged is judged again; the opening writes down both."""
    node.clock.set(DEADLINE - SECOND)
    await upload_across(node, stub, DEADLINE + SECOND)
    await node.judging.step(node.clock.moment())
    name = wire.GetSubmissionRequest(name=f"submissions/{KEY}")
    assert (await stub.GetSubmission(name)).verdict == Verdict.VERDICT_LATE
    node.plan.change(deadline=DEADLINE + timedelta(days=4), revision=2)
    assert await node.judging.step(node.clock.moment()) == 0
    node.clock.set(DEADLINE + timedelta(days=4))
    await node.judging.step(node.clock.moment())
    assert await judged(node) == [(1, Verdict.VERDICT_LATE), (2, Verdict.VERDICT_ON_TIME)]


async def test_a_declaration_that_comes_after_the_deadline_finds_no_bids_counted(
    node: Node, stub: Stub
) -> None:
    """Invariant 6: verdicts in the journal would tell the centre how many bids a package has."""
    for number in range(3):
        await upload(stub, requests(first=begin(key=f"key-0000000{number}")))
    before = node.journal.head.size
    node.clock.set(DEADLINE)
    await node.judging.step(node.clock.moment())
    node.plan.change(deadline=DEADLINE + timedelta(days=4), revision=2)
    assert node.journal.head.size == before


async def test_one_package_never_blocks_another(node: Node, stub: Stub) -> None:
    """Invariant 10: a package whose schedule is gone does not keep the others unjudged."""
    node.plan.codes = ("7781013", "7781014")
    await upload(stub, requests())
    await upload(stub, requests(first=begin(key="key-00000002", package="7781014")))
    node.plan.codes = ("7781014",)
    assert await node.judging.step(at(DEADLINE)) == 1


async def test_attempts_beyond_the_limit_are_not_journalled(
    node: Node, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: nobody fills the journal with refused attempts; each still gets a proof."""
    monkeypatch.setattr("regional_node.intake.store.REFUSED_ATTEMPTS_PER_PACKAGE_MAX", 3)
    node.clock.set(DEADLINE)
    for number in range(5):
        answers = await upload(stub, requests(first=begin(key=f"key-0000000{number}")))
        verified = verify_receipt(answers.proof, node.signer.verifier)
        assert verified.document["reason"] == RefusalReason.Name(
            RefusalReason.REFUSAL_REASON_STAGE_CLOSED
        ).removeprefix("REFUSAL_REASON_")
    assert len(await journalled(node, "upload.refused")) == 3
