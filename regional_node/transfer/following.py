"""Fills the queue: what own entries announce, who needs it, and until when.

Owns the two cursors and the time at which deadlines are asked for again. Rules: the journal, intake
and the schedule know nothing of the queue; a deadline is the effective one, as compensated and
decided, not the one of acceptance. Leaves out sending.
"""

from __future__ import annotations

import asyncio
from typing import Final

from lpse.federation.entries import decode_entry
from lpse.federation.limits import (
    TRANSFER_DEADLINES_SECONDS,
    TRANSFER_FOLLOW_ENTRIES,
    TRANSFER_NEEDS_ROWS,
)
from lpse.federation.v1.records_pb2 import UploadAccepted
from lpse.runtime.clock import Clock, Entropy
from lpse.storage.journal import Journal
from lpse.storage.journal_store import EntryRow
from regional_node.transfer.needs_store import NeedsStore
from regional_node.transfer.ports import Deadlines, Needs
from regional_node.transfer.store import Announced, Totals, TransferStore

_LOTS: Final = 1 << 31


class Follower:
    """See the module's first lines."""

    def __init__(
        self,
        store: TransferStore,
        journal: Journal,
        wanting: tuple[NeedsStore, Needs, Deadlines] | None,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """Without `wanting` every blob counts as one without a deadline."""
        self.totals = Totals(0, 0, 0)
        self._store = store
        self._journal = journal
        self._wanting = wanting
        self._clock = clock
        self._entropy = entropy
        self._lock = asyncio.Lock()
        self._seen: tuple[bytes, int] | None = None
        self._again = False
        self._asked: tuple[object, float] | None = None

    async def follow(self) -> None:
        """Queue what own entries announce, and keep the order up to date."""
        async with self._lock:
            at = (self._journal.epoch, self._journal.head.size)
            again, self._again = self._again, False
            if self._seen != at or again:
                for epoch in await self._journal.epochs():
                    await self._follow_epoch(epoch.epoch)
                await self._follow_needs()
                self._seen = at
                self._asked = None
                self.totals = await self._store.totals()
            await self._ask_deadlines()

    def look_again(self) -> None:
        """A cursor may have gone back although the journal did not move."""
        self._again = True

    async def count(self) -> None:
        """Sum the queue up again."""
        self.totals = await self._store.totals()

    async def _follow_epoch(self, epoch: bytes) -> None:
        first, now = await self._store.followed(epoch), self._clock.wall()
        while rows := await self._journal.entries(
            first, first + TRANSFER_FOLLOW_ENTRIES, epoch=epoch
        ):
            announced = [one for row in rows for one in self._announced(row)]
            last = rows[-1].index + 1
            await self._store.announce(epoch, (first, last), announced, now)
            first = last

    def _announced(self, row: EntryRow) -> list[Announced]:
        if row.kind != "upload.accepted":
            return []
        record = UploadAccepted.FromString(decode_entry(row.data).payload)
        return [
            Announced(one.digest, one.size_bytes, row.index, int(self._entropy.uniform(0, _LOTS)))
            for one in record.blobs
        ]

    async def _follow_needs(self) -> None:
        if self._wanting is None:
            return
        store, needs, _ = self._wanting
        while found := await needs.after(await store.followed(), TRANSFER_NEEDS_ROWS):
            await store.follow(found)

    async def _ask_deadlines(self) -> None:
        """When a schedule has changed, or something new waits; not more often than that."""
        if self._wanting is None:
            return
        store, _, deadlines = self._wanting
        token, now = deadlines.token(), self._clock.monotonic()
        if self._asked is not None:
            known, asked = self._asked
            if known == token or now - asked < TRANSFER_DEADLINES_SECONDS:
                return
        packages = await store.open_packages()
        if packages:
            await store.set_deadlines(await deadlines.of(packages, self._clock.now()))
        self._asked = (token, now)
