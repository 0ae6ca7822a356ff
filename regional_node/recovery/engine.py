"""The steps of a recovery: turn into a new epoch, read back, rebuild, offer a branch, tell of it.

Owns what is durable between the steps. Rules: the turn is one transaction (branch out, epoch open,
own entries in again), so a crash leaves the old epoch or the new one; a tail enters the journal
only where it makes the head that this node once signed; tables follow in bounded units. Every step
may be repeated. Leaves out when a step is due (`worker`) and SQL (`store`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from lpse.federation import kinds
from lpse.federation.checkpoints import Head, sign_head
from lpse.federation.entries import DecodedEntry, decode_entry
from lpse.federation.errors import Refused
from lpse.federation.limits import (
    RECOVERY_PIECE_ENTRIES_MAX,
    RESTORED_ENTRIES_PER_STEP,
)
from lpse.federation.notes import Signer
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1 import recovery_pb2 as wire
from lpse.runtime.sqlite import Transaction
from lpse.storage.journal import Journal
from lpse.storage.journal_branches import of_others_in
from lpse.storage.journal_tail import Carried, carried_in
from regional_node.recovery.client import Listed, RecoveryClient
from regional_node.recovery.ports import Rebuilding, Suspect
from regional_node.recovery.rules import Search
from regional_node.recovery.store import REWOUND, Rebuild, RecoveryStore
from regional_node.restored import RestoredEntry


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both sides hold of one epoch: the common prefix, and each one's size."""

    prefix: int
    own: int
    centre: int


