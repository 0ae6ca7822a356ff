"""Checkpoints are found in whatever people hold, and two histories are told from one."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable

import pytest

from lpse.federation.checkpoints import Head, head_to_note, sign_head
from lpse.federation.found_heads import contradictions, find_heads, verified
from lpse.federation.notes import Signer, Verifier
from lpse.federation.tlog_proofs import TlogProof

CENTRE = Signer.from_seed("lkpp", bytes(range(32)))
NODE = Signer.from_seed("lpse-pacitan", bytes(range(1, 33)))
EPOCH = bytes(range(16))


def _head(size: int, mark: bytes = b"r", signer: Signer = CENTRE) -> Head:
    return sign_head(signer, EPOCH, size, mark * 32)


def _note(head: Head, signer: Signer = CENTRE) -> str:
    return head_to_note(head, signer.verifier).decode()


def _receipt(head: Head) -> str:
    """A receipt's JSON with the checkpoint inside, as nodes write it."""
    inner = json.dumps({"national": {"checkpoint": _note(head)}}, ensure_ascii=False)
    return f"lpse-federation receipt v1\n{inner}\n\n— lpse-pacitan abc\n"


def _proof(head: Head) -> bytes:
    inside = _receipt(head).encode()
    return TlogProof(3, (bytes(32),), _note(_head(9, b"p", NODE), NODE).encode(), inside).to_bytes()


WRAPPINGS: dict[str, Callable[[Head], bytes]] = {
    "plain note": lambda head: _note(head).encode(),
    "receipt": lambda head: _receipt(head).encode(),
    "receipt in JSON": lambda head: json.dumps({"receipt": _receipt(head)}).encode(),
    "JSON in JSON": lambda head: json.dumps({"x": json.dumps({"r": _receipt(head)})}).encode(),
    "saved page": lambda head: f"<pre>{_note(head).replace('—', '&mdash;')}</pre>".encode(),
    "letter": lambda head: ("Yth.\n\n" + _indented(_note(head)) + "\nHormat kami").encode(),
    "mailed": lambda head: _note(head).replace("\n", "\r\n").encode(),
    "print": lambda head: b"%PDF-1.7\nstream\n" + zlib.compress(_receipt(head).encode()),
    "proof": _proof,
    "among noise": lambda head: b"\xff\x00\n" + _note(head).encode() + b"\xff",
}


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.split("\n"))


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_checkpoint_is_found_in_every_wrapping(wrapping: str) -> None:
    """Receipts, JSON forms, prints, proofs, letters and pages give the same head."""
    head = _head(7)
    found = find_heads(WRAPPINGS[wrapping](head), "file")
    assert head in [one.head for one in found]
    assert all(verified(one, _keys()) for one in found)


def _keys() -> dict[str, list[Verifier]]:
    return {"lkpp": [CENTRE.verifier], "lpse-pacitan": [NODE.verifier]}


def test_a_checkpoint_that_stands_twice_is_found_once() -> None:
    """A page may repeat what it shows."""
    text = _note(_head(7))
    assert len(find_heads((text + "\n" + text).encode(), "file")) == 1


def test_a_changed_checkpoint_is_found_and_not_verified() -> None:
    """What is found is a claim; only the writer's key makes it evidence."""
    text = _note(_head(7)).replace("\n7\n", "\n8\n")
    [found] = find_heads(text.encode(), "file")
    assert not verified(found, _keys())
    assert not verified(found, {})


def test_two_heads_of_one_size_are_two_histories() -> None:
    """Same journal, same size, other root; other sizes and journals say nothing by themselves."""
    texts = [_note(_head(7)), _note(_head(7, b"x")), _note(_head(8, b"y"))]
    texts.append(_note(_head(7, b"n", NODE), NODE))
    found = [one for text in texts for one in find_heads(text.encode(), text[:9])]
    [pair] = contradictions(found)
    assert (pair.one.head.root, pair.other.head.root) == (b"r" * 32, b"x" * 32)
    assert not contradictions(found[1:])


@pytest.mark.parametrize("data", [b"", b"%PDF-", b"lkpp/00\n1\n", b"\xff" * 100, b"\\u12"])
def test_nothing_is_found_in_what_holds_nothing(data: bytes) -> None:
    """Rubbish is no error here; the caller says that nothing was found."""
    assert find_heads(data, "file") == []
