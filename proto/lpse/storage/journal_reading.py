"""One party's own journal as followers, proofs and doctors read it.

Owns reading only: epochs, batches that end at signed heads, entries, roots and proofs, also of
epochs that have ended. Rule: nothing that is not durable is shown. Leaves out appending and
signing (`journal`) and SQL (`journal_store`).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from lpse.federation.checkpoints import Head
from lpse.federation.errors import NotFound, Refused
from lpse.federation.limits import (
    BATCH_BYTES_MAX,
    BATCH_ENTRIES_MAX,
    PROOF_LEAVES_MAX,
    SCAN_ROWS_PER_STEP,
)
from lpse.federation.merkle import consistency_proof, inclusion_proof, leaf_hash, root_of
from lpse.federation.notes import Verifier
from lpse.federation.v1 import journal_pb2 as wire
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage import journal_store as store
from lpse.storage.journal_branches import verifier_in
from lpse.storage.journal_store import EntryRow, EpochRow, HeadRow

T = TypeVar("T")


class JournalReading(ABC):
    """What `Journal` answers about its durable entries."""

    _database: Database
    _advanced: asyncio.Event
    met_damage: bytes = b""  # the epoch in which a batch last met an entry that was damaged

    @property
    @abstractmethod
    def party(self) -> str:
        """Who writes this journal."""

    @property
    @abstractmethod
    def verifier(self) -> Verifier:
        """The present public key of its writer."""

    @property
    @abstractmethod
    def epoch(self) -> bytes:
        """The present epoch, 16 bytes."""

    @property
    @abstractmethod
    def head(self) -> Head:
        """The newest durable signed head."""

    async def epochs(self) -> list[EpochRow]:
        """Every epoch of this journal, oldest first."""
        return await self._database.read(store.epochs_in)

    async def writer(self, epoch: bytes) -> Verifier:
        """The name and key that signed an epoch: the present ones, or former ones."""
        return await self._database.read(lambda tx: verifier_in(tx, self.verifier, epoch))

    async def newest_head(self, epoch: bytes) -> Head:
        """The last head of an epoch, also of one that has ended."""

        def work(tx: Transaction) -> Head:
            row = store.newest_head_in(tx, number_in(tx, epoch))
            assert row is not None, "an epoch begins with a head"
            # An epoch that this machine wrote under another name keeps the name that was signed.
            party = verifier_in(tx, self.verifier, epoch).name
            return Head(party, epoch, row.size, row.root, row.signature)

        return await self._database.read(work)

    async def batch(
        self,
        first: int,
        *,
        epoch: bytes | None = None,
        entries_max: int = BATCH_ENTRIES_MAX,
        bytes_max: int = BATCH_BYTES_MAX,
    ) -> wire.EntryBatch | None:
        """As many entries from `first` as fit and end at a signed head; None if there are none.

        A credit smaller than the distance to the next head gives None as well: followers grant at
        least one batch (`BATCH_ENTRIES_MAX`, `BATCH_BYTES_MAX`) or nothing. An entry whose bytes
        were damaged on the disk is not sent, and what lies behind it waits until it is healed:
        `met_damage` names the epoch.
        """
        wanted = epoch or self.epoch

        def work(tx: Transaction) -> tuple[wire.EntryBatch | None, bool]:
            number = number_in(tx, wanted)
            heads = store.heads_between_in(tx, number, first, first + entries_max)
            chosen = store.last_that_fits_in(tx, number, first, heads, bytes_max)
            if chosen is None:
                return None, False
            rows = store.entries_in(tx, number, first, chosen.size)
            whole = first + _whole(rows, first)
            damaged = whole < chosen.size
            if damaged:
                heads = [head for head in heads if head.size <= whole]
                if not heads:
                    return None, True
                chosen = heads[-1]
            batch = wire.EntryBatch(
                first_index=first,
                entries=[row.data for row in rows[: chosen.size - first]],
                head=self._head_of(wanted, chosen).message(),
            )
            return batch, damaged

        batch, damaged = await self._database.read(work)
        if damaged:
            self.met_damage = wanted
        return batch

    async def signed_head(self, epoch: bytes, size: int) -> Head:
        """The signed head of an earlier size; NotFound (FED-2026) where no commit ended there."""

        def work(tx: Transaction) -> HeadRow | None:
            return store.head_at_in(tx, number_in(tx, epoch), size)

        row = await self._database.read(work)
        if row is None:
            raise NotFound("FED-2026", f"no head of {size} entries was ever signed")
        return self._head_of(epoch, row)

    async def wait_beyond(self, size: int, *, epoch: bytes | None = None) -> None:
        """Return once the journal is longer than `size`, or no longer in that epoch."""
        wanted = epoch or self.epoch
        while self.epoch == wanted and self.head.size <= size:
            await self._advanced.wait()

    async def entries(self, first: int, last: int, *, epoch: bytes | None = None) -> list[EntryRow]:
        """Stored entries with first <= index < last, at most one scan step of them."""
        wanted = epoch or self.epoch
        limit = min(last, first + SCAN_ROWS_PER_STEP)
        return await self._database.read(
            lambda tx: store.entries_in(tx, number_in(tx, wanted), first, limit)
        )

    async def inclusion_proof(
        self, index: int, size: int, *, epoch: bytes | None = None
    ) -> list[bytes]:
        """The path from entry `index` to the root at `size`."""
        return await self._from_leaves(size, epoch, lambda leaves: inclusion_proof(leaves, index))

    async def consistency_proof(
        self, old_size: int, new_size: int, *, epoch: bytes | None = None
    ) -> list[bytes]:
        """The hashes that show the tree at `new_size` to continue the one at `old_size`."""
        return await self._from_leaves(
            new_size, epoch, lambda leaves: consistency_proof(leaves, old_size)
        )

    async def root_at(self, size: int, *, epoch: bytes | None = None) -> bytes:
        """The root that the journal had at an earlier size."""
        return await self._from_leaves(size, epoch, root_of)

    async def _from_leaves(
        self, size: int, epoch: bytes | None, work: Callable[[list[bytes]], T]
    ) -> T:
        wanted = epoch or self.epoch
        if size > PROOF_LEAVES_MAX:
            raise Refused("FED-2025", f"proofs are made for up to {PROOF_LEAVES_MAX} entries")

        def unit(tx: Transaction) -> T:
            leaves = store.leaf_hashes_in(tx, number_in(tx, wanted), 0, size)
            if len(leaves) != size:
                raise NotFound("FED-2026", f"this journal has no {size} entries")
            return work(leaves)

        return await self._database.read(unit)

    def _head_of(self, epoch: bytes, row: HeadRow) -> Head:
        return Head(self.party, epoch, row.size, row.root, row.signature)


def _whole(rows: Sequence[EntryRow], first: int) -> int:
    """How many entries from `first` are there with the bytes that were hashed."""
    for count, row in enumerate(rows):
        if row.index != first + count or leaf_hash(row.data) != row.leaf_hash:
            return count
    return len(rows)


def number_in(tx: Transaction, epoch: bytes) -> int:
    """The number of an epoch; NotFound (FED-2024) for one that this journal never had."""
    for row in store.epochs_in(tx):
        if row.epoch == epoch:
            return row.number
    raise NotFound("FED-2024", "this journal never had that epoch")
