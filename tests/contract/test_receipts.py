"""A receipt can be checked by anyone, offline, for ever, and cannot be bent."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.commitments import CommitmentInvalid, SealedFile, SubmissionDetails, commit
from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    ENTRY_BYTES_MAX,
    NOTE_BYTES_MAX,
    OPENING_PART_BYTES_MAX,
    SUBMISSION_DETAILS_BYTES_MAX,
)
from lpse.federation.notes import Note, SignatureInvalid, Signer
from lpse.federation.receipts import (
    Circumstances,
    Commitment,
    FileForeign,
    Moment,
    NationalWitness,
    ReceiptInvalid,
    Standing,
    Times,
    sign_attempt,
    sign_receipt,
    verify_receipt,
)
from lpse.federation.v1.records_pb2 import RefusalReason, Reveal, Verdict

VECTORS = Path(__file__).parent / "vectors"
NODE = Signer.from_seed("lpse-pacitan", bytes(range(32)))
CENTRE = Signer.from_seed("lkpp", bytes(range(1, 33)))
SALT = bytes(range(32))
ABC = (3, hashlib.sha256(b"abc").digest())
EMPTY = (0, hashlib.sha256(b"").digest())
DETAILS = SubmissionDetails(
    intake_key="key-00000001",
    package="7781013",
    stage="Upload Dokumen Penawaran",
    vendor="PT Sumber Makmur",
    channel="direct",
    seat=0,
    files=(SealedFile("penawaran.rhs", *ABC), SealedFile("lampiran é.rhs", *EMPTY)),
    extra={"npwp": "01.234"},
)
BEGIN = datetime(2015, 3, 27, 2, 58, 1, 500, tzinfo=UTC)
ACCEPT = Moment(datetime(2015, 3, 27, 2, 59, 59, 999_999, tzinfo=UTC), "boot-1", 1234.5)
STANDING = Standing("Asia/Jakarta", datetime(2015, 3, 27, 3, 0, tzinfo=UTC), 2, held=False)
CHECKPOINT_TEXT = f"lkpp/{'00' * 16}\n4\n{'A' * 43}=\n"
CHECKPOINT = Note(CHECKPOINT_TEXT, (CENTRE.sign_note(CHECKPOINT_TEXT),)).to_bytes().decode()
WORLD = Circumstances("lpse-pacitan", False, NationalWitness(CHECKPOINT, bytes(32), 3))


def commitment_of(details: SubmissionDetails) -> Commitment:
    canonical = details.canonical()
    return Commitment(canonical, SALT, commit(SALT, canonical))


def make(details: SubmissionDetails = DETAILS, world: Circumstances = WORLD) -> bytes:
    return sign_receipt(
        NODE,
        commitment_of(details),
        STANDING,
        Verdict.VERDICT_ON_TIME,
        Times(BEGIN, ACCEPT),
        world,
    )


def make_attempt() -> bytes:
    return sign_attempt(
        NODE,
        commitment_of(DETAILS),
        STANDING,
        (RefusalReason.REFUSAL_REASON_STAGE_CLOSED, 0),
        (BEGIN, ACCEPT),
        WORLD,
    )


@pytest.mark.parametrize(("name", "made"), [("receipt", make), ("attempt", make_attempt)])
def test_golden_vector(name: str, made: object) -> None:
    """The signed text of the same facts is these bytes for ever."""
    assert callable(made)
    assert made() == (VECTORS / f"{name}.txt").read_bytes()


def test_an_old_receipt_still_verifies() -> None:
    """A receipt that an earlier program wrote is checked with the node's key alone."""
    old = (VECTORS / "receipt.txt").read_bytes()
    verified = verify_receipt(old, NODE.verifier, [ABC])
    assert verified.details == DETAILS
    assert verified.accepted
    assert verified.document["verdict"] == "ON_TIME"
    assert verified.document["accept_time_local"] == "2015-03-27T09:59:59.999999+07:00"
    assert [file.name for file in verified.files_missing] == ["lampiran é.rhs"]


