"""The checksum of one request's bytes, as the tus extension `checksum` has it.

Owns the two algorithms that work here. Rule: a checksum is compared before its bytes count. Leaves
out the header (regional_node/web) and digests of whole files (`lpse.storage.blobs`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ALGORITHMS: Final = ("sha1", "sha256")


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the sender says about the bytes of one request."""

    algorithm: str
    digest: bytes

    def start(self) -> RunningChecksum:
        """A digest to feed with the bytes as they come."""
        return RunningChecksum(self)


class RunningChecksum:
    """The digest of what has come so far."""

    def __init__(self, expected: Checksum) -> None:
        assert expected.algorithm in ALGORITHMS
        self._expected = expected
        self._stream = hashlib.new(expected.algorithm, usedforsecurity=False)

    def update(self, pieces: Iterable[bytes]) -> None:
        """The next bytes; large pieces release the interpreter's lock."""
        for piece in pieces:
            self._stream.update(piece)

    def agrees(self) -> bool:
        """Whether everything together is what the sender said."""
        return hmac.compare_digest(self._stream.digest(), self._expected.digest)
