"""What one session has moved so far: the facts from which its run is decided.

Owns the counters of a session. Rule: it counts what was acknowledged or durable, never what was
only attempted, except for bytes. Leaves out the decisions (`regional_node.reconciliation`).
"""

from __future__ import annotations

from dataclasses import replace

from lpse.federation import kinds
from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.limits import RECONCILIATION_ENTRIES_MAX
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import link_pb2 as wire
from regional_node.link.opening import Opening
from regional_node.link.ports import Parts
from regional_node.national.rules import ReadEntry
from regional_node.reconciliation.facts import LateEntry, Moved, Shown


class Progress:
    """Counters of one session; `begin` sets what was shown."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._shown: Shown | None = None
        self._moved = Moved()
        self._sent_from = 0
        self._blobs_before = parts.blobs.verified_blobs()

    def begin(self, opening: Opening, national_relation: str) -> None:
        """What both sides showed each other."""
        journal, welcome, stored = self._parts.journal, opening.welcome, opening.stored
        other = _head(welcome) if welcome.HasField("other_epoch_head") else None
        acked = opening.acked
        known = acked is not None and acked.epoch == journal.epoch
        self._shown = Shown(
            relation=welcome.relation,
            node_head=opening.own,
            centre_copy=stored,
            national_copy=self._parts.national.head,
            national_head=opening.national,
            national_relation=national_relation,
            common_size=acked.size if known and acked is not None else 0,
            other_epoch_head=other,
        )
        self._sent_from = stored.size if stored is not None else 0
        self._moved = Moved(
            stored_head=stored,
            national_head=self._parts.national.head,
            parked=self._parts.state.row.parked,
        )

    @property
    def shown(self) -> Shown:
        """What was shown at hello."""
        assert self._shown is not None, "the session has not begun"
        return self._shown

    def moved(self) -> Moved:
        """What has moved until now."""
        blobs = self._parts.blobs.verified_blobs() - self._blobs_before
        return replace(self._moved, blobs_verified=max(0, blobs))

    def sent(self, entries: int, size: int) -> None:
        """A batch is on its way."""
        self._moved = replace(self._moved, bytes_moved=self._moved.bytes_moved + size)

    def acknowledged(self, head: Head, parked: tuple[int, ...]) -> None:
        """The centre holds entries up to this head."""
        sent = max(0, head.size - self._sent_from)
        self._moved = replace(self._moved, stored_head=head, parked=parked, entries_sent=sent)

    async def received(self, before: int, head: Head, size: int) -> None:
        """National entries from `before` up to this head are durable here."""
        moved = replace(
            self._moved,
            national_head=head,
            entries_received=self._moved.entries_received + max(0, head.size - before),
            bytes_moved=self._moved.bytes_moved + size,
        )
        if before < self.shown.national_head.size:
            moved = await self._with_late(moved, before, head.size)
        self._moved = moved

    async def _with_late(self, moved: Moved, first: int, last: int) -> Moved:
        """Name what was written while the node was away, as far as a record has room."""
        last = min(last, self.shown.national_head.size)
        entries = await self._parts.national.entries(first, last - first)
        late = [*moved.late, *(_late(one) for one in entries if _counts_late(one))]
        skipped = [*moved.skipped, *(_late(one) for one in entries if one.record is None)]
        limit = RECONCILIATION_ENTRIES_MAX
        return replace(moved, late=tuple(late[:limit]), skipped=tuple(skipped[:limit]))


def _counts_late(entry: ReadEntry) -> bool:
    """An outage reaches back in time; other directives count from their arrival on."""
    return isinstance(entry.record, directives.OutageRevised)


def _late(entry: ReadEntry) -> LateEntry:
    subject = entry.record.outage if isinstance(entry.record, directives.OutageRevised) else ""
    kind = entry.kind if entry.kind in kinds.NATIONAL else "an unknown kind"
    return LateEntry(entry.index, kind, subject)


def _head(welcome: wire.Welcome) -> Head | None:
    try:
        return Head.of(welcome.other_epoch_head)
    except FederationError:
        return None
