"""The enrolment code survives people; its proofs are fixed to the bit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.enrolment_code import (
    EnrolmentCode,
    code_proof,
    new_code,
    parse_code,
    proof_key,
    proves_code,
    renewal_statement,
    verify_possession,
)
from lpse.federation.errors import Denied, Refused
from lpse.federation.limits import CODE_TEXT_CHARACTERS_MAX
from lpse.federation.v1.enrolment_pb2 import EnrolRequest, RenewRequest

FINGERPRINT = bytes(range(32))
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GOLDEN = "25J6ASK7-D1MPMTVC-DNQ6YW3H-E80020G3-0G2GC1R8-1450P30D-1R7JQB3V"


def sample(kind: str = "node") -> EnrolmentCode:
    """The same code every time."""
    return new_code(kind, bytes(range(100, 115)), FINGERPRINT)


def test_golden_code_and_proof() -> None:
    """Text, derived key and proof of a known code never change: old codes stay valid."""
    code = sample()
    assert code.text() == GOLDEN
    key = proof_key(code.code_id, code.secret)
    assert key.hex() == "d400abfa5451cc9bd39a8c2629debb5fdcff9fe4719293a349c3c8df212bc70b"
    request = EnrolRequest(certificate_request=b"request", signing_key=bytes(32))
    assert (
        code_proof(key, request).hex()
        == "9e114875d51642f1fd97ba18a2abe8efaab1ee2c781243bc92e6606898f0a6ef"
    )


def test_golden_renewal_statement() -> None:
    """The bytes that a renewal signs never change."""
    request = RenewRequest(subject="lpse-pacitan", subject_kind="node", nonce=bytes(16))
    request.certificate_request = b"request"
    request.request_time.FromDatetime(datetime(2026, 11, 22, 1, 2, 3, 4, tzinfo=UTC))
    assert renewal_statement(request).decode().splitlines() == [
        "lpse-federation renewal v1",
        "node",
        "lpse-pacitan",
        "2026-11-22T01:02:03.000004+00:00",
        "00" * 16,
        "1f58b9145b24d108d7ac38887338b3ea3229833b9c1e418250343f907bfd1047",
    ]


@given(
    kind=st.sampled_from(["node", "operator"]),
    randomness=st.binary(min_size=15, max_size=15),
    fingerprint=st.binary(min_size=32, max_size=32),
)
def test_text_gives_the_code_back(kind: str, randomness: bytes, fingerprint: bytes) -> None:
    """Every code is read back from its text as it was."""
    code = new_code(kind, randomness, fingerprint)
    assert parse_code(code.text()) == code
    assert code.is_for(fingerprint)
    assert not code.is_for(bytes([fingerprint[0] ^ 1]) + fingerprint[1:])


@pytest.mark.parametrize(
    "mangle",
    [
        str.lower,
        lambda text: text.replace("-", ""),
        lambda text: text.replace("-", " \u2013\n"),
        lambda text: f"  {text}\u200b ",
        lambda text: text.replace("0", "O").replace("1", "l"),
        lambda text: text.replace("0", "o").replace("1", "I"),
    ],
)
def test_copying_and_typing_do_no_harm(mangle: object) -> None:
    """Case, spaces, dashes of word processors and look-alike letters do not matter."""
    assert callable(mangle)
    assert parse_code(mangle(sample().text())) == sample()


@given(place=st.integers(min_value=0), letter=st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(place: int, letter: str) -> None:
    """A mistyped character is found before anything is sent, wherever it is."""
    letters = list(sample().text().replace("-", ""))
    place %= len(letters)
    if letters[place] == letter:
        return
    letters[place] = letter
    with pytest.raises(Refused) as caught:
        parse_code("".join(letters))
    assert caught.value.code == "FED-3014"


@given(place=st.integers(min_value=0, max_value=54))
def test_swapped_neighbours_are_noticed(place: int) -> None:
    """Two neighbours typed in the wrong order are found."""
    letters = list(sample().text().replace("-", ""))
    if letters[place] == letters[place + 1]:
        return
    letters[place], letters[place + 1] = letters[place + 1], letters[place]
    with pytest.raises(Refused):
        parse_code("".join(letters))


@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No input does anything else than FED-3014."""
    try:
        parse_code(text)
    except Refused as error:
        assert error.code == "FED-3014"


def test_endless_text_is_refused() -> None:
    """A megabyte on standard input is not searched for a code."""
    with pytest.raises(Refused):
        parse_code(" " * (CODE_TEXT_CHARACTERS_MAX + 1) + sample().text())


def test_secret_stays_out_of_repr() -> None:
    """A code in a log or traceback does not show its secret."""
    code = sample()
    assert repr(code.secret) not in repr(code) and code.secret.hex() not in repr(code)


def test_proof_binds_keys_and_code() -> None:
    """A proof for other keys, or with another secret, proves nothing."""
    code = sample()
    key = proof_key(code.code_id, code.secret)
    request = EnrolRequest(certificate_request=b"request", signing_key=bytes(32))
    request.code_proof = code_proof(key, request)
    assert proves_code(key, request)
    assert not proves_code(proof_key(code.code_id, b"0123456789"), request)
    request.signing_key = bytes([1]) * 32
    assert not proves_code(key, request)
    request.code_proof = b""
    assert not proves_code(key, request)


def test_possession_is_proven_by_the_key_alone() -> None:
    """Only the owner's signature over exactly this statement counts."""
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    verify_possession(public, key.sign(b"statement"), b"statement")
    for proof, statement in [(other.sign(b"statement"), b"statement"), (key.sign(b"a"), b"b")]:
        with pytest.raises(Denied) as caught:
            verify_possession(public, proof, statement)
        assert caught.value.code == "FED-3003"
    with pytest.raises(Denied):
        verify_possession(b"short", b"", b"statement")
