"""Trees of nodes' projected objects, made when a node begins a comparison and kept for its calls.

Rules: a tree belongs to the node that asked for it, one at a time; only so many are held, and an
idle one is forgotten, so that 700 nodes that audit in one night wait for each other instead of for
memory. Leaves out what is compared (`objects`) and mending.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from central.audit.objects import page_in
from central.audit.store import BacklogStore
from central.ledger.ledger import Ledger
from lpse.federation.digests import DigestTree
from lpse.federation.errors import NotFound, Unavailable
from lpse.federation.limits import COMPARISON_IDLE_SECONDS_MAX, COMPARISONS_MAX
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database
from lpse.storage.state_tree import build_tree


@dataclass(slots=True)
class Comparison:
    """One node's tree; `used` is monotonic seconds."""

    number: bytes
    node_id: str
    tree: DigestTree
    applied_size: int
    used: float


class Comparisons:
    """See the module's first lines."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        backlog: BacklogStore,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._backlog = backlog
        self._clock = clock
        self._entropy = entropy
        self._held: dict[str, Comparison] = {}
        self._building: set[str] = set()
        self._turn = asyncio.Lock()  # one walk at a time: it takes as long as the disk allows

    async def begin(self, node_id: str, epoch: bytes, size: int) -> Comparison:
        """Make the node's tree; Unavailable (FED-7072, FED-7073) where it must come again."""
        applied = await self.require_applied(node_id, epoch, size)
        self._forget_idle()
        self._held.pop(node_id, None)
        if node_id in self._building or len(self._held) + len(self._building) >= COMPARISONS_MAX:
            raise later("FED-7073", "other nodes are comparing now", 30.0)
        self._building.add(node_id)
        try:
            async with self._turn:
                tree = await build_tree(
                    self._database,
                    lambda tx, area, after, limit: page_in(tx, node_id, area, after, limit),
                    self._clock,
                )
                await asyncio.to_thread(tree.root)
        finally:
            self._building.discard(node_id)
        made = Comparison(
            self._entropy.identifier(), node_id, tree, applied, self._clock.monotonic()
        )
        self._held[node_id] = made
        return made

    def get(self, node_id: str, number: bytes) -> Comparison:
        """The node's tree; NotFound (FED-7074) for one that is forgotten."""
        held = self._held.get(node_id)
        if held is None or held.number != number:
            raise NotFound("FED-7074", "that comparison is over", remedy="begin another one")
        held.used = self._clock.monotonic()
        return held

    async def require_applied(self, node_id: str, epoch: bytes, size: int) -> int:
        """How far that journal is projected; Unavailable (FED-7072) below `size`."""
        applied = await self._ledger.applied(node_id, epoch)
        if applied.size < size or await self._backlog.waits(node_id):
            raise later("FED-7072", "the centre has not projected that much yet", 2.0)
        return applied.size

    def _forget_idle(self) -> None:
        now = self._clock.monotonic()
        for node_id, held in list(self._held.items()):
            if now - held.used > COMPARISON_IDLE_SECONDS_MAX:
                del self._held[node_id]


def later(code: str, message: str, seconds: float) -> Unavailable:
    """Come again after so many seconds."""
    error = Unavailable(code, message)
    error.retry_after_seconds = seconds
    return error
