"""Commitments hide a bid until it is opened, and bind it to the bit afterwards."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.commitments import (
    CommitmentInvalid,
    SealedFile,
    SubmissionDetails,
    commit,
    open_commitment,
    read_details,
)

SALT = bytes(range(32))
DETAILS = SubmissionDetails(
    intake_key="key-00000001",
    package="7781013",
    stage="Upload Dokumen Penawaran",
    vendor="PT Sumber Makmur",
    channel="bidding-room",
    seat=7,
    files=(SealedFile("penawaran.rhs", 3, hashlib.sha256(b"abc").digest()),),
    extra={"npwp": "01.234", "lots": [1, 2]},
)
CANONICAL = (
    b'{"channel":"bidding-room","extra":{"lots":[1,2],"npwp":"01.234"},"files":[{"bytes":3,'
    b'"name":"penawaran.rhs","sha256":'
    b'"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}],'
    b'"intake_key":"key-00000001","package":"7781013","seat":7,'
    b'"stage":"Upload Dokumen Penawaran","vendor":"PT Sumber Makmur"}'
)
COMMITMENT = "b5baedcf8ccb735a1a977bc5bf3f03885ef6a8ed182055777ee4b34f033cca4d"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
details = st.builds(
    SubmissionDetails,
    intake_key=texts,
    package=texts,
    stage=texts,
    vendor=texts,
    channel=texts,
    seat=st.integers(0, 99),
    files=st.lists(
        st.builds(SealedFile, texts, st.integers(0, 1 << 40), st.binary(min_size=32, max_size=32)),
        max_size=3,
    ).map(tuple),
    extra=st.dictionaries(texts, st.integers() | texts | st.none() | st.booleans(), max_size=3),
    replaces=texts,
)


def test_golden_vector() -> None:
    """Canonical details and commitment are these bytes for ever."""
    assert DETAILS.canonical() == CANONICAL
    assert commit(SALT, CANONICAL).hex() == COMMITMENT


def test_golden_vector_of_a_replacing_submission() -> None:
    """`replaces` stands in its alphabetical place; without it the bytes are those of before."""
    replacing = replace(DETAILS, replaces="key-00000000").canonical()
    assert replacing == CANONICAL.replace(b'"seat"', b'"replaces":"key-00000000","seat"')


@given(details)
def test_what_was_committed_is_what_is_opened(value: SubmissionDetails) -> None:
    """Opening a commitment gives exactly the details that were hidden in it."""
    canonical = value.canonical()
    assert open_commitment(commit(SALT, canonical), SALT, canonical) == value


@given(details, st.integers(0, 31), st.integers(1, 255))
def test_another_salt_or_digest_opens_nothing(
    value: SubmissionDetails, place: int, flip: int
) -> None:
    """One changed bit in salt, commitment or details is noticed."""
    canonical = value.canonical()
    commitment = commit(SALT, canonical)
    other = bytearray(SALT)
    other[place] ^= flip
    with pytest.raises(CommitmentInvalid):
        open_commitment(commitment, bytes(other), canonical)
    with pytest.raises(CommitmentInvalid):
        open_commitment(commitment, SALT, canonical[:-1] + b" }")


@pytest.mark.parametrize(
    "spelling",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        CANONICAL.replace(b'"seat":7', b'"seat": 7'),
        CANONICAL.replace(b'"seat":7', b'"seat":true'),
        CANONICAL.replace(b'"seat":7', b'"seat":7.0'),
        CANONICAL.replace(b'"bytes":3', b'"bytes":"3"'),
        CANONICAL.replace(b'"package"', b'"Package"'),
        CANONICAL.replace(b"ba7816", b"BA7816"),
        CANONICAL + b"\n",
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_another_spelling_is_no_details(spelling: bytes) -> None:
    """Only the canonical form is understood: two spellings of one bid would be two digests."""
    with pytest.raises(CommitmentInvalid):
        read_details(spelling)


def test_two_salts_hide_equal_bids() -> None:
    """The same bid twice shows two unrelated commitments."""
    assert commit(SALT, CANONICAL) != commit(bytes(32), CANONICAL)
