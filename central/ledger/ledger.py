"""The ledger as the link sees it: verify, store, say how far.

Owns the present position of every node's journal. Rules: root and head signature are verified with
the node's enrolled key before anything is stored, bytes are stored as received (Invariant 2);
batches of all nodes share the database's group commits; duplicates are dropped, gaps and
contradictions refused (Invariants 3 and 5). Leaves out projection (`projector`) and sessions.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from central.ledger.ports import NodeKeys
from central.ledger.projector import Projector
from central.ledger.store import Applied, LedgerStore
from lpse.federation.checkpoints import Head
from lpse.federation.entries import (
    BatchGap,
    Diverged,
    VerifiedBatch,
    decode_entry,
    verify_batch,
)
from lpse.federation.errors import Conflict, FederationError, Refused
from lpse.federation.merkle import CompactRange, root_of
from lpse.federation.notes import Verifier
from lpse.federation.v1 import journal_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.received import Position, ReceivedJournals

PREFIX = "ledger"


class EpochUnfounded(Conflict):
    """A new epoch does not begin where the node's journal is known to have ended."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-2030",
            f"the new epoch cannot be accepted: {detail}",
            remedy="quarantine the node and compare its journal with the centre's copy",
        )


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of some batches: the durable head, and how many entries were new or known."""

    head: Head
    new_entries: int
    known_entries: int


class Ledger:
    """Every regional journal, as far as its node has handed it over."""

    def __init__(
        self, database: Database, projector: Projector, keys: NodeKeys, *, exercise: bool
    ) -> None:
        self.received = ReceivedJournals(database, PREFIX)
        self.store = LedgerStore(database)
        self.projector = projector
        self._database = database
        self._keys = keys
        self._exercise = exercise
        self._current: dict[str, Position] = {}
        self._others: dict[str, list[Position]] = defaultdict(list)
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[Accepted]] = set()

    async def open(self) -> None:
        """Take up every position; the newest epoch of a node is its current one."""
        for position in await self.received.positions():
            self._make_current(position)
        await self.projector.open()

    def current(self, node_id: str) -> Position | None:
        """How far the node's present epoch is durably stored; None before the first entry."""
        return self._current.get(node_id)

    def positions(self, node_id: str) -> list[Position]:
        """Every epoch of the node, the current one last."""
        current = self._current.get(node_id)
        return [*self._others[node_id], *([current] if current else [])]

    async def root_at(self, node_id: str, epoch: bytes, size: int) -> bytes | None:
        """Root of the stored copy at an earlier size; None where the copy is shorter.

        In a thread: a node chooses how often it asks, and how long its journal is.
        """
        hashes = await self.received.leaf_hashes(node_id, epoch, 0, size)
        return await asyncio.to_thread(root_of, hashes) if len(hashes) == size else None

    async def applied(self, node_id: str, epoch: bytes) -> Applied:
        """How far that journal is projected, and what is parked."""
        return await self.store.applied(node_id, epoch)

    async def accept(
        self, node_id: str, epoch: bytes, batches: Sequence[wire.EntryBatch]
    ) -> Accepted:
        """Verify consecutive batches and store them in one unit; returns once they are durable.

        Raises BatchGap where they begin beyond the copy (nothing is wrong: send from there),
        Diverged where they contradict it, Refused where they are malformed or badly signed. A
        session that ends meanwhile does not stop it: memory and disk move together.
        """
        task = asyncio.ensure_future(self._accept(node_id, epoch, batches))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Accepted]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has it; a session that ended needs it no more

    async def _accept(
        self, node_id: str, epoch: bytes, batches: Sequence[wire.EntryBatch]
    ) -> Accepted:
        async with self._locks[node_id]:
            verifier = await self._keys.verifier(node_id)
            before = self._position(node_id, epoch)
            verified = await self._verify_all(before, verifier, batches)
            if before.head is None:
                await self._check_foundation(node_id, verified[0])
            fresh = [one for one in verified if one.entries]
            if fresh:
                await self._database.write(lambda tx: self._store_in(tx, fresh))
                last = fresh[-1]
                self._make_current(Position(node_id, epoch, last.tree, last.head))
                self.projector.notice(node_id, epoch)
            return self._accepted(node_id, epoch, batches, fresh)

    def _position(self, node_id: str, epoch: bytes) -> Position:
        for position in self.positions(node_id):
            if position.epoch == epoch:
                return position
        return Position(node_id, epoch, CompactRange(), None)

    async def _verify_all(
        self, before: Position, verifier: Verifier, batches: Sequence[wire.EntryBatch]
    ) -> list[VerifiedBatch]:
        verified: list[VerifiedBatch] = []
        position = before
        for batch in batches:
            one = await self._verify(before, position, verifier, batch)
            self._check_environment(one)
            if one.entries:
                position = Position(before.party, before.epoch, one.tree, one.head)
            verified.append(one)
        return verified

    async def _verify(
        self,
        before: Position,
        position: Position,
        verifier: Verifier,
        batch: wire.EntryBatch,
    ) -> VerifiedBatch:
        if batch.first_index == position.tree.size:
            return verify_batch(position.tree, verifier, batch, position.party, position.epoch)
        if batch.first_index > position.tree.size:
            raise BatchGap(position.tree.size, batch.first_index)
        if position is not before:
            # It overlaps entries of this very unit, which no table has yet: come again.
            raise BatchGap(before.tree.size, batch.first_index)
        return await self.received.verify(batch, verifier, position)

    def _check_environment(self, batch: VerifiedBatch) -> None:
        """Production takes no entry of an exercise, wherever in a journal it stands."""
        if not self._exercise and any(map(_is_exercise, batch.entries)):
            raise Refused(
                "FED-2031",
                "the journal was written in an exercise, and this centre is in production",
                remedy="enrol the node afresh with an empty data folder",
            )

    async def _check_foundation(self, node_id: str, first: VerifiedBatch) -> None:
        known = self.positions(node_id)
        if not known:
            return
        try:
            entry = decode_entry(first.entries[0])
            opened = records.EpochOpened.FromString(entry.payload)
            if entry.kind != "epoch.opened" or not opened.HasField("continues_from"):
                raise EpochUnfounded("its first entry does not name the old head")
            head = Head.of(opened.continues_from)
            if head.party != node_id:
                raise EpochUnfounded("it names a head of another node")
            await self._keys.signed_by(head)  # a recovered machine has other keys than the lost
        except EpochUnfounded:
            raise
        except (FederationError, ValueError, IndexError) as error:
            raise EpochUnfounded("its first entry cannot be read") from error
        old = next((one for one in known if one.epoch == head.epoch), None)
        if old is None:
            raise EpochUnfounded("it names an epoch that the centre never saw")
        if head.size <= old.tree.size:
            root = await self.root_at(node_id, head.epoch, head.size)
            if root != head.root:
                raise EpochUnfounded("it names a head that contradicts the centre's copy")

    def _store_in(self, tx: Transaction, batches: Sequence[VerifiedBatch]) -> None:
        for batch in batches:
            self.received.store_batch_in(tx, batch)

    def _make_current(self, position: Position) -> None:
        present = self._current.get(position.party)
        if present is not None and present.epoch != position.epoch:
            self._others[position.party].append(present)
        self._current[position.party] = position

    def _accepted(
        self,
        node_id: str,
        epoch: bytes,
        batches: Sequence[wire.EntryBatch],
        fresh: Sequence[VerifiedBatch],
    ) -> Accepted:
        head = self._position(node_id, epoch).head
        assert head is not None, "a verified batch has entries, so the copy has a head"
        new = sum(len(one.entries) for one in fresh)
        return Accepted(head, new, sum(len(one.entries) for one in batches) - new)


def _is_exercise(entry: bytes) -> bool:
    try:
        return wire.Entry.FromString(entry).exercise
    except DecodeError:
        return False  # stored raw, and parked when it is applied


def is_contradiction(error: Exception) -> bool:
    """Whether a refusal shows two histories, so that a person must decide."""
    return isinstance(error, (Diverged, EpochUnfounded))
