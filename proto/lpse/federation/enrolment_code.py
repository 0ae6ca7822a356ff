"""Enrolment codes and the proofs of enrolment and renewal: the exact text and the exact bytes.

Owns the one-use code that a person carries from the centre to a node or an operator's machine: it
names itself, holds a secret and the fingerprint of the centre's CA, and survives copying, typing
and a phone call (Crockford's base 32 in groups, with check bits). Rule: the secret never travels;
what travels is an HMAC with a key derived from it, and the centre stores only that key. Leaves out
who may make a code and when it ends.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lpse.federation.errors import Denied, Refused
from lpse.federation.limits import (
    CODE_FINGERPRINT_BYTES,
    CODE_GROUP_CHARACTERS,
    CODE_ID_BYTES,
    CODE_SECRET_BYTES,
    CODE_TEXT_CHARACTERS_MAX,
)
from lpse.federation.v1.enrolment_pb2 import EnrolRequest, RenewRequest

KINDS: Final = ("node", "operator")

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_IGNORED: Final = frozenset(" \t\r\n\u00a0\u200b\ufeff-\u2010\u2011\u2012\u2013\u2014\u2212_.")
_FIRST: Final = {"node": 0x11, "operator": 0x12}  # high half: version 1 of the form
_CHECK_BYTES: Final = 3
_BYTES: Final = 1 + CODE_ID_BYTES + CODE_SECRET_BYTES + CODE_FINGERPRINT_BYTES + _CHECK_BYTES
_CONTEXT: Final = b"lpse-federation enrolment code v1\n"


@dataclass(frozen=True, slots=True)
class EnrolmentCode:
    """A code in its parts; the secret is left out of `repr`, so that no log ever shows it."""

    kind: str
    code_id: str
    secret: bytes = field(repr=False)
    ca_fingerprint: bytes

    def text(self) -> str:
        """What people copy: groups of characters joined by hyphens."""
        first = bytes([_FIRST[self.kind]])
        body = first + _decode(self.code_id) + self.secret + self.ca_fingerprint
        letters = _encode(body + _check(body))
        size = CODE_GROUP_CHARACTERS
        return "-".join(letters[at : at + size] for at in range(0, len(letters), size))

    def is_for(self, ca_fingerprint: bytes) -> bool:
        """Whether a CA certificate with this SHA-256 fingerprint is the one the code means."""
        return hmac.compare_digest(ca_fingerprint[:CODE_FINGERPRINT_BYTES], self.ca_fingerprint)


def new_code(kind: str, randomness: bytes, ca_fingerprint: bytes) -> EnrolmentCode:
    """A code from `CODE_ID_BYTES + CODE_SECRET_BYTES` unguessable bytes."""
    assert kind in KINDS and len(randomness) == CODE_ID_BYTES + CODE_SECRET_BYTES
    return EnrolmentCode(
        kind,
        _encode(randomness[:CODE_ID_BYTES]),
        randomness[CODE_ID_BYTES:],
        ca_fingerprint[:CODE_FINGERPRINT_BYTES],
    )


def parse_code(text: str) -> EnrolmentCode:
    """A code as typed: case, spaces, hyphens and O/I/L do not matter; Refused (FED-3014)."""
    if len(text) > CODE_TEXT_CHARACTERS_MAX:
        raise _malformed("it is too long")
    letters = "".join(c for c in text.upper() if c not in _IGNORED).translate(_MISREAD)
    if len(letters) * 5 != _BYTES * 8:
        raise _malformed(f"it has {len(letters)} of {_BYTES * 8 // 5} characters")
    data = _decode(letters)
    body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if not hmac.compare_digest(check, _check(body)):
        raise _malformed("a character is wrong")
    kinds = [kind for kind, first in _FIRST.items() if first == body[0]]
    if not kinds:
        raise _malformed("it was made by a newer centre")
    secret_at, print_at = 1 + CODE_ID_BYTES, 1 + CODE_ID_BYTES + CODE_SECRET_BYTES
    return EnrolmentCode(
        kinds[0], _encode(body[1:secret_at]), body[secret_at:print_at], body[print_at:]
    )


def proof_key(code_id: str, secret: bytes) -> bytes:
    """The key that the centre keeps instead of the secret, 32 bytes."""
    return hmac.digest(secret, _CONTEXT + code_id.encode("ascii"), "sha256")


def code_proof(key: bytes, request: EnrolRequest) -> bytes:
    """HMAC-SHA-256 over what is bound, 32 bytes; compare with `proves_code`."""
    return hmac.digest(key, enrolment_statement(request), "sha256")


def proves_code(key: bytes, request: EnrolRequest) -> bool:
    """Whether the request was made by somebody who holds the code; constant time."""
    return hmac.compare_digest(code_proof(key, request), request.code_proof)


def enrolment_statement(request: EnrolRequest) -> bytes:
    """certificate_request ‖ signing_key: what both proofs of an enrolment cover."""
    return request.certificate_request + request.signing_key


def renewal_statement(request: RenewRequest) -> bytes:
    """What the enrolled key signs to renew: subject, moment, nonce and the request's digest."""
    at = request.request_time.ToDatetime(tzinfo=UTC).isoformat(timespec="microseconds")
    lines = (
        "lpse-federation renewal v1",
        request.subject_kind,
        request.subject,
        at,
        request.nonce.hex(),
        hashlib.sha256(request.certificate_request).hexdigest(),
    )
    return ("\n".join(lines) + "\n").encode("utf-8")


def verify_possession(signing_key: bytes, proof: bytes, statement: bytes) -> None:
    """Raise Denied (FED-3003) unless the owner of the Ed25519 key signed the statement."""
    try:
        Ed25519PublicKey.from_public_bytes(signing_key).verify(proof, statement)
    except (InvalidSignature, ValueError) as error:
        raise Denied("FED-3003", "the caller does not hold the signing key") from error


def _check(body: bytes) -> bytes:
    return hashlib.sha256(_CONTEXT + body).digest()[:_CHECK_BYTES]


def _encode(data: bytes) -> str:
    assert len(data) * 8 % 5 == 0
    number = int.from_bytes(data, "big")
    count = len(data) * 8 // 5
    return "".join(_ALPHABET[number >> 5 * (count - 1 - at) & 31] for at in range(count))


def _decode(letters: str) -> bytes:
    number = 0
    for letter in letters:
        value = _VALUES.get(letter)
        if value is None:
            raise _malformed("it holds a character that no code has")
        number = number << 5 | value
    return number.to_bytes(len(letters) * 5 // 8, "big")


def _malformed(why: str) -> Refused:
    return Refused(
        "FED-3014",
        f"this is no enrolment code: {why}",
        remedy="copy the whole text again as `lkppctl enrol create` printed it",
    )
