"""A receipt that became a proof verifies with two keys, offline, and cannot be bent anywhere."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.checkpoints import cosign, head_to_note, sign_head
from lpse.federation.commitments import SealedFile, SubmissionDetails, commit
from lpse.federation.entries import DecodedEntry, decode_entry, encode_entry, timestamp
from lpse.federation.errors import FederationError
from lpse.federation.kinds import kind_of
from lpse.federation.limits import TLOG_PROOF_BYTES_MAX
from lpse.federation.merkle import inclusion_proof, leaf_hash, root_of
from lpse.federation.notes import Note, SignatureInvalid, Signer, parse_note
from lpse.federation.receipt_proofs import (
    EXTRA_HEADER,
    ReceiptProofInvalid,
    make_receipt_proof,
    parts_of,
    verify_receipt_proof,
    verify_sole_receipt,
)
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
)
from lpse.federation.tlog_proofs import (
    TLOG_PROOF_HEADER,
    TlogProof,
    TlogProofInvalid,
    parse_tlog_proof,
)
from lpse.federation.v1.records_pb2 import RefusalReason, SealedBlob, UploadAccepted, Verdict

VECTORS = Path(__file__).parent / "vectors"
NODE = Signer.from_seed("lpse-pacitan", bytes(range(32)))
CENTRE = Signer.from_seed("lkpp", bytes(range(1, 33)))
STRANGER = Signer.from_seed("stranger", bytes(range(2, 34)))
EPOCH = bytes(16)
ACCEPT = datetime(2015, 3, 27, 2, 59, 59, 999_999, tzinfo=UTC)
STANDING = Standing("Asia/Jakarta", datetime(2015, 3, 27, 3, tzinfo=UTC), 2, held=False)
COSIGN_SECONDS = 1_427_425_200
CHECKPOINT_TEXT = f"lkpp/{'00' * 16}\n4\n{'A' * 43}=\n"
NATIONAL = Note(CHECKPOINT_TEXT, (CENTRE.sign_note(CHECKPOINT_TEXT),)).to_bytes().decode()
WORLD = Circumstances("lpse-pacitan", False, NationalWitness(NATIONAL, bytes(32), 3))
FILE = b"sealed bid"


@dataclass(frozen=True)
class Bid:
    """A submission's receipt and entry."""

    receipt: bytes
    entry: bytes


@cache
def bid(number: int) -> Bid:
    """One of the submissions of a journal; number 3 was refused."""
    data = FILE + bytes([number])
    file = SealedFile("penawaran.rhs", len(data), sha256(data).digest())
    details = SubmissionDetails(
        f"key-0000{number}", "7781013", "Upload", f"PT {number}", "direct", 0, (file,), {}
    ).canonical()
    salt = bytes([number]) * 32
    commitment = Commitment(details, salt, commit(salt, details))
    moment = Moment(ACCEPT, "boot", 1.5)
    if number == 3:
        reason = RefusalReason.REFUSAL_REASON_STAGE_CLOSED
        receipt = sign_attempt(NODE, commitment, STANDING, (reason, 0), (ACCEPT, moment), WORLD)
    else:
        verdict = Verdict.VERDICT_ON_TIME
        receipt = sign_receipt(NODE, commitment, STANDING, verdict, Times(ACCEPT, moment), WORLD)
    blobs = [SealedBlob(digest=file.sha256, size_bytes=file.size_bytes)]
    return Bid(receipt, entry_of(UploadAccepted(commitment=commitment.digest, blobs=blobs)))


def entry_of(record: UploadAccepted, *, exercise: bool = False) -> bytes:
    if not record.HasField("accept_time"):
        record.accept_time.CopyFrom(timestamp(ACCEPT))
    payload = record.SerializeToString(deterministic=True)
    return encode_entry(DecodedEntry(kind_of(record), bytes(16), ACCEPT, payload, exercise))


def journal(size: int = 8) -> list[bytes]:
    return [bid(number).entry for number in range(size)]


def checkpoint(entries: list[bytes], *, cosigned: bool = True, node: Signer = NODE) -> bytes:
    head = sign_head(node, EPOCH, len(entries), root_of([leaf_hash(one) for one in entries]))
    witness = [(cosign(head, CENTRE, COSIGN_SECONDS), CENTRE.verifier)] if cosigned else []
    return head_to_note(head, node.verifier, witness)


