"""Submissions come in whole, durably, and under one receipt that never changes."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from lpse.federation.commitments import open_commitment
from lpse.federation.receipts import verify_receipt
from lpse.federation.v1.records_pb2 import UploadAccepted, UploadRefused, Verdict
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.runtime.channels import error_from
from lpse.runtime.sqlite import StorageFull, Transaction
from tests.regional_node.intake.node import (
    DEADLINE,
    START,
    National,
    Node,
    journalled,
    serve,
    start_node,
    stored_files,
)
from tests.regional_node.intake.uploads import FILES, KEY, VENDOR, Stub, begin, requests, upload


def digest_of(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


async def test_an_upload_gets_a_receipt_that_verifies_offline(node: Node, stub: Stub) -> None:
    """The receipt speaks of exactly these files, and its commitment is the journalled one."""
    answers = await upload(stub, requests())
    contents = [(len(data), digest_of(data)) for data in FILES.values()]
    verified = verify_receipt(answers.receipt, node.signer.verifier, contents)
    assert verified.details.vendor == VENDOR
    assert verified.files_missing == ()
    (entry,) = await journalled(node, "upload.accepted")
    assert isinstance(entry, UploadAccepted)
    assert entry.commitment == verified.commitment
    assert [(blob.size_bytes, blob.digest) for blob in entry.blobs] == contents


async def test_bytes_on_disk_are_those_that_were_sent(node: Node, stub: Stub) -> None:
    """Invariant 1: whatever a receipt promises can be read back byte for byte."""
    files = {"a.rhs": b"a" * 5_000_000, "b.rhs": b"", "c.rhs": bytes(range(256)) * 1_000}
    await upload(stub, requests(files))
    for data in files.values():
        assert node.blobs.path_of(digest_of(data)).read_bytes() == data


async def test_a_package_takes_only_so_many_submissions(
    node: Node, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: beyond the limit a new one is refused; the accepted ones answer as before."""
    monkeypatch.setattr("regional_node.intake.submissions.SUBMISSIONS_PER_PACKAGE_MAX", 1)
    first = await upload(stub, requests())
    other = await upload(stub, requests(first=begin(key="key-00000002")))
    assert other.code == "FED-5022"
    assert (await upload(stub, requests())).receipt == first.receipt
    assert len(await journalled(node, "upload.accepted")) == 1


async def test_the_same_again_gives_the_same_receipt(node: Node, stub: Stub) -> None:
    """Invariant 3: a repeated submission answers with the first receipt and adds nothing."""
    first = await upload(stub, requests())
    node.clock.advance(3_600)
    again = await upload(stub, requests())
    declared = await upload(stub, requests(first=begin(digests=True))[:1])
    assert first.receipt == again.receipt == declared.receipt
    assert again.accepted is not None
    assert again.accepted.repeated
    assert len(await journalled(node, "upload.accepted")) == 1


async def test_the_same_again_after_the_deadline_gives_the_same_receipt(
    node: Node, stub: Stub
) -> None:
    """A vendor who repeats an accepted submission too late still gets the old receipt."""
    first = await upload(stub, requests())
    node.clock.set(DEADLINE + timedelta(days=1))
    assert (await upload(stub, requests())).receipt == first.receipt
    assert await journalled(node, "upload.refused") == []


@pytest.mark.parametrize(
    "other",
    [
        requests({**FILES, "penawaran.rhs": b"z" * 1_000}),
        requests({"penawaran.rhs": FILES["penawaran.rhs"]}),
        requests(first=begin(details={"vendor": "PT Lain"})),
        requests(first=begin(channel=wire.CHANNEL_BIDDING_ROOM, seat=3)),
    ],
)
async def test_the_same_key_with_something_else_is_a_conflict(
    node: Node, stub: Stub, other: list[wire.UploadSubmissionRequest]
) -> None:
    """A key stands for one submission for ever: other bytes or details change nothing."""
    first = await upload(stub, requests())
    refused = await upload(stub, other)
    assert refused.code == "FED-5006"
    assert (await upload(stub, requests())).receipt == first.receipt
    assert len(stored_files(node)) == len(FILES)


async def test_two_uploads_with_one_key_at_once(node: Node, stub: Stub) -> None:
    """However two equal uploads race, one entry is written and both get its receipt."""
    answers = await asyncio.gather(*(upload(stub, requests()) for _ in range(8)))
    assert len({one.receipt for one in answers}) == 1
    assert len(await journalled(node, "upload.accepted")) == 1


async def test_racing_for_one_key_with_other_bytes(node: Node, stub: Stub) -> None:
    """Of two different uploads under one key one wins; the loser leaves no bytes behind."""
    ours = {name: data + b"!" for name, data in FILES.items()}
    answers = await asyncio.gather(upload(stub, requests()), upload(stub, requests(ours)))
    assert sorted(one.code for one in answers) == ["", "FED-5006"]
    assert len(stored_files(node)) == len(FILES)


async def test_identical_content_is_stored_once(node: Node, stub: Stub) -> None:
    """Two submissions with the same bytes share one file, and each has its own receipt."""
    first = await upload(stub, requests())
    second = await upload(stub, requests(first=begin(key="key-00000002")))
    assert first.receipt != second.receipt
    assert len(stored_files(node)) == len(FILES)
    counts = await node.database.read(
        lambda tx: tx.execute("SELECT reference_count FROM intake_blobs")
    )
    assert counts == [(2,), (2,)]


