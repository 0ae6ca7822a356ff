"""What recovery asks of the areas, and of the scrub.

Leaves out every implementation (`restoring` calls the areas).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction
from regional_node.restored import MissingBlob, RestoredEntry


class Rebuilding(Protocol):
    """Who puts the tables back that entries stand for."""

    def restore_in(self, tx: Transaction, entry: RestoredEntry) -> Sequence[MissingBlob]:
        """Take a lost entry into the tables; the blobs that a row vouches for again."""

    def moved_in(self, tx: Transaction, entry: RestoredEntry) -> None:
        """An own entry stands at a new place now."""

    def told_in(self, tx: Transaction) -> Sequence[records.ReconciliationEntry]:
        """What the run should say of entries that could not be put back as they were."""

    def restored(self) -> None:
        """What came back is durable: workers look at their tables again."""


Suspect = Callable[[bytes], Awaitable[None]]  # look at a blob; a missing one is healed
