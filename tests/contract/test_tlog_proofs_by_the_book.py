"""A proof verified by the C2SP and RFC texts alone, without a line of this project's own code.

Whoever holds a proof need not trust the program that made it: everything below uses hashes, base64
and Ed25519 from elsewhere, so that a mistake shared by our writer and our verifier is found.
"""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

PROOF = (Path(__file__).parent / "vectors" / "receipt.tlog-proof").read_bytes()
NODE = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
CENTRE = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))).public_key()


def root_from(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """RFC 6962 section 2.1.1 read backwards: split at the largest power of two below the size."""
    if size == 1:
        assert not path
        return leaf
    split = 1
    while split * 2 < size:
        split *= 2
    *below, top = path
    if index < split:
        return sha256(b"\x01" + root_from(index, split, leaf, below) + top).digest()
    right = root_from(index - split, size - split, leaf, below)
    return sha256(b"\x01" + top + right).digest()


def signed_by(note: bytes, name: str) -> bytes:
    """What stands behind the key id on the signature line of a name."""
    for line in note.decode().rpartition("\n\n")[2].splitlines():
        dash, found, encoded = line.split(" ")
        assert dash == "—"
        if found == name:
            return base64.b64decode(encoded)[4:]
    raise AssertionError(name)


def verify(proof: bytes, node: Ed25519PublicKey, centre: Ed25519PublicKey) -> dict[str, object]:
    """Steps 1 to 4 of C2SP tlog-proof, then the receipt inside; what the receipt says."""
    head, _, checkpoint = proof.partition(b"\n\n")
    lines = head.decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    extra = base64.b64decode(lines[1].removeprefix("extra "))
    index, path = int(lines[2].removeprefix("index ")), [base64.b64decode(x) for x in lines[3:]]
    title, lengths, parts = extra.split(b"\n", 2)
    assert title == b"lpse-federation receipt proof v1"
    size = int(lengths.split()[0])
    receipt, entry = parts[:size], parts[size:]
    leaf = sha256(b"\x00" + entry).digest()
    text = checkpoint.rpartition(b"\n\n")[0] + b"\n"
    origin, count, root = text.decode().split("\n")[:3]
    node.verify(signed_by(checkpoint, origin.split("/")[0]), text)
    stamped = signed_by(checkpoint, "lkpp")
    seconds = int.from_bytes(stamped[:8], "big")
    centre.verify(stamped[8:], f"cosignature/v1\ntime {seconds}\n".encode() + text)
    assert root_from(index, int(count), leaf, path) == base64.b64decode(root)
    body = receipt.rpartition(b"\n\n")[0] + b"\n"
    node.verify(signed_by(receipt, "lpse-pacitan"), body)
    document: dict[str, object] = json.loads(body.split(b"\n", 1)[1])
    details = next(x for x in body.split(b"\n") if x.startswith(b' "details": '))
    details = details.removeprefix(b' "details": ').removesuffix(b",")
    commitment = sha256(bytes.fromhex(str(document["salt"])) + details).digest()
    assert commitment.hex() == document["commitment"]
    assert commitment in entry
    return document


def test_the_golden_proof_verifies_by_the_book() -> None:
    """Two public keys, SHA-256 and Ed25519: node, verdict and details are shown."""
    document = verify(PROOF, NODE, CENTRE)
    assert (document["node"], document["verdict"]) == ("lpse-pacitan", "ON_TIME")


def test_the_book_refuses_what_was_changed() -> None:
    """The independent check is a check: a changed receipt, path or time fails."""
    for old, new in ((b"index 5", b"index 4"), (b"lpse-pacitan/", b"lpse-pacitaN/")):
        with pytest.raises((AssertionError, InvalidSignature)):
            verify(PROOF.replace(old, new, 1), NODE, CENTRE)
    with pytest.raises(InvalidSignature):
        verify(PROOF, NODE, NODE)