def test_a_proof_of_attempt_is_no_receipt() -> None:
    """The proof of a refused attempt verifies, and never passes as an acceptance."""
    assert not verify_receipt(make_attempt(), NODE.verifier).accepted


def test_no_receipt_carries_a_journal_index() -> None:
    """Invariant 6: index differences would count bids, so no receipt shows one."""
    document = verify_receipt(make(), NODE.verifier).document
    assert not [key for key in document if "index" in key or "journal" in key]


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    """Whatever byte of a receipt is changed, it does not verify any more."""
    receipt = bytearray(make())
    place = data.draw(st.integers(0, len(receipt) - 1))
    receipt[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(FederationError):
        verify_receipt(bytes(receipt), NODE.verifier)


def test_another_nodes_key_does_not_verify() -> None:
    """A receipt speaks for the node that signed it and for no other."""
    other = Signer.from_seed("lpse-pacitan", bytes(32))
    with pytest.raises(SignatureInvalid):
        verify_receipt(make(), other.verifier)


def test_a_receipt_that_names_another_node_is_refused() -> None:
    """A node cannot write receipts in another node's name."""
    forged = make(world=replace(WORLD, node="lpse-blitar"))
    with pytest.raises(ReceiptInvalid):
        verify_receipt(forged, NODE.verifier)


def test_details_that_do_not_fit_the_commitment_are_refused() -> None:
    """Even the node's own key cannot bind other details to a commitment."""
    right = commitment_of(DETAILS)
    wrong = Commitment(right.details, right.salt, bytes(32))
    times, verdict = Times(BEGIN, ACCEPT), Verdict.VERDICT_ON_TIME
    forged = sign_receipt(NODE, wrong, STANDING, verdict, times, WORLD)
    with pytest.raises(CommitmentInvalid):
        verify_receipt(forged, NODE.verifier)


def test_a_foreign_file_is_named_by_its_place() -> None:
    """A file that was never uploaded is told from those that were."""
    with pytest.raises(FileForeign, match="file 2"):
        verify_receipt(make(), NODE.verifier, [ABC, (3, hashlib.sha256(b"abd").digest())])


def test_the_centres_head_inside_is_checked_with_its_key() -> None:
    """*Not before* holds only if the centre signed the head that the receipt carries."""
    assert verify_receipt(make(), NODE.verifier, centre=CENTRE.verifier).accepted
    with pytest.raises(FederationError):
        verify_receipt(make(), NODE.verifier, centre=NODE.verifier)


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", "{" * 50_000, '{"node": 1}'])
def test_a_signed_text_that_is_no_receipt(body: str) -> None:
    """A valid signature under something else gives a clear error, never a crash."""
    for header in ("lpse-federation receipt v1", "other text"):
        text = f"{header}\n{body}\n"
        if len(text) > NOTE_BYTES_MAX:
            continue
        with pytest.raises(FederationError):
            verify_receipt(Note(text, (NODE.sign_note(text),)).to_bytes(), NODE.verifier)


def test_the_largest_submission_fits_into_one_receipt_and_one_entry() -> None:
    """Invariant 12: details at their limit still fit into a note and into one opening part."""
    digest = bytes(32)
    files = tuple(SealedFile(f"{number:03}", 10**12, digest) for number in range(250))
    slack = SUBMISSION_DETAILS_BYTES_MAX - len(replace(DETAILS, files=files).canonical())
    full = replace(DETAILS, files=files, extra={"npwp": "01.234", "x": "y" * (slack - 7)})
    assert len(full.canonical()) == SUBMISSION_DETAILS_BYTES_MAX
    big = NationalWitness(CHECKPOINT + "x" * 2_000, bytes(32), 1 << 40)
    receipt = make(full, replace(WORLD, national=big))
    assert verify_receipt(receipt, NODE.verifier).details == full
    one = commitment_of(full)
    reveal = Reveal(commitment=one.digest, salt=one.salt, details=one.details)
    assert reveal.ByteSize() + 8 < OPENING_PART_BYTES_MAX < ENTRY_BYTES_MAX