def proof_in(entries: list[bytes], index: int, receipt: bytes, note: bytes | None = None) -> bytes:
    path = inclusion_proof([leaf_hash(one) for one in entries], index)
    return make_receipt_proof(receipt, entries[index], (index, path), note or checkpoint(entries))


@cache
def proof(number: int = 5, size: int = 8) -> bytes:
    return proof_in(journal(size), number, bid(number).receipt)


def verify(data: bytes, **named: object) -> object:
    return verify_receipt_proof(data, NODE.verifier, CENTRE.verifier, **named)  # type: ignore[arg-type]  # keywords of one call


def refusal(data: bytes) -> FederationError:
    with pytest.raises(FederationError) as caught:
        verify(data)
    return caught.value


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (1, 2), (5, 8), (6, 7), (200, 201)])
def test_a_proof_verifies_with_two_keys_and_nothing_else(index: int, size: int) -> None:
    """The only entry, both sides of a small tree, odd sizes."""
    found = verify_receipt_proof(proof(index, size), NODE.verifier, CENTRE.verifier)
    assert found.receipt_bytes == bid(index).receipt
    assert (found.index, found.head.size) == (index, size)
    assert found.not_after == datetime.fromtimestamp(COSIGN_SECONDS, UTC)
    assert found.receipt.details.vendor == f"PT {index}"


def test_an_old_proof_still_verifies() -> None:
    """Golden vector: the bytes of the same facts never change, and are checked for ever."""
    assert proof() == (VECTORS / "receipt.tlog-proof").read_bytes()


def test_files_are_compared_too() -> None:
    """The bid's own bytes fit; other bytes are told apart."""
    data = FILE + bytes([5])
    fitting = (len(data), sha256(data).digest())
    found = verify_receipt_proof(proof(), NODE.verifier, CENTRE.verifier, [fitting])
    assert found.receipt.files_missing == ()
    with pytest.raises(FileForeign):
        verify_receipt_proof(proof(), NODE.verifier, CENTRE.verifier, [(3, bytes(32))])


def test_the_form_is_that_of_c2sp() -> None:
    """Header, extra, index, one hash per line, an empty line, the checkpoint verbatim."""
    head, _, rest = proof().partition(b"\n\n")
    lines = head.decode().split("\n")
    assert lines[0] == TLOG_PROOF_HEADER == "c2sp.org/tlog-proof@v1"
    assert base64.b64decode(lines[1].removeprefix("extra ")).startswith(EXTRA_HEADER)
    assert lines[2] == "index 5"
    assert len(lines) == 3 + 3, "three hashes lead through a tree of eight"
    assert rest == checkpoint(journal())
    assert [line.name for line in parse_note(rest).signatures] == ["lpse-pacitan", "lkpp"]


