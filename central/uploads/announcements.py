"""The port `Announcements` of the Transfer service, from the ledger and the projection.

Leaves out storage and decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from central.ledger.ledger import Ledger
from central.uploads.store import UploadsStore
from lpse.runtime.sqlite import Transaction


class LedgerAnnouncements:
    """What nodes have announced in entries that the ledger holds."""

    def __init__(self, store: UploadsStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    async def announced_size(self, node_id: str, digest: bytes) -> int | None:
        """Size in a projected entry of this node."""
        return await self._store.announced_size(node_id, digest)

    async def announced_sizes(self, node_id: str, digests: Sequence[bytes]) -> dict[bytes, int]:
        """The same for many; unknown ones are left out."""
        return await self._store.announced_sizes(node_id, digests)

    async def brought(self, node_id: str, digests: Sequence[bytes]) -> set[bytes]:
        """Digests of which this node brought the bytes."""
        return await self._store.brought(node_id, digests)

    async def is_current(self, node_id: str) -> bool:
        """Whether everything stored from this node, in every epoch, has been projected."""
        for position in self._ledger.positions(node_id):
            applied = await self._ledger.applied(node_id, position.epoch)
            if applied.size < position.tree.size:
                return False
        return True

    def verified_in(self, tx: Transaction, node_id: str, digest: bytes, now: datetime) -> None:
        """The bytes are here, for this node."""
        self._store.verified_in(tx, node_id, digest, now)
