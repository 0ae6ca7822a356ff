"""The national journal as this node holds it.

Owns the durable copy, the folded state and those who wait for it. Rules: root and head signature
are verified with the pinned key of the centre before anything is stored; entries, snapshot and
what is journalled about them move in one transaction (Invariant 3); a batch that contradicts the
copy is refused and nothing is overwritten (Invariant 5). Leaves out who brings the batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Protocol

from google.protobuf.message import Message

from lpse.federation import kinds
from lpse.federation.checkpoints import Agreement, Head, compare_heads
from lpse.federation.desired_snapshot import SnapshotUnreadable, decode_state, encode_state
from lpse.federation.desired_state import DesiredState, NodeFacts
from lpse.federation.entries import VerifiedBatch
from lpse.federation.limits import SCAN_ROWS_PER_STEP
from lpse.federation.merkle import CompactRange, root_of
from lpse.federation.notes import Verifier
from lpse.federation.v1 import journal_pb2 as wire
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.received import Position, ReceivedJournals
from regional_node.national import told_store
from regional_node.national.rules import Folded, ReadEntry, fold_all, read_entry
from regional_node.national.store import NationalStore, StateRow

PREFIX = "national"


class Appender(Protocol):
    """The node's own journal, as far as this folder needs it."""

    def append_in(self, tx: Transaction, record: Message) -> int:
        """Append within the caller's transaction."""


