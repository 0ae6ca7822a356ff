"""Upload commitments: how a journal speaks of a bid without telling whose it is.

Owns the canonical details of a submission and `commitment = SHA-256(salt ‖ canonical details)`.
Rules: a commitment tells nothing without its salt (32 unguessable bytes that stay at the node until
the package is opened), and details are verified as bytes before they are understood. Leaves out
what a node accepts as details (regional_node/intake) and where salts are kept.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lpse.federation.acts import canonical
from lpse.federation.errors import Refused
from lpse.federation.limits import COMMITMENT_SALT_BYTES, ENTRY_BYTES_MAX

CHANNEL_DIRECT: Final = "direct"
CHANNEL_BIDDING_ROOM: Final = "bidding-room"
CHANNELS: Final = (CHANNEL_DIRECT, CHANNEL_BIDDING_ROOM)
_TEXTS: Final = ("intake_key", "package", "stage", "vendor", "channel")
_SEAT: Final = (int, type(None))


class CommitmentInvalid(Refused):
    """Salt and details do not make the commitment, or the details are not ours."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-5103",
            f"the details do not belong to this commitment: {detail}",
            remedy="keep both as evidence and compare with the node's journal after opening",
        )


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file of a submission: its name for people, its size, and the SHA-256 of its bytes."""

    name: str
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class SubmissionDetails:
    """Everything that a commitment hides; `extra` is what the vendor's program added."""

    intake_key: str
    package: str
    stage: str
    vendor: str
    channel: str
    seat: int
    files: tuple[SealedFile, ...]
    extra: Mapping[str, Any]
    replaces: str = ""  # intake key of the earlier submission that this one replaces

    def document(self) -> dict[str, object]:
        """The JSON form; `seat` is null outside the Bidding Room, `replaces` absent for a first."""
        return ({"replaces": self.replaces} if self.replaces else {}) | {
            "channel": self.channel,
            "extra": dict(self.extra),
            "files": [
                {"bytes": file.size_bytes, "name": file.name, "sha256": file.sha256.hex()}
                for file in self.files
            ],
            "intake_key": self.intake_key,
            "package": self.package,
            "seat": self.seat or None,
            "stage": self.stage,
            "vendor": self.vendor,
        }

    def canonical(self) -> bytes:
        """The bytes that are committed to."""
        return canonical(self.document())


def commit(salt: bytes, details: bytes) -> bytes:
    """SHA-256 over the salt and the canonical details, 32 bytes."""
    assert len(salt) == COMMITMENT_SALT_BYTES
    return hashlib.sha256(salt + details).digest()


def open_commitment(commitment: bytes, salt: bytes, details: bytes) -> SubmissionDetails:
    """The details behind a commitment; CommitmentInvalid (FED-5103) unless they are these bytes."""
    if len(salt) != COMMITMENT_SALT_BYTES or len(details) > ENTRY_BYTES_MAX:
        raise CommitmentInvalid("salt or details have a wrong length")
    if not hmac.compare_digest(commit(salt, details), commitment):
        raise CommitmentInvalid("their digest differs")
    return read_details(details)


def read_details(details: bytes) -> SubmissionDetails:
    """Understand canonical details; refuses another spelling of the same JSON."""
    try:
        document = json.loads(details)
        found = _details(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CommitmentInvalid("they are not details of a submission") from error
    if found.canonical() != details:
        raise CommitmentInvalid("they are not in canonical form")
    return found


def _details(document: Mapping[str, Any]) -> SubmissionDetails:
    texts = {key: document[key] for key in _TEXTS}
    seat, replaces = document["seat"], document.get("replaces", "")
    if any(type(text) is not str for text in (*texts.values(), replaces)):
        raise ValueError
    if type(seat) not in _SEAT:
        raise ValueError
    return SubmissionDetails(
        **texts,
        seat=seat or 0,
        files=tuple(_file(file) for file in document["files"]),
        extra=dict(document["extra"]),
        replaces=replaces,
    )


def _file(document: Mapping[str, Any]) -> SealedFile:
    name, size, digest = document["name"], document["bytes"], document["sha256"]
    if type(name) is not str or type(size) is not int:
        raise ValueError
    return SealedFile(name, size, bytes.fromhex(digest))
