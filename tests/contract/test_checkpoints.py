"""Heads: what a signature covers, the note form, witnesses, and what two heads say."""

from __future__ import annotations

import dataclasses

import pytest

from lpse.federation.checkpoints import (
    Agreement,
    Cosignature,
    Head,
    HeadInvalid,
    checkpoint_text,
    compare_heads,
    cosign,
    cosignatures_of,
    head_from_note,
    head_to_note,
    sign_head,
    verify_cosignature,
)
from lpse.federation.errors import Refused
from lpse.federation.merkle import EMPTY_ROOT, leaf_hash, root_of
from lpse.federation.notes import Note, SignatureInvalid, Signer
from lpse.federation.v1 import journal_pb2 as wire

NODE = Signer.from_seed("lpse-pacitan", bytes(range(32)))
CENTRE = Signer.from_seed("lkpp", bytes(range(1, 33)))
EPOCH = bytes(range(16))
LEAVES = [leaf_hash(bytes([number])) for number in range(20)]


def head(size: int, leaves: list[bytes] = LEAVES, epoch: bytes = EPOCH) -> Head:
    return sign_head(NODE, epoch, size, root_of(leaves[:size]))


def test_golden_checkpoint() -> None:
    """The text and signature of a head are fixed to the bit: both sides must make the same."""
    text = (
        "lpse-pacitan/000102030405060708090a0b0c0d0e0f\n0\n"
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    )
    assert checkpoint_text("lpse-pacitan", EPOCH, 0, EMPTY_ROOT) == text
    note = head_to_note(head(0), NODE.verifier)
    assert note.decode() == text + "\n— lpse-pacitan " + (
        "nreALUOP4Qu1D4BxjLMuUVOgaBk1/9UJhJm1ITJCKEoa6K9lRGnLgeoRCwMnBGcJDjFqI+SSH9pO9VSEyryB8ZBgxQg=\n"
    )


def test_binary_and_note_forms_carry_the_same_head() -> None:
    """A head survives the link and the note form, and its signature still fits."""
    original = head(7)
    assert Head.of(wire.Head.FromString(original.message().SerializeToString())) == original
    again = head_from_note(head_to_note(original, NODE.verifier), NODE.verifier)
    assert again == original
    again.verify(NODE.verifier)


def test_changed_head_does_not_verify() -> None:
    """Size, root, epoch, party and key are all bound by the signature."""
    original = head(7)
    for change in ({"size": 8}, {"root": bytes(32)}, {"epoch": b"x" * 16}):
        with pytest.raises(SignatureInvalid):
            dataclasses.replace(original, **change).verify(NODE.verifier)
    with pytest.raises(HeadInvalid):
        original.verify(CENTRE.verifier)
    with pytest.raises(HeadInvalid):
        dataclasses.replace(original, party="lkpp").verify(NODE.verifier)


@pytest.mark.parametrize(
    "message",
    [
        wire.Head(),
        wire.Head(party="LPSE", epoch=EPOCH, root=EMPTY_ROOT, signature=bytes(64)),
        wire.Head(party="a\nb", epoch=EPOCH, root=EMPTY_ROOT, signature=bytes(64)),
        wire.Head(party="a" * 64, epoch=EPOCH, root=EMPTY_ROOT, signature=bytes(64)),
        wire.Head(party="a", epoch=b"short", root=EMPTY_ROOT, signature=bytes(64)),
        wire.Head(party="a", epoch=EPOCH, root=bytes(31), signature=bytes(64)),
        wire.Head(party="a", epoch=EPOCH, root=EMPTY_ROOT, signature=bytes(63)),
        wire.Head(party="a", epoch=EPOCH, size=1 << 63, root=EMPTY_ROOT, signature=bytes(64)),
        wire.Head(party="a", epoch=EPOCH, size=0, root=bytes(32), signature=bytes(64)),
    ],
)
def test_malformed_heads_are_refused(message: wire.Head) -> None:
    """A head that no journal has is refused before its signature is looked at."""
    with pytest.raises(HeadInvalid):
        Head.of(message)


