"""Compares national heads that other nodes saw with this node's copy: the port `Witnessed`.

Rules: only a head with the centre's own signature says anything; one that contradicts the copy is
kept as evidence, journalled as a run and told at every status, and changes nothing else
(Invariant 5); a head beyond the copy is compared when the copy has grown there. Roots are
remembered, because a fleet in step shows the same few heads. Leaves out the link and SQL.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from structlog.typing import FilteringBoundLogger

from lpse.federation import reconciliation_rules as table
from lpse.federation.checkpoints import Head
from lpse.federation.merkle import root_of
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from regional_node.national.national import National
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.witness.store import Finding, WitnessStore

_ROOTS_REMEMBERED: Final = 256
_AHEAD_REMEMBERED: Final = 16
# Reckoning a root reads the whole copy: for a head that nobody in step holds, not more often.
_RECKON_SECONDS: Final = 60.0
SCHEDULE = records.RECONCILIATION_TRIGGER_SCHEDULE


@dataclass
class Checking:
    """See the module's first lines."""

    database: Database
    national: National
    runs: DecidedRuns
    clock: Clock
    log: FilteringBoundLogger
    _roots: OrderedDict[int, bytes] = field(default_factory=OrderedDict)
    _ahead: OrderedDict[bytes, link.WitnessedHead] = field(default_factory=OrderedDict)
    _reckoned: float | None = None

    def __post_init__(self) -> None:
        self.store = WitnessStore(self.database)

    async def took_witnessed(self, heads: Sequence[link.WitnessedHead]) -> None:
        """Compare these and whatever waited for the copy to grow."""
        own = self.national.head
        if own is None:
            return
        self._remember(own.size, own.root)
        waiting = [one for one in self._ahead.values() if one.head.size <= own.size]
        for one in (*heads, *waiting):
            head = Head.of(one.head)
            head.verify(self.national.centre)
            if head.epoch == own.epoch:
                await self._compare(own, head, one)

    async def _compare(self, own: Head, head: Head, shown: link.WitnessedHead) -> None:
        root = await self._root_at(head.size) if head.size <= own.size else None
        if root is None:  # a later turn
            self._ahead[head.root] = shown
            while len(self._ahead) > _AHEAD_REMEMBERED:
                self._ahead.popitem(last=False)
            return
        self._ahead.pop(head.root, None)
        if root != head.root:
            await self._contradicted(own, head, shown)

    async def _contradicted(self, own: Head, head: Head, shown: link.WitnessedHead) -> None:
        cosignature = shown.cosignature.SerializeToString(deterministic=True)
        finding = Finding(head, cosignature, own, self.clock.wall().isoformat())
        entry = table.entry(
            "R-WITNESS-CONTRADICTED/1",
            f"national {head.size}",
            table.head_evidence(own),
            table.head_evidence(head),
            "",
            1,
        )

        def work(tx: Transaction) -> bool:
            new = self.store.keep_in(tx, finding)
            if new:
                self.runs.decided_in(tx, SCHEDULE, [entry])
            return new

        if await self.database.write(work):
            self.log.error("national.two_histories", code="FED-2456", size=head.size)

    async def _root_at(self, size: int) -> bytes | None:
        """The copy's root at that size; None where it is not the time to reckon one."""
        known = self._roots.get(size)
        if known is not None:
            return known
        now = self.clock.monotonic()
        if self._reckoned is not None and now - self._reckoned < _RECKON_SECONDS:
            return None
        self._reckoned = now
        leaves = await self.national.leaf_hashes(size)
        root = await asyncio.to_thread(root_of, leaves)
        self._remember(size, root)
        return root

    def _remember(self, size: int, root: bytes) -> None:
        self._roots[size] = root
        while len(self._roots) > _ROOTS_REMEMBERED:
            self._roots.popitem(last=False)