class Engine:
    """See the module's first lines."""

    def __init__(
        self,
        store: RecoveryStore,
        journal: Journal,
        signer: Signer,
        client: RecoveryClient,
        rebuilding: Rebuilding,
        log: FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._journal = journal
        self._signer = signer
        self._client = client
        self._rebuilding = rebuilding
        self._log = log

    # --- comparing ---

    async def listed(self) -> list[Listed]:
        """What the centre holds."""
        return await self._client.epochs()

    async def agreed(self, listed: Sequence[Listed]) -> dict[bytes, Agreed]:
        """The common prefix of every epoch that both sides know."""
        sizes = await self._store.sizes()
        found: dict[bytes, Agreed] = {}
        for one in listed:
            epoch, own = one.head.epoch, sizes.get(one.head.epoch)
            if own is not None:
                prefix = await self._prefix(epoch, own, one.head.size)
                found[epoch] = Agreed(prefix, own, one.head.size)
        return found

    async def shown(self, agreed: dict[bytes, Agreed]) -> list[Head]:
        """Own heads, the present one last; a longer epoch also as of the centre's size."""
        heads: list[Head] = []
        others = await self._store.database.read(lambda tx: of_others_in(tx, self._journal.party))
        for row in await self._journal.epochs():
            known = agreed.get(row.epoch)
            if known is not None and known.own > known.centre > 0:
                (root,) = await self._store.roots(row.epoch, [known.centre])
                heads.append(sign_head(self._signer, row.epoch, known.centre, root))
            if row.epoch in others:
                continue
            if row.epoch != self._journal.epoch and await self._own(row.epoch):
                heads.append(await self._journal.newest_head(row.epoch))
        return [*heads, self._journal.head]

    async def advice(self, heads: Sequence[Head]) -> wire.GetResolutionResponse:
        """Ask, and remember the answer for those who look."""
        said = await self._client.advice(heads)
        await self._store.advised(said.advice, said.rule, said.reason, said.branch)
        return said

    async def ended(self) -> dict[bytes, int]:
        """Entries of each own epoch that has ended here."""
        others = await self._store.database.read(lambda tx: of_others_in(tx, self._journal.party))
        passed = {self._journal.epoch, *others}
        sizes = await self._store.sizes()
        return {epoch: size for epoch, size in sizes.items() if size and epoch not in passed}

    async def unfounded(self, listed: Sequence[Listed]) -> bool:
        """Whether the present epoch continues one that the centre does not know any more."""
        (row,) = await self._journal.entries(0, 1)
        opened = records.EpochOpened.FromString(decode_entry(row.data).payload)
        known = {one.head.epoch for one in listed}
        return opened.HasField("continues_from") and opened.continues_from.epoch not in known

    async def lost_there(self, agreed: dict[bytes, Agreed]) -> bool:
        """Whether an ended epoch has an entry that neither it nor the present one brings over."""
        prefixes = {epoch: (one.prefix, one.centre) for epoch, one in agreed.items()}
        present, size = self._journal.epoch, self._journal.head.size
        prefixes[present] = (size, size)  # the link hands it over as far as it goes

        def work(tx: Transaction) -> bool:
            others = of_others_in(tx, self._journal.party)
            return next(carried_in(tx, prefixes, others), None) is not None

        return await self._store.database.read(work)

    # --- the turn ---

    async def turn(
        self, listed: Sequence[Listed], agreed: dict[bytes, Agreed], cause: str = REWOUND
    ) -> None:
        """A new epoch behind the last stored head, with every own entry that the centre lacks."""
        prefixes = {epoch: (one.prefix, one.centre) for epoch, one in agreed.items()}
        last = listed[-1].head

        def work(tx: Transaction) -> tuple[int, int]:
            before = self._store.branched_in(tx)
            carried = self._journal.turn_in(tx, prefixes, last)
            kept = self._store.branched_in(tx) - before
            self._store.turned_in(tx, cause, imported=len(carried), kept=kept)
            for one in carried:
                self._rebuilding.moved_in(tx, self._moved(one))
            return len(carried), kept

        imported, kept = await self._store.database.write(work)
        self._log.warning("recovery.turned", cause=cause, imported=imported, kept=kept)

    # --- the tail ---

    async def read_back(self, listed: Sequence[Listed]) -> bool:
        """Bring every lost entry into the journal; False where nothing was missing."""
        sizes = await self._store.sizes()
        came = False
        for one in listed:
            have = sizes.get(one.head.epoch, 0)
            if one.head.epoch != self._journal.epoch and have < one.head.size:
                await self._read_epoch(one, have)
                came = True
        return came

    async def rebuild(self) -> bool:
        """One bounded unit of tables; False where all of them follow their entries."""
        waiting = await self._store.rebuilds()
        if not waiting:
            return False
        await self._store.database.write(lambda tx: self._rebuild_in(tx, waiting[0]))
        return True

    async def look_at_blobs(self, suspect: Suspect, limit: int) -> bool:
        """Have the scrub fetch what is not here; False where nothing is left to look at."""
        digests = await self._store.missing(limit)
        for digest in digests:
            await suspect(digest)
            await self._store.looked(digest)
        return bool(digests)

    # --- the branch ---

    async def offer(self, head: Head, agreed: dict[bytes, Agreed]) -> str:
        """Hand over what the epoch of an own head has beyond the common prefix."""
        known = agreed.get(head.epoch)
        first = known.prefix if known is not None else 0
        name = await self._client.offer(self._pieces(head, first))
        self._log.warning("recovery.offered", branch=name, entries=head.size - first)
        return name

    # --- helpers, in call order ---

    async def _prefix(self, epoch: bytes, own: int, centre: int) -> int:
        search = Search(0, min(own, centre))
        while not search.found:
            sizes = search.sizes()
            theirs = await self._client.roots(epoch, sizes)
            ours = await self._store.roots(epoch, sizes)
            search = search.after(sizes, [a == b for a, b in zip(ours, theirs, strict=True)])
        return search.low

    async def _own(self, epoch: bytes) -> bool:
        """Whether the epoch has entries here: an epoch that is wholly left in a branch has none."""
        return (await self._store.sizes()).get(epoch, 0) > 0

    def _moved(self, one: Carried) -> RestoredEntry:
        return _restored(self._journal.working_epoch, one.index, one.entry)

    async def _read_epoch(self, one: Listed, have: int) -> None:
        head = one.head
        # A centre that was itself restored meanwhile may show less than it has given back already.
        first = min(await self._store.staged(head.epoch, have), head.size)
        async for index, entries in self._client.read(head.epoch, first, head.size):
            await self._store.stage(head.epoch, index, entries)
        if await self._store.staged_root(head.epoch, have, head.size) != head.root:
            await self._store.drop(head.epoch)
            raise Refused(
                "FED-2408",
                "the entries that the centre gave back do not make the head that was signed",
                remedy="they were not taken; ask the centre to check its disk",
            )
        former = None if one.verifier.public == self._signer.public else one.verifier
        await self._store.take_in(head, have, former)
        self._log.warning("recovery.returned", entries=head.size - have)

    def _rebuild_in(self, tx: Transaction, one: Rebuild) -> None:
        rows = self._store.entries_in(tx, one, RESTORED_ENTRIES_PER_STEP)
        for row in rows:
            entry = _restored(one.epoch, row.index, decode_entry(row.data))
            if one.moved:
                self._rebuilding.moved_in(tx, entry)
                continue
            for blob in self._rebuilding.restore_in(tx, entry):
                self._store.miss_in(tx, blob.digest, blob.size_bytes)
        self._store.advance_in(tx, one, one.next_index + len(rows))

    async def _pieces(self, head: Head, first: int) -> AsyncIterator[wire.OfferBranchRequest]:
        yield wire.OfferBranchRequest(head=head.message(), first_index=first)
        while first < head.size:
            last = min(head.size, first + RECOVERY_PIECE_ENTRIES_MAX)
            rows = await self._journal.entries(first, last, epoch=head.epoch)
            for row in rows:  # one by one: entries may be as large as a piece allows
                yield wire.OfferBranchRequest(first_index=row.index, entries=[row.data])
            first += len(rows)


def _restored(epoch: bytes, index: int, entry: DecodedEntry) -> RestoredEntry:
    record = kinds.record_of(entry.kind, entry.payload)
    return RestoredEntry(epoch, index, entry.kind, record, entry.entry_id, entry.record_time)