async def test_250_files_are_one_submission(node: Node, stub: Stub) -> None:
    """250 files come in under one entry; one more is refused before its first byte."""
    files = {f"berkas {number:03}.rhs": b"%d" % number for number in range(250)}
    answers = await upload(stub, requests(files))
    assert len(verify_receipt(answers.receipt, node.signer.verifier).details.files) == 250
    assert len(await journalled(node, "upload.accepted")) == 1
    more = await upload(stub, requests({**files, "one more": b"x"}, begin({**files, "x": b""})))
    assert more.code == "FED-5002"


async def test_a_node_that_never_met_the_centre(tmp_path: Path) -> None:
    """Invariant 4: uploads are accepted without a centre; the receipt says so."""
    national = National(None)
    async with start_node(tmp_path, national=national) as node, serve(node) as stub:
        receipt = (await upload(stub, requests())).receipt
    assert verify_receipt(receipt, node.signer.verifier).document["national"] is None


async def test_a_full_disk_at_the_commit_keeps_nothing(
    node: Node, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is full refuses the upload, its bytes are removed, and later it goes on."""

    def full(tx: Transaction, *rest: object) -> None:
        tx.broken = StorageFull()
        raise tx.broken

    with monkeypatch.context() as patched:
        patched.setattr(node.journal, "append_in", full)
        answers = await upload(stub, requests())
    assert answers.code == "FED-1101"
    assert stored_files(node) == []
    assert (await upload(stub, requests())).accepted is not None


async def test_no_room_is_said_before_the_first_byte(
    node: Node, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: an upload that the disk cannot hold is refused at once, with a proof."""
    monkeypatch.setattr("lpse.storage.blob_files.free_bytes", lambda _: 1_000)
    answers = await upload(stub, requests()[:1])
    assert answers.code == "FED-5010"
    assert not verify_receipt(answers.proof, node.signer.verifier).accepted
    assert stored_files(node) == []


async def test_a_submission_over_the_limit(tmp_path: Path) -> None:
    """Invariant 12: the configured size of a submission is kept before the first byte."""
    async with start_node(tmp_path, upload_bytes_max=1_000) as node, serve(node) as stub:
        assert (await upload(stub, requests())).code == "FED-5003"
        small = await upload(stub, requests({"a": b"x" * 1_000}))
        assert small.accepted is not None


async def test_what_was_accepted_is_told_by_its_key(node: Node, stub: Stub) -> None:
    """State and receipt are found by the intake key, without the journal index."""
    answers = await upload(stub, requests())
    name = f"submissions/{KEY}"
    submission = await stub.GetSubmission(wire.GetSubmissionRequest(name=name))
    receipt = await stub.GetReceipt(wire.GetReceiptRequest(name=name))
    assert submission.receipt == receipt.receipt == answers.receipt
    assert not submission.HasField("journal_index")
    assert not receipt.HasField("journal_index")
    assert receipt.public_key == node.signer.verifier.text


async def test_a_restart_gives_the_same_receipt_bytes(tmp_path: Path) -> None:
    """Invariant 2: a receipt is stored as it was signed and never made again."""
    async with start_node(tmp_path) as node, serve(node) as stub:
        first = await upload(stub, requests())
    async with start_node(tmp_path) as node, serve(node) as stub:
        assert (await upload(stub, requests())).receipt == first.receipt


async def test_a_refused_upload_never_removes_shared_bytes(node: Node, stub: Stub) -> None:
    """Bytes that an accepted submission has survive every refused upload of the same content."""
    await upload(stub, requests())
    broken = requests(first=begin(key="key-00000002"))[:-1]
    refused = await asyncio.gather(*(upload(stub, broken) for _ in range(5)))
    assert {one.code for one in refused} == {"FED-5009"}
    for data in FILES.values():
        assert node.blobs.path_of(digest_of(data)).read_bytes() == data


async def test_the_schedule_moves_while_bytes_come_in(node: Node, stub: Stub) -> None:
    """The window is read again in the accepting transaction: the newest revision judges."""
    details = verify_receipt((await upload(stub, requests())).receipt, node.signer.verifier)
    assert details.document["schedule_revision"] == 1
    node.plan.change(deadline=DEADLINE + timedelta(days=4), revision=2)
    receipt = (await upload(stub, requests(first=begin(key="key-00000002")))).receipt
    document = verify_receipt(receipt, node.signer.verifier).document
    assert document["schedule_revision"] == 2
    assert document["deadline_time"] == "2015-03-31T03:00:00.000000Z"


async def test_every_refused_attempt_can_be_opened(node: Node, stub: Stub) -> None:
    """A proof of attempt holds salt and details of the commitment in the journal."""
    node.clock.set(START - timedelta(hours=1))
    answers = await upload(stub, requests())
    assert answers.code == "FED-5012"
    document = verify_receipt(answers.proof, node.signer.verifier).document
    (entry,) = await journalled(node, "upload.refused")
    assert isinstance(entry, UploadRefused)
    assert entry.commitment.hex() == document["commitment"]
    attempt = await node.store.newest_attempt(KEY)
    assert attempt is not None
    one = attempt.commitment
    assert open_commitment(entry.commitment, one.salt, one.details).vendor == VENDOR


async def test_verdicts_are_those_of_the_wire(node: Node, stub: Stub) -> None:
    """An upload before the deadline is ON_TIME on the wire and on paper."""
    answers = await upload(stub, requests())
    assert answers.accepted is not None
    assert answers.accepted.verdict == Verdict.VERDICT_ON_TIME


async def test_an_unknown_key_is_not_found(node: Node, stub: Stub) -> None:
    """A key that was never used says so, with its own code."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetReceipt(wire.GetReceiptRequest(name="submissions/never-used-1"))
    assert error_from(caught.value).code == "FED-5019"
