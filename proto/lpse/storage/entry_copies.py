"""Stored entries of journals as healing sees them: shown to the other side, or put back here.

Owns the two kinds of copies: of the own journal, and of journals that were received. Rules: what is
shown is read from the bytes and never from a kept hash, and an entry that does not have its hash is
not shown; what is put back was verified by the caller. Leaves out judging (`entry_healing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from lpse.federation.checkpoints import Head
from lpse.federation.entries import decode_entry
from lpse.federation.errors import NotFound, Refused
from lpse.federation.limits import (
    EPOCH_BYTES,
    HEALED_ENTRIES_MAX,
    PROOF_LEAVES_MAX,
    VERIFY_PAGE_ENTRIES,
)
from lpse.federation.merkle import leaf_hash
from lpse.federation.merkle_paths import PathTree
from lpse.federation.v1 import healing_pb2 as wire
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage import journal_store
from lpse.storage.journal import Journal
from lpse.storage.journal_reading import number_in
from lpse.storage.journal_store import EntryRow
from lpse.storage.received import ReceivedJournals, StoredEntry
from lpse.storage.verify_pass import Kept, VerifyPass
from lpse.storage.verify_sources import Check, OthersJournals, OwnJournals


class Copies(Protocol):
    """One kind of stored journals whose entries can be put back."""

    async def heads(self) -> Sequence[Head]:
        """The newest signed head of every journal and epoch."""

    def page_in(self, tx: Transaction, head: Head, first: int, limit: int) -> list[Kept]:
        """Entries of that journal from `first`."""

    async def check(self, head: Head) -> None:
        """Raise FederationError unless the writer's key signed the head."""

    async def signed(self, head: Head, size: int) -> Head | None:
        """The kept signed head of exactly that size in the journal and epoch of `head`."""

    def put_back_in(self, tx: Transaction, head: Head, index: int, data: bytes) -> None:
        """Put a verified entry where it belongs."""


class OwnCopies(OwnJournals):
    """Every epoch of the own journal; any signed head of an epoch counts."""

    def __init__(self, database: Database, journal: Journal, check: Check) -> None:
        super().__init__(journal, check)
        self._database = database
        self._own = journal

    async def signed(self, head: Head, size: int) -> Head | None:
        """See `Copies.signed`: every commit ended at one."""

        def work(tx: Transaction) -> Head | None:
            row = journal_store.head_at_in(tx, number_in(tx, head.epoch), size)
            if row is None:
                return None
            return Head(head.party, head.epoch, row.size, row.root, row.signature)

        return await self._database.read(work)

    def put_back_in(self, tx: Transaction, head: Head, index: int, data: bytes) -> None:
        """See `Copies.put_back_in`."""
        entry = decode_entry(data)
        row = EntryRow(index, entry.entry_id, entry.kind, data, leaf_hash(data))
        journal_store.put_back_in(tx, number_in(tx, head.epoch), row)

    async def suspect_what_was_met(self, verify: VerifyPass) -> None:
        """Have an epoch read again in which whoever sends entries met a damaged one."""
        met, self._own.met_damage = self._own.met_damage, b""
        if met:
            await verify.suspect(f"{(await self._own.writer(met)).name}/{met.hex()}")

    async def show(self, wanted: wire.WantedEntries) -> wire.HeldEntries:
        """Those of the wanted entries that are here; NotFound (FED-7078) for an unknown journal."""
        heads = {one.epoch: one for one in await self.heads()}
        return await _show(self._database, self, heads.get(wanted.epoch), wanted)


class OthersCopies(OthersJournals):
    """Journals of others; of each only the newest signed head is kept."""

    def __init__(self, database: Database, received: ReceivedJournals, check: Check) -> None:
        super().__init__(received, check)
        self._database = database
        self._kept = received

    async def signed(self, head: Head, size: int) -> Head | None:
        """See `Copies.signed`: the newest one, or none."""
        return head if head.size == size else None

    def put_back_in(self, tx: Transaction, head: Head, index: int, data: bytes) -> None:
        """See `Copies.put_back_in`."""
        self._kept.put_back_in(tx, head, StoredEntry(index, data, leaf_hash(data)))

    async def show(self, wanted: wire.WantedEntries, party: str) -> wire.HeldEntries:
        """As `OwnCopies.show`, of one writer's journal."""
        position = await self._kept.position(party, wanted.epoch)
        return await _show(self._database, self, position.head, wanted)


def check_wanted(wanted: wire.WantedEntries) -> None:
    """Refused (FED-7076) for a question that no copy can have an answer to."""
    indexes = list(wanted.indexes)
    if len(wanted.epoch) != EPOCH_BYTES:
        raise Refused("FED-7076", "there is no such place in a journal")
    if not 1 <= len(indexes) <= HEALED_ENTRIES_MAX or len(set(indexes)) != len(indexes):
        raise Refused("FED-7076", f"one call names 1 to {HEALED_ENTRIES_MAX} entries")
    if max(indexes) >= wanted.size:
        raise Refused("FED-7076", "there is no such place in a journal")


async def _show(
    database: Database, copies: Copies, head: Head | None, asked: wire.WantedEntries
) -> wire.HeldEntries:
    check_wanted(asked)
    if head is None:
        raise _unknown()
    size = min(asked.size, head.size)
    if size > PROOF_LEAVES_MAX:
        raise Refused("FED-2025", f"proofs are made for up to {PROOF_LEAVES_MAX} entries")
    leaves = await _kept_leaves(database, copies, head, size)
    tree = await asyncio.to_thread(PathTree, leaves)
    held = wire.HeldEntries(national=asked.national, epoch=asked.epoch, size=size)
    for index in asked.indexes:
        if index < size:
            data = await database.read(_reading(copies, head, index))
            if leaf_hash(data) == leaves[index]:
                held.entries.add(index=index, data=data, path=tree.path(index))
    return held


async def _kept_leaves(database: Database, copies: Copies, head: Head, size: int) -> list[bytes]:
    """Kept leaf hashes of the first entries, page by page, so that others have their turn."""
    leaves: list[bytes] = []
    while len(leaves) < size:
        first, limit = len(leaves), min(VERIFY_PAGE_ENTRIES, size - len(leaves))
        rows = await database.read(_page(copies, head, first, limit))
        if [index for index, _, _ in rows] != list(range(first, first + limit)):
            raise _unknown()  # the copy has gaps itself: its own pass finds them
        leaves += [leaf for _, _, leaf in rows]
    return leaves


def _page(
    copies: Copies, head: Head, first: int, limit: int
) -> Callable[[Transaction], list[Kept]]:
    return lambda tx: copies.page_in(tx, head, first, limit)


def _reading(copies: Copies, head: Head, index: int) -> Callable[[Transaction], bytes]:
    def work(tx: Transaction) -> bytes:
        rows = copies.page_in(tx, head, index, 1)
        return rows[0][1] if rows else b""

    return work


def _unknown() -> NotFound:
    return NotFound("FED-7078", "the entries that were asked for are not here")