class National:
    """See the module's first lines; `open` must have returned before anything else."""

    def __init__(
        self, database: Database, journal: Appender, centre: Verifier, me: NodeFacts
    ) -> None:
        self._database = database
        self._journal = journal
        self._centre = centre
        self._me = me
        self._received = ReceivedJournals(database, PREFIX)
        self._store = NationalStore(database)
        self._position: Position | None = None
        self._state = DesiredState()
        self._pinned: DesiredState | None = None
        self._revisited: frozenset[int] = frozenset()
        self._moved = asyncio.Event()
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[Head]] = set()

    async def open(self) -> None:
        """Take up copy and state; fold again what an older program could not."""
        positions = await self._received.positions()
        self._position = positions[-1] if positions else None
        row = await self._store.load()
        if row is not None:
            self._read_state(row)
        await self._catch_up()

    # --- reading ---

    @property
    def head(self) -> Head | None:
        """The newest national head that is held durably; None before the first contact."""
        return self._position.head if self._position else None

    @property
    def state(self) -> DesiredState:
        """What this node should be now."""
        return self._state

    @property
    def centre(self) -> Verifier:
        """The pinned key of the centre."""
        return self._centre

    async def watch(self) -> AsyncIterator[DesiredState]:
        """The state now, then every later one; what came in between is left out."""
        while True:
            moved, state = self._moved, self._state
            yield state
            if state is self._state:
                await moved.wait()

    async def entries(self, first: int, limit: int) -> list[ReadEntry]:
        """Stored entries from `first`, decoded as far as this program can."""
        if self._position is None:
            return []
        party, epoch = self._position.party, self._position.epoch
        rows = await self._received.entries(party, epoch, first, limit)
        return [read_entry(row.index, row.data) for row in rows]

    async def raw_entries(self, first: int, limit: int) -> list[bytes]:
        """Stored entries from `first`, byte for byte as the centre sent them."""
        if self._position is None:
            return []
        party, epoch = self._position.party, self._position.epoch
        rows = await self._received.entries(party, epoch, first, limit)
        return [row.data for row in rows]

    async def leaf_hashes(self, size: int) -> list[bytes]:
        """Leaf hashes of the first `size` entries held here."""
        if self._position is None:
            return []
        party, epoch = self._position.party, self._position.epoch
        return await self._received.leaf_hashes(party, epoch, 0, size)

    async def agreement(self, shown: Head) -> Agreement:
        """What a verified head of the centre says about the copy."""
        own = self.head
        if own is None:
            return Agreement.BEHIND
        root: bytes | None = None
        if shown.epoch == own.epoch and shown.size < own.size:
            hashes = await self._received.leaf_hashes(own.party, own.epoch, 0, shown.size)
            root = root_of(hashes)
        return compare_heads(own, shown, lambda _: root)

    # --- writing ---

    async def accept(self, batch: wire.EntryBatch, *, late_below: int = 0) -> Head:
        """Verify, store and fold a batch; the head that is durable now.

        Raises BatchGap where it begins beyond the copy, Diverged where it contradicts it, Refused
        where it is malformed or badly signed; the copy is unchanged then. A session that ends
        meanwhile does not stop it: memory and disk move together.
        """
        task = asyncio.ensure_future(self._accept(batch, late_below))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Head]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has it; a session that ended needs it no more

    async def _accept(self, batch: wire.EntryBatch, late_below: int) -> Head:
        async with self._lock:
            position = self._position or self._first(batch)
            verified = await self._received.verify(batch, self._centre, position)
            if verified.entries:
                await self._store_batch(position, verified, late_below)
            head = self.head
            assert head is not None, "a verified batch has entries"
            return head

    def _first(self, batch: wire.EntryBatch) -> Position:
        """Before the first contact the epoch is the one that the centre's signed head names."""
        head = Head.of(batch.head)
        return Position(self._centre.name, head.epoch, CompactRange(), None)

    async def _store_batch(
        self, position: Position, verified: VerifiedBatch, late_below: int
    ) -> None:
        entries = [
            read_entry(index, data)
            for index, data in enumerate(verified.entries, verified.first_index)
        ]
        folded = fold_all(self._state, self._pinned, entries, self._me, late_below)

        def work(tx: Transaction) -> Head:
            head = self._received.store_batch_in(tx, verified)
            self._save_in(tx, folded)
            return head

        head = await self._database.write(work)
        self._position = Position(position.party, position.epoch, verified.tree, head)
        self._show(folded)

    def _save_in(self, tx: Transaction, folded: Folded) -> None:
        for told in folded.applied:
            if told_store.take_in(tx, told) is None:
                self._journal.append_in(tx, told)
        if folded.changed or self._state.size == 0:
            pinned = encode_state(folded.pinned) if folded.pinned is not None else None
            row = StateRow(folded.state.size, encode_state(folded.state), pinned)
            self._store.save_in(tx, row)
        else:
            self._store.move_in(tx, folded.state.size)

    def _show(self, folded: Folded) -> None:
        self._state, self._pinned = folded.state, folded.pinned
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    # --- at the start ---

    def _read_state(self, row: StateRow) -> None:
        try:
            state = replace(decode_state(row.snapshot), size=row.size)
            pinned = decode_state(row.pinned) if row.pinned is not None else None
        except SnapshotUnreadable:
            return  # fold again from the first entry
        if pinned is not None and any(one.kind in kinds.NATIONAL for one in _unknown(state)):
            # This program knows more: fold again from the pin.
            self._revisited = frozenset(one.index for one in state.skipped)
            state, pinned = pinned, None
        self._state, self._pinned = state, pinned

    async def _catch_up(self) -> None:
        """Fold stored entries that the state does not sum up yet.

        What was told stays told; entries that only a newer program could read are told now, late.
        """
        while self._position is not None and self._state.size < self._position.tree.size:
            entries = await self.entries(self._state.size, SCAN_ROWS_PER_STEP)
            size = self._position.tree.size
            folded = fold_all(self._state, self._pinned, entries, self._me, size)
            news = [
                one
                for one in folded.applied
                if one.national_index in self._revisited and one.outcome == "applied"
            ]
            await self._refold(replace(folded, applied=tuple(news)))

    async def _refold(self, folded: Folded) -> None:
        await self._database.write(lambda tx: self._save_in(tx, replace(folded, changed=True)))
        self._show(folded)


def _unknown(state: DesiredState) -> list[ReadEntry]:
    return [ReadEntry(one.index, one.kind, None) for one in state.skipped if one.unknown_kind]
