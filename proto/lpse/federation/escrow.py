"""The escrow of details: what a vendor was given, sealed so that only its node can read it.

Owns the sealed form that travels inside `upload.accepted` and `upload.refused`: the receipt or the
proof of the attempt, deflated, padded to one of few lengths, under AES-256-GCM. Rules: the centre,
and whoever reads a journal, learns neither content nor length beyond the bucket; one commitment and
one text give one sealed form (the nonce is made from both, so that no nonce is ever used for two
texts); sealed bytes belong to one commitment and open under no other. Leaves out where the key is
kept (regional_node/identity).
"""

from __future__ import annotations

import hmac
import zlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lpse.federation.errors import Refused
from lpse.federation.limits import ESCROW_BUCKETS, ESCROW_KEY_BYTES, NOTE_BYTES_MAX

_LABEL: Final = b"lpse-federation escrow v1"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_LENGTH_BYTES: Final = 4
OVERHEAD_BYTES: Final = _NONCE_BYTES + _TAG_BYTES + _LENGTH_BYTES


class EscrowInvalid(Refused):
    """Sealed details that this key does not open, or that are not ours."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-2430",
            f"the sealed details cannot be opened: {detail}",
            remedy="enter the recovery code of that time, or restore the vendor's own receipt",
        )


def seal(key: bytes, commitment: bytes, text: bytes) -> bytes:
    """The sealed form of what was handed out; empty where it is longer than any bucket.

    No receipt within the limits is: the test of this module shows it.
    """
    assert len(key) == ESCROW_KEY_BYTES
    deflated = zlib.compress(text, 6)
    size = len(deflated) + OVERHEAD_BYTES
    bucket = next((one for one in ESCROW_BUCKETS if one >= size), 0)
    if not bucket:
        return b""
    plain = len(deflated).to_bytes(_LENGTH_BYTES) + deflated
    plain += bytes(bucket - _NONCE_BYTES - _TAG_BYTES - len(plain))
    nonce = _derived(key, b"nonce", commitment + plain)[:_NONCE_BYTES]
    return nonce + _cipher(key).encrypt(nonce, plain, _LABEL + commitment)


def unseal(key: bytes, commitment: bytes, sealed: bytes) -> bytes:
    """What was handed out; EscrowInvalid (FED-2430) for another key, commitment or content."""
    if len(sealed) not in ESCROW_BUCKETS:
        raise EscrowInvalid("they have a length that nothing sealed has")
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        plain = _cipher(key).decrypt(nonce, body, _LABEL + commitment)
    except InvalidTag as error:
        raise EscrowInvalid("they were sealed with another key") from error
    length = int.from_bytes(plain[:_LENGTH_BYTES])
    return _inflate(plain[_LENGTH_BYTES : _LENGTH_BYTES + length])


def _inflate(deflated: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(deflated, NOTE_BYTES_MAX)
    except zlib.error as error:
        raise EscrowInvalid("what is in them is damaged") from error
    if not inflater.eof:
        raise EscrowInvalid("what is in them is longer than any receipt")
    return text


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(_derived(key, b"seal", b""))


def _derived(key: bytes, purpose: bytes, content: bytes) -> bytes:
    """One key per purpose, so that sealing and the making of nonces have nothing in common."""
    return hmac.digest(hmac.digest(key, _LABEL + b" " + purpose, "sha256"), content, "sha256")
