"""What resumable uploads ask of their neighbours.

Owns the protocol that tells a vendor whether the centre has its own submission. Rule: an answer
speaks of what was asked for only. Leaves out every implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class Centre(Protocol):
    """The other side, as a vendor may see it."""

    def link(self) -> tuple[bool, datetime]:
        """Whether the link is open, and since when that is so or was looked at."""

    def has_entry(self, epoch: bytes, index: int) -> bool:
        """Whether the centre has stored this journal entry."""

    async def has_bytes(self, digests: Sequence[bytes]) -> bool:
        """Whether the centre has verified all these blobs."""
