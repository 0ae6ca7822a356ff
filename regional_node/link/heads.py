"""The national head of every answer to a heartbeat, against this node's copy.

Owns the comparison during a session. Rules: a head that is merely ahead or behind means nothing,
because frames overtake each other; one that contradicts the copy ends the session only if the
pinned key of the centre signed it (FED-2244), and the copy stays as it is (Invariant 5); earlier
heads of this session are compared from memory, older ones by reading the copy, rarely. Leaves out
the comparison at hello (`opening`).
"""

from __future__ import annotations

from collections import OrderedDict

from lpse.federation.checkpoints import Agreement, Head
from lpse.federation.errors import Conflict, Unavailable
from lpse.federation.limits import LINK_HEADS_KEPT_MAX, LINK_ROOT_SECONDS_MIN
from lpse.federation.v1 import journal_pb2 as journal_wire
from regional_node.link.ports import Parts


class HeadContradicted(Conflict):
    """The centre showed a head, signed by it, that contradicts what this node holds."""

    def __init__(self, head: Head) -> None:
        super().__init__(
            "FED-2244",
            "the centre's head contradicts this node's copy of the national journal; it is kept",
            remedy="tell LKPP; the reconciliation log of the next session says how they differ",
        )
        self.head = head


class HeadWatch:
    """The national heads of one session, from its Welcome on."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._roots: OrderedDict[int, bytes] = OrderedDict()
        self._read_from = 0.0  # monotonic: the copy is not read again before

    def stored(self, head: Head) -> None:
        """The copy was durable up to this head."""
        self._roots[head.size] = head.root
        while len(self._roots) > LINK_HEADS_KEPT_MAX:
            self._roots.popitem(last=False)

    async def compare(self, message: journal_wire.Head) -> None:
        """Raise HeadContradicted where the copy says something else than the centre."""
        held = self._parts.national.head
        if held is None or not message.signature or message.size > held.size:
            return
        if message.epoch == held.epoch and self._known(held, message) == message.root:
            return
        shown = Head.of(message)
        shown.verify(self._parts.national.centre)
        if shown.epoch != held.epoch:
            raise Unavailable("FED-2244", "the centre began another epoch; say hello again")
        if self._known(held, message) is None and not await self._contradicts(shown):
            return
        raise HeadContradicted(shown)

    def _known(self, held: Head, shown: journal_wire.Head) -> bytes | None:
        return held.root if shown.size == held.size else self._roots.get(shown.size)

    async def _contradicts(self, shown: Head) -> bool:
        """By reading the copy; not now if that was done a moment ago."""
        now = self._parts.clock.monotonic()
        if now < self._read_from:
            return False
        self._read_from = now + LINK_ROOT_SECONDS_MIN
        return await self._parts.national.agreement(shown) is Agreement.FORKED
