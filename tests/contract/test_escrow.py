"""The escrow of details: opens only for its key and commitment, and its length tells nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpse.federation.commitments import SealedFile, SubmissionDetails, commit
from lpse.federation.escrow import EscrowInvalid, seal, unseal
from lpse.federation.limits import (
    ENTRY_BYTES_MAX,
    ENTRY_ORIGIN_BYTES_MAX,
    ESCROW_BUCKETS,
    NOTE_BYTES_MAX,
    SUBMISSION_DETAILS_BYTES_MAX,
    SUBMISSION_FILES_MAX,
)
from lpse.federation.v1.records_pb2 import SealedBlob, UploadAccepted
from lpse.runtime.clock import SeededEntropy

KEY = bytes(range(32))
COMMITMENT = bytes(reversed(range(32)))
GOLDEN_TEXT = b"lpse-federation receipt v1\n{}\n"


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=0, max_size=12_000))
def test_what_is_sealed_opens_to_the_same_bytes(text: bytes) -> None:
    """Any text within a bucket comes back byte for byte, and sealing it again gives the same."""
    sealed = seal(KEY, COMMITMENT, text)
    assert unseal(KEY, COMMITMENT, sealed) == text
    assert sealed == seal(KEY, COMMITMENT, text)
    assert len(sealed) in ESCROW_BUCKETS


def test_golden_form_opens() -> None:
    """A form that an earlier program sealed is opened by every later one."""
    vector = json.loads((Path(__file__).parent / "vectors" / "escrow.json").read_text("utf-8"))
    key, commitment = bytes.fromhex(vector["key"]), bytes.fromhex(vector["commitment"])
    assert unseal(key, commitment, bytes.fromhex(vector["sealed"])) == vector["text"].encode()


@pytest.mark.parametrize("place", [0, 11, 12, 2_000, 4_095])
def test_a_changed_bit_is_noticed(place: int) -> None:
    """No bit of nonce, content, padding or tag can be changed unseen."""
    sealed = bytearray(seal(KEY, COMMITMENT, GOLDEN_TEXT))
    sealed[place] ^= 1
    with pytest.raises(EscrowInvalid):
        unseal(KEY, COMMITMENT, bytes(sealed))


def test_another_key_or_commitment_opens_nothing() -> None:
    """Sealed details moved to another entry, or met by another node, stay shut."""
    sealed = seal(KEY, COMMITMENT, GOLDEN_TEXT)
    for key, commitment in ((bytes(32), COMMITMENT), (KEY, bytes(32))):
        with pytest.raises(EscrowInvalid):
            unseal(key, commitment, sealed)
    with pytest.raises(EscrowInvalid):
        unseal(KEY, COMMITMENT, sealed[:-1])


def test_what_inflates_beyond_a_receipt_is_refused() -> None:
    """A few sealed bytes cannot make a node fill its memory, nor stand for half a text."""
    whole = b"a" * NOTE_BYTES_MAX
    assert unseal(KEY, COMMITMENT, seal(KEY, COMMITMENT, whole)) == whole
    with pytest.raises(EscrowInvalid, match="longer than any receipt"):
        unseal(KEY, COMMITMENT, seal(KEY, COMMITMENT, whole + b"a"))


def test_two_texts_never_share_a_nonce() -> None:
    """A verdict that changed between two attempts to commit must not repeat a nonce."""
    first, second = (seal(KEY, COMMITMENT, text) for text in (b"ON_TIME", b"PENDING"))
    assert first[:12] != second[:12]


def test_usual_receipts_have_one_length() -> None:
    """One file or a dozen, short names or long ones: an onlooker sees the same length."""
    lengths = {len(seal(KEY, COMMITMENT, _receipt(count))) for count in (1, 3, 12)}
    assert lengths == {ESCROW_BUCKETS[0]}


def test_the_largest_submission_fits_into_its_entry() -> None:
    """250 files, and details as long and as random as they may be: sealed, and within an entry."""
    for count in (1, 47, 150, SUBMISSION_FILES_MAX):
        text = _receipt(count, SUBMISSION_DETAILS_BYTES_MAX)
        sealed = seal(KEY, COMMITMENT, text)
        assert sealed
        blobs = [SealedBlob(digest=bytes([255] * 32), size_bytes=1 << 40)] * count
        record = UploadAccepted(commitment=COMMITMENT, blobs=blobs, sealed_details=sealed)
        assert record.ByteSize() + 200 < ENTRY_BYTES_MAX - ENTRY_ORIGIN_BYTES_MAX
        assert unseal(KEY, COMMITMENT, sealed) == text


def _receipt(count: int, details_bytes: int = 0) -> bytes:
    """A text of the same make as a receipt: details on one line between incompressible fields."""
    chance = SeededEntropy(count)
    files = tuple(
        SealedFile(f"dokumen-{number}.rhs", 10_000, chance.token(32)) for number in range(count)
    )
    details = SubmissionDetails("key-" + "k" * 20, "7781013", "Upload", "vendor", "direct", 0,
                                files, {})  # fmt: skip
    room = details_bytes - len(details.canonical())
    if room > 0:
        names = [_random_text(chance, min(240, room // count)) for _ in files]
        named = zip(files, names, strict=True)
        files = tuple(
            replace(file, name=f"{place:03}{name}") for place, (file, name) in enumerate(named)
        )
        details = replace(details, files=files)
        rest = details_bytes - len(details.canonical()) - 20
        details = replace(details, extra={"x": _random_text(chance, max(0, min(rest, 16_000)))})
    canonical = details.canonical()
    assert not details_bytes or len(canonical) <= details_bytes
    salt = chance.token(32)
    fields = [commit(salt, canonical).hex(), salt.hex(), chance.token(400).hex()]
    return "\n".join([*fields, canonical.decode(), chance.token(96).hex()]).encode()


def _random_text(chance: SeededEntropy, size: int) -> str:
    """Printable characters that deflate as badly as any: all of them equally often."""
    letters = [chr(code) for code in range(33, 127) if chr(code) not in '"\\']
    return "".join(letters[byte % len(letters)] for byte in chance.token(max(size, 0)))
