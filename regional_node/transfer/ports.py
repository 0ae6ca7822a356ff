"""What transfers ask of the link.

Leaves out the implementation: the composition root puts it together from the link's state, the fold
and the identity folder.
"""

from __future__ import annotations

from typing import Protocol

import grpc


class Centre(Protocol):
    """The other side, as far as transfers need to know it."""

    def is_open(self) -> bool:
        """Whether a session is open in which entries flow (not paused, not in quarantine)."""

    def stored_size(self, epoch: bytes) -> int:
        """Own entries of this epoch that the centre has acknowledged as STORED; 0 if unknown."""

    def manifest_only(self) -> bool:
        """Whether the policy in force keeps sealed bytes at the node."""

    def connect(self) -> grpc.aio.Channel:
        """A new mTLS channel to the centre's listener for nodes, with the present certificate."""
