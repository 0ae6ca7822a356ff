"""The queue of sealed bytes after own entries came back.

Rule: what came back is announced like what is new: the cursor goes back before it, and announcing
the same bytes again changes nothing (Invariant 3). Leaves out the queue itself (`store`).
"""

from __future__ import annotations

from lpse.runtime.sqlite import Transaction


def announce_again_in(tx: Transaction, epoch: bytes, index: int) -> None:
    """Look at own entries from this one on once more."""
    tx.run(
        "UPDATE transfer_cursors SET followed = ? WHERE epoch = ? AND followed > ?",
        (index, epoch, index),
    )
