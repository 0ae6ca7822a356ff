"""The head of every heartbeat against the centre's copy of that journal.

Owns the comparison during a session. Rules: a head that is merely ahead or behind means nothing,
because frames overtake journals; a head that the copy contradicts ends the session only if the
node's own key signed it (FED-2241); earlier heads of this session are compared from memory, older
ones by reading the copy, rarely. Leaves out what happens at the next hello (`hello`).
"""

from __future__ import annotations

from collections import OrderedDict

from central.link.findings import tell_heartbeat
from central.link.ports import Parts
from lpse.federation.checkpoints import Head, HeadInvalid
from lpse.federation.errors import Conflict
from lpse.federation.limits import LINK_HEADS_KEPT_MAX, LINK_ROOT_SECONDS_MIN
from lpse.federation.notes import Verifier
from lpse.federation.v1 import journal_pb2 as wire


class HeadContradicted(Conflict):
    """A node showed a signed head that the centre's copy of its journal contradicts."""

    def __init__(self) -> None:
        super().__init__(
            "FED-2241",
            "the node's head contradicts the centre's copy of its journal; both are kept",
            remedy="read the reconciliation log: the next hello says how the two compare",
        )


class HeadWatch:
    """The heads of one session, from its hello on."""

    def __init__(self, parts: Parts, verifier: Verifier, epoch: bytes) -> None:
        self._parts = parts
        self._verifier = verifier
        self._epoch = epoch
        self._roots: OrderedDict[int, bytes] = OrderedDict()
        self._read_from = 0.0  # monotonic: the copy is not read again before

    def stored(self, head: Head) -> None:
        """The copy was durable up to this head."""
        self._roots[head.size] = head.root
        while len(self._roots) > LINK_HEADS_KEPT_MAX:
            self._roots.popitem(last=False)

    async def compare(self, shown: wire.Head) -> None:
        """Raise HeadContradicted, once written down, where the copy says something else."""
        held = self._held()
        if held is None or not shown.signature:
            return
        if shown.epoch != held.epoch:
            return  # a new epoch is told by a hello
        root = await self._root(held, shown.size)
        if root is None or root == shown.root:
            return
        head = Head.of(shown)
        if head.party != held.party:
            raise HeadInvalid("a heartbeat names another party's journal")
        head.verify(self._verifier)
        self._parts.log.error("link.contradicted", node=held.party, code="FED-2241")
        await tell_heartbeat(self._parts, head, held)
        raise HeadContradicted

    def _held(self) -> Head | None:
        position = self._parts.ledger.current(self._verifier.name)
        return position.head if position is not None and position.epoch == self._epoch else None

    async def _root(self, held: Head, size: int) -> bytes | None:
        """Root of the copy at that size; None where it cannot be told now."""
        if size >= held.size:
            return held.root if size == held.size else None
        if size in self._roots:
            return self._roots[size]
        now = self._parts.clock.monotonic()
        if now < self._read_from:
            return None
        self._read_from = now + LINK_ROOT_SECONDS_MIN
        return await self._parts.ledger.root_at(held.party, self._epoch, size)