@given(st.integers(0, len(proof()) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(place: int, difference: int) -> None:
    """Whatever single byte is changed to whatever other: refused, and with words."""
    data = bytearray(proof())
    data[place] ^= difference
    assert refusal(bytes(data)).message


@given(st.integers(0, len(proof()) - 1))
def test_nothing_can_be_cut_off(length: int) -> None:
    """Every shorter file is refused."""
    refusal(proof()[:length])


@given(st.binary(min_size=1, max_size=200))
def test_nothing_can_be_appended(more: bytes) -> None:
    """Not a byte, not a line, not another signature."""
    refusal(proof() + more)


@given(st.integers(0, len(proof()) - 1), st.integers(1, 40))
def test_nothing_can_be_left_out_of_the_middle(place: int, length: int) -> None:
    """A hole anywhere is noticed."""
    data = proof()
    if place + length < len(data):
        refusal(data[:place] + data[place + length :])


@pytest.mark.parametrize("part", ["index", "path", "checkpoint", "receipt", "entry"])
def test_parts_of_two_proofs_cannot_be_mixed(part: str) -> None:
    """Each part alone is genuine; exchanged, the whole is refused."""
    ours, theirs = parse_tlog_proof(proof(5)), parse_tlog_proof(proof(6))
    other_size = parse_tlog_proof(proof(5, 7))
    receipt, entry = parts_of(ours)
    other_receipt, other_entry = parts_of(theirs)
    mixed = {
        "index": lambda: replace(ours, index=theirs.index).to_bytes(),
        "path": lambda: replace(ours, path=theirs.path).to_bytes(),
        "checkpoint": lambda: replace(ours, checkpoint=other_size.checkpoint).to_bytes(),
        "receipt": lambda: _made(other_receipt, entry, ours),
        "entry": lambda: _made(receipt, other_entry, ours),
    }
    error = refusal(mixed[part]())
    assert error.code == ("FED-5111" if part == "receipt" else "FED-2101")


def _made(receipt: bytes, entry: bytes, base: TlogProof) -> bytes:
    return make_receipt_proof(receipt, entry, (base.index, base.path), base.checkpoint)


@given(st.data())
def test_no_hash_of_the_path_can_be_moved(data: st.DataObject) -> None:
    """Dropped, doubled, exchanged or invented hashes lead elsewhere."""
    ours = parse_tlog_proof(proof())
    path = list(ours.path)
    place = data.draw(st.integers(0, len(path) - 1))
    change = data.draw(st.sampled_from(["drop", "double", "swap", "invent"]))
    if change == "drop":
        del path[place]
    elif change == "double":
        path.insert(place, path[place])
    elif change == "swap":
        path[place], path[place - 1] = path[place - 1], path[place]
    else:
        path[place] = data.draw(st.binary(min_size=32, max_size=32))
    if tuple(path) != ours.path:
        assert refusal(replace(ours, path=tuple(path)).to_bytes()).code == "FED-2101"


def test_a_checkpoint_that_the_centre_never_saw_is_not_enough() -> None:
    """The node's word alone proves no *not after*."""
    entries = journal()
    alone = proof_in(entries, 5, bid(5).receipt, checkpoint(entries, cosigned=False))
    assert refusal(alone).code == "FED-5111"


def test_another_key_in_either_role_is_refused() -> None:
    """A stranger's key, and both keys exchanged."""
    for node, centre in [(STRANGER, CENTRE), (NODE, STRANGER), (CENTRE, NODE)]:
        with pytest.raises(FederationError):
            verify_receipt_proof(proof(), node.verifier, centre.verifier)


def test_a_head_signed_by_a_stranger_is_refused() -> None:
    """Somebody who has a receipt and an entry cannot make a journal of his own around them."""
    entries = journal()
    forged = proof_in(entries, 5, bid(5).receipt, checkpoint(entries, node=STRANGER))
    with pytest.raises(SignatureInvalid):
        verify(forged)


def test_another_time_of_cosigning_is_refused() -> None:
    """*Not after* is covered by the centre's signature."""
    ours = parse_tlog_proof(proof())
    note = parse_note(ours.checkpoint)
    line = note.signatures[1]
    later = (COSIGN_SECONDS - 1).to_bytes(8, "big") + line.data[8:]
    signatures = (note.signatures[0], replace(line, data=later))
    bent = replace(ours, checkpoint=replace(note, signatures=signatures).to_bytes())
    with pytest.raises(SignatureInvalid):
        verify(bent.to_bytes())


def test_lines_of_strangers_and_another_order_are_refused() -> None:
    """One proof has one spelling, in the checkpoint too."""
    ours = parse_tlog_proof(proof())
    note = parse_note(ours.checkpoint)
    extra = (*note.signatures, STRANGER.sign_note(note.text))
    for lines in (extra, note.signatures[::-1], (*note.signatures, note.signatures[1])):
        bent = replace(ours, checkpoint=replace(note, signatures=lines).to_bytes())
        assert refusal(bent.to_bytes()).code == "FED-5111"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (entry_of(UploadAccepted(commitment=bytes(32))), "another submission"),
        (bid(6).entry, "another submission"),
        ("files", "different files"),
        ("time", "different times"),
        ("exercise", "exercise"),
    ],
)
def test_an_entry_that_says_something_else_is_refused(entry: bytes | str, words: str) -> None:
    """A node that journals other facts than it signs is found out, whatever it signed around."""
    record = UploadAccepted.FromString(_payload(bid(5).entry))
    if entry == "files":
        record.blobs[0].size_bytes += 1
    elif entry == "time":
        record.accept_time.seconds += 1
    if isinstance(entry, str):
        entry = entry_of(record, exercise=entry == "exercise")
    entries = [*journal(5), entry]
    error = refusal(proof_in(entries, 5, bid(5).receipt))
    assert (error.code, words in error.message) == ("FED-5111", True)


