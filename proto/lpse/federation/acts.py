"""Acts of persons: the exact bytes that an operator or officer signs, and their verification.

Owns the act statement. Rule: a signature counts for one party, one act, one subject and one role;
nothing can be moved from one plan or decision to another, nor from one node to the next where the
same person has the same key. Leaves out which role may do what (each side's own rules) and where
keys are kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lpse.federation.errors import Denied
from lpse.federation.v1.acts_pb2 import SignedAct

_CANONICAL: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode
CENTRE_PARTY: Final = "lkpp"  # the party of acts at the centre; a node's party is its id


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person does: `act` to the subject with `digest` (32 bytes), at the party `party`."""

    party: str
    act: str
    digest: bytes


def canonical(document: Mapping[str, object]) -> bytes:
    """JSON with sorted keys, no spaces and no escapes beyond need, in UTF-8: the form we hash."""
    return _CANONICAL(document).encode("utf-8")


def subject_digest(document: Mapping[str, object]) -> bytes:
    """SHA-256 over the canonical form of what a person signs, 32 bytes."""
    return hashlib.sha256(canonical(document)).digest()


def sign_act(
    key: Ed25519PrivateKey, deed: Deed, *, actor: str, role: str, at: datetime
) -> SignedAct:
    """`actor` does `deed` in the role `role` at aware time `at`, signed with `key`."""
    signed = SignedAct(
        actor=actor, role=role, party=deed.party, act=deed.act, subject_digest=deed.digest
    )
    signed.act_time.FromDatetime(at)
    signed.signature = key.sign(_statement(signed))
    return signed


def verify_act(signed: SignedAct, public_key: bytes, deed: Deed) -> None:
    """Raise Denied (FED-3101) unless `signed` is exactly this deed by this key's owner."""
    if Deed(signed.party, signed.act, signed.subject_digest) != deed:
        raise Denied("FED-3101", f"the signature of {signed.actor} is for something else")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signed.signature, _statement(signed))
    except (InvalidSignature, ValueError) as error:
        raise Denied("FED-3101", f"the signature of {signed.actor} is not valid") from error


def _statement(signed: SignedAct) -> bytes:
    at = signed.act_time.ToDatetime(tzinfo=UTC).isoformat(timespec="microseconds")
    lines = (
        "lpse-federation act v1",
        signed.party,
        signed.act,
        signed.actor,
        signed.role,
        signed.subject_digest.hex(),
        at,
    )
    if any("\n" in line for line in lines):
        raise Denied("FED-3101", "a name, role or party with a line break cannot sign")
    return ("\n".join(lines) + "\n").encode("utf-8")
