"""Transparency-log proofs as files: an entry is in a journal whose head witnesses have seen.

Owns the text of C2SP tlog-proof (header, optional extra data, index, path, checkpoint): writing it
and reading it strictly. Rule: a proof has one spelling only, so that reading and writing again
gives the same bytes and nothing can be added unseen. Extra data is carried, never trusted: what
it means, and everything about signatures, is left to the caller (`receipt_proofs`).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from lpse.federation.errors import Refused
from lpse.federation.limits import (
    NOTE_BYTES_MAX,
    PROOF_HASHES_MAX,
    TLOG_PROOF_BYTES_MAX,
    TLOG_PROOF_EXTRA_BYTES_MAX,
)
from lpse.federation.merkle import HASH_BYTES

TLOG_PROOF_HEADER: Final = "c2sp.org/tlog-proof@v1"
TLOG_PROOF_SUFFIX: Final = ".tlog-proof"
_EXTRA: Final = "extra "
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")


class TlogProofInvalid(Refused):
    """The file is not a proof in C2SP tlog-proof form, or is spelled in another way."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-5108",
            f"this is not a proof from a journal: {detail}",
            remedy="use the file exactly as it was handed out; it must be passed on byte by byte",
        )


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Position of an entry, its path (leaf's sibling first), the checkpoint it leads to."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def to_bytes(self) -> bytes:
        """The file."""
        lines = [TLOG_PROOF_HEADER]
        if self.extra:
            lines.append(_EXTRA + _base64(self.extra))
        lines.append(f"index {self.index}")
        lines.extend(_base64(one) for one in self.path)
        return "\n".join([*lines, "", ""]).encode() + self.checkpoint


def is_tlog_proof(data: bytes) -> bool:
    """Whether the file says of itself that it is a proof."""
    return data.startswith(f"{TLOG_PROOF_HEADER}\n".encode())


def parse_tlog_proof(data: bytes) -> TlogProof:
    """Read a proof; TlogProofInvalid (FED-5108) for anything that `to_bytes` would not write."""
    if len(data) > TLOG_PROOF_BYTES_MAX:
        raise TlogProofInvalid(f"longer than {TLOG_PROOF_BYTES_MAX} bytes")
    head, gap, checkpoint = data.partition(b"\n\n")
    if not gap or not checkpoint or len(checkpoint) > NOTE_BYTES_MAX:
        raise TlogProofInvalid("the checkpoint is missing or too long")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise TlogProofInvalid("it holds characters that no proof has") from error
    if lines.pop(0) != TLOG_PROOF_HEADER:
        raise TlogProofInvalid(f"the first line is not {TLOG_PROOF_HEADER}")
    extra = _extra(lines)
    index = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if index is None:
        raise TlogProofInvalid("the index is missing or malformed")
    if len(lines) > PROOF_HASHES_MAX:
        raise TlogProofInvalid(f"more than {PROOF_HASHES_MAX} hashes")
    path = tuple(_decoded(line) for line in lines)
    if any(len(one) != HASH_BYTES for one in path):
        raise TlogProofInvalid("a hash is not 32 bytes long")
    return TlogProof(int(index[1]), path, checkpoint, extra)


def _extra(lines: list[str]) -> bytes:
    if not lines or not lines[0].startswith(_EXTRA):
        return b""
    extra = _decoded(lines.pop(0).removeprefix(_EXTRA))
    if not 1 <= len(extra) <= TLOG_PROOF_EXTRA_BYTES_MAX:
        raise TlogProofInvalid("the extra data is empty or too long")
    return extra


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise TlogProofInvalid("a line is not base64") from error
    if _base64(data) != text:
        raise TlogProofInvalid("base64 with another spelling")
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