def _payload(entry: bytes) -> bytes:
    return decode_entry(entry).payload


def test_the_proof_of_an_attempt_never_passes_as_an_acceptance() -> None:
    """A signed refusal beside the entry of an acceptance is refused."""
    error = refusal(proof_in(journal(), 3, bid(3).receipt))
    assert isinstance(error, ReceiptProofInvalid)


def test_a_signature_line_added_to_a_receipt_is_noticed() -> None:
    """By the strict check of receipts, alone and inside a proof."""
    note = parse_note(bid(5).receipt)
    more = replace(note, signatures=(*note.signatures, STRANGER.sign_note(note.text))).to_bytes()
    with pytest.raises(ReceiptInvalid):
        verify_sole_receipt(more, NODE.verifier)
    with pytest.raises(ReceiptInvalid):
        verify(proof_in(journal(), 5, more))


@given(st.integers(0, len(bid(5).receipt) - 1), st.integers(1, 255))
def test_no_byte_of_a_receipt_can_be_changed(place: int, difference: int) -> None:
    """The plain receipt, before any upgrade."""
    data = bytearray(bid(5).receipt)
    data[place] ^= difference
    with pytest.raises(FederationError):
        verify_sole_receipt(bytes(data), NODE.verifier)


@given(st.data())
def test_no_line_of_a_receipt_can_come_from_another_one(data: st.DataObject) -> None:
    """Fields, details and the signature line itself: each genuine, none exchangeable."""
    ours, theirs = (bid(number).receipt.split(b"\n") for number in (5, 6))
    place = data.draw(st.integers(0, len(ours) - 1))
    if ours[place] != theirs[place]:
        mixed = [*ours[:place], theirs[place], *ours[place + 1 :]]
        with pytest.raises(FederationError):
            verify_sole_receipt(b"\n".join(mixed), NODE.verifier)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_proof_or_a_clear_refusal(data: bytes) -> None:
    """The reader never crashes, also behind a right header."""
    for given_bytes in (data, f"{TLOG_PROOF_HEADER}\n".encode() + data):
        try:
            assert parse_tlog_proof(given_bytes).to_bytes() == given_bytes
        except TlogProofInvalid as error:
            assert error.code == "FED-5108"


@given(st.text(max_size=300))
def test_any_text_is_a_proof_or_a_clear_refusal(text: str) -> None:
    """Unicode of every kind, in the place of the index and the hashes."""
    refusal(f"{TLOG_PROOF_HEADER}\nindex {text}\n\n{text}".encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=300))
def test_any_extra_data_is_refused_clearly(extra: bytes) -> None:
    """What is carried is not trusted."""
    ours = parse_tlog_proof(proof())
    for data in (extra, EXTRA_HEADER + extra):
        refusal(replace(ours, extra=data).to_bytes())


def test_huge_input_is_refused_before_it_is_read() -> None:
    """Size, number of hashes and extra data are bounded."""
    assert refusal(proof() + b"x" * TLOG_PROOF_BYTES_MAX).code == "FED-5108"
    ours = parse_tlog_proof(proof())
    assert refusal(replace(ours, path=(bytes(32),) * 65).to_bytes()).code == "FED-5108"
    assert refusal(replace(ours, extra=b"x" * 170_000).to_bytes()).code == "FED-5108"


@pytest.mark.parametrize(
    "line",
    ["index 05", "index -1", "index +5", "index ٥", "index 5 ", "Index 5", "index " + "9" * 20],
)
def test_an_index_has_one_spelling(line: str) -> None:
    """Leading zeros, signs, other digits and spaces are refused."""
    assert refusal(proof().replace(b"index 5", line.encode(), 1)).code == "FED-5108"
