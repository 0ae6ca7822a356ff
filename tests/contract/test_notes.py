"""Signed notes follow C2SP: key ids, key text, one spelling, unknown keys ignored."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.errors import FederationError
from lpse.federation.notes import (
    KeyKind,
    Note,
    NoteInvalid,
    SignatureInvalid,
    Signer,
    Verifier,
    parse_note,
)

# The public example key and note of the signed-note format (Go's golang.org/x/mod/sumdb/note).
EXAMPLE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
EXAMPLE_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
EXAMPLE_NOTE = (
    EXAMPLE_TEXT + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUg"
    "YN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ALICE = Signer.from_seed("lpse-pacitan", b"a" * 32)
BOB = Signer.from_seed("lkpp", b"b" * 32)


def test_published_example_verifies() -> None:
    """A note and key that another implementation published are accepted."""
    verifier = Verifier.parse(EXAMPLE_KEY)
    assert (verifier.name, verifier.key_id.hex()) == ("PeterNeumann", "c74f20a3")
    assert verifier.text == EXAMPLE_KEY
    note = parse_note(EXAMPLE_NOTE.encode())
    assert note.text == EXAMPLE_TEXT
    note.verify(verifier)
    assert note.to_bytes() == EXAMPLE_NOTE.encode()


def test_key_id_binds_name_and_kind() -> None:
    """The id is SHA-256 over name, newline, type and key; each of them changes it."""
    expected = sha256(b"lpse-pacitan\n\x01" + ALICE.public).digest()[:4]
    assert ALICE.key_id == expected
    ids = {
        ALICE.key_id,
        ALICE.verifier.of_kind(KeyKind.COSIGNATURE).key_id,
        Verifier("lpse-other", ALICE.public).key_id,
    }
    assert len(ids) == 3


def test_unknown_signatures_are_ignored_and_wrong_ones_are_not() -> None:
    """A note may carry lines of strangers; a wrong line of the known key is refused."""
    text = "hello\n"
    note = Note(text, (BOB.sign_note(text), ALICE.sign_note(text)))
    parse_note(note.to_bytes()).verify(ALICE.verifier)
    with pytest.raises(SignatureInvalid):
        Note(text, (BOB.sign_note(text),)).verify(ALICE.verifier)
    twice = Note(text, (ALICE.sign_note(text), ALICE.sign_note("other\n")))
    with pytest.raises(SignatureInvalid):
        twice.verify(ALICE.verifier)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text without signatures\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name\n",
        b"text\n\n- name AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAA*\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAB=\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAAA",
        b"te\x00xt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"x" * 70_000 + b"\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"text\n\n" + b"\xe2\x80\x94 n AAAAAAAA\n" * 1_025,
    ],
)
def test_malformed_notes_are_refused(data: bytes) -> None:
    """A note has one spelling; anything else is refused with a code."""
    with pytest.raises(NoteInvalid) as refusal:
        parse_note(data)
    assert refusal.value.code == "FED-2102"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+" + base64.b64encode(b"\x01" + bytes(32)).decode(),
        "name+00000000+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
        "name+00000000+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
        "na me+00000000+" + base64.b64encode(b"\x01" + bytes(32)).decode(),
        "name+00000000+====",
        EXAMPLE_KEY.replace("c74f20a3", "C74F20A3"),
    ],
)
def test_malformed_keys_are_refused(text: str) -> None:
    """A key whose id, type, length or name is wrong is refused."""
    with pytest.raises(NoteInvalid):
        Verifier.parse(text)


@given(st.binary(max_size=400))
def test_garbage_never_does_anything_else_than_be_refused(data: bytes) -> None:
    """Arbitrary bytes end in a coded refusal or in a note that spells itself the same."""
    try:
        note = parse_note(b"x\n\n\xe2\x80\x94 " + data)
    except FederationError:
        return
    assert parse_note(note.to_bytes()) == note


def test_private_key_is_not_shown() -> None:
    """Neither repr of a signer nor of a verifier shows anything private."""
    assert (b"a" * 32).hex() not in repr(ALICE)
    assert "_key" not in repr(ALICE.verifier)