@pytest.mark.parametrize(
    "text",
    [
        "lpse-pacitan/000102030405060708090a0b0c0d0e0f\n07\n{root}\n",
        "lpse-pacitan/000102030405060708090A0B0C0D0E0F\n7\n{root}\n",
        "lpse-pacitan\n7\n{root}\n",
        "lkpp/000102030405060708090a0b0c0d0e0f\n7\n{root}\n",
        "lpse-pacitan/000102030405060708090a0b0c0d0e0f\n7\n",
        "lpse-pacitan/000102030405060708090a0b0c0d0e0f\n7\n{root}\nextension\n",
        "lpse-pacitan/000102030405060708090a0b0c0d0e0f\n7\n{root}=\n",
        "lpse-pacitan/00\n7\n{root}\n",
    ],
)
def test_misspelt_checkpoints_are_refused(text: str) -> None:
    """Even with a right signature a checkpoint has exactly one spelling."""
    text = text.format(root=head(7).text.split("\n")[2])
    note = Note(text, (NODE.sign_note(text),))
    with pytest.raises(Refused):
        head_from_note(note.to_bytes(), NODE.verifier)


def test_witness_signs_head_and_time() -> None:
    """A cosignature holds for one head at one time by one witness, on the link and in a note."""
    seen = head(7)
    word = cosign(seen, CENTRE, 1_427_400_000)
    verify_cosignature(seen, Cosignature.of(word.message()), CENTRE.verifier)
    for wrong in (head(8), head(7, epoch=b"x" * 16)):
        with pytest.raises(SignatureInvalid):
            verify_cosignature(wrong, word, CENTRE.verifier)
    with pytest.raises(SignatureInvalid):
        verify_cosignature(
            seen, dataclasses.replace(word, time_seconds=1_427_400_001), CENTRE.verifier
        )
    with pytest.raises(HeadInvalid):
        verify_cosignature(seen, word, NODE.verifier)
    note = head_to_note(seen, NODE.verifier, [(word, CENTRE.verifier)])
    assert head_from_note(note, NODE.verifier) == seen
    assert cosignatures_of(note, seen, [CENTRE.verifier, NODE.verifier]) == [word]


def test_two_heads_compared() -> None:
    """Invariant 5: in sync, behind, ahead, another epoch, or forked - never guessed."""

    def root_at(size: int) -> bytes:
        return root_of(LEAVES[:size])

    forged = [*LEAVES[:2], leaf_hash(b"forged"), *LEAVES[3:]]
    ours = head(7)
    assert compare_heads(ours, head(7), root_at) is Agreement.IN_SYNC
    assert compare_heads(ours, head(9), root_at) is Agreement.BEHIND
    assert compare_heads(ours, head(4), root_at) is Agreement.AHEAD
    assert compare_heads(ours, head(0), root_at) is Agreement.AHEAD
    assert compare_heads(ours, head(7, forged), root_at) is Agreement.FORKED
    assert compare_heads(ours, head(4, forged), root_at) is Agreement.FORKED
    assert compare_heads(ours, head(4), lambda _: None) is Agreement.FORKED
    assert compare_heads(ours, head(7, epoch=b"x" * 16), root_at) is Agreement.OTHER_EPOCH
    with pytest.raises(HeadInvalid):
        compare_heads(ours, sign_head(CENTRE, EPOCH, 7, ours.root), root_at)


def test_equal_heads_cost_little_on_the_wire() -> None:
    """Saying that two sides agree takes under 400 bytes, both heads included."""
    longest = sign_head(Signer.from_seed("a" * 63, b"z" * 32), EPOCH, 1 << 47, bytes(32))
    assert 2 * longest.message().ByteSize() < 400
