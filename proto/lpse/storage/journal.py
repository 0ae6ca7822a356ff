"""One party's journal: appended inside any unit of work, sealed by every group commit.

Owns the party's Merkle tree and its signed heads. Rules: an entry commits together with what it
records, and every commit ends at a signed head (Invariants 1 and 2); no more than one batch of
entries lies between two heads; an entry id is appended once per epoch (Invariant 3). The tree in
memory moves with the transaction: what is rolled back on disk is forgotten here. The journal knows
no follower; they pull with a cursor. Leaves out SQL (`journal_store`) and the link.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from lpse.federation import kinds
from lpse.federation.checkpoints import Agreement, Head, compare_heads, sign_head
from lpse.federation.entries import DecodedEntry, decode_entry, encode_entry
from lpse.federation.errors import Refused
from lpse.federation.limits import (
    BATCH_BYTES_MAX,
    BATCH_ENTRIES_MAX,
    EPOCH_BYTES,
)
from lpse.federation.merkle import (
    CompactRange,
    leaf_hash,
)
from lpse.federation.notes import Signer, Verifier
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage import journal_store as store
from lpse.storage.journal_branches import leave_in, of_others_in, verifier_in
from lpse.storage.journal_reading import JournalReading
from lpse.storage.journal_store import EntryRow, EpochRow, HeadRow
from lpse.storage.journal_tail import Carried, basis_in, carried_in, unsent_in


class JournalDamaged(Refused):
    """What is stored does not make the signed head; nothing may be acknowledged from it."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-1108",
            f"the stored journal is damaged: {detail}",
            remedy="restore the newest backup; the other side gives the lost tail back",
        )


class OtherEnvironment(Refused):
    """The journal belongs to an exercise and this is production, or the other way round."""

    def __init__(self) -> None:
        super().__init__(
            "FED-2033",
            "the data folder was begun in the other environment",
            remedy="set `environment` back; a drill needs a data folder of its own",
        )


# The reason of an epoch that was opened because the follower held more than the writer.
RECOVERED = "recovered from the other side's copy"
# The reason of an epoch with which a machine goes on under an identity of its own.
RENAMED = "goes on under a new identity"


@dataclass(slots=True)
class _Tree:
    """The journal as of some point inside a transaction."""

    number: int
    epoch: bytes
    range: CompactRange
    head: Head | None
    unsealed_entries: int = 0
    unsealed_bytes: int = 0

    def copy(self) -> _Tree:
        """An independent tree: made for each unit, so without `dataclasses.replace`."""
        return _Tree(
            self.number,
            self.epoch,
            self.range.copy(),
            self.head,
            self.unsealed_entries,
            self.unsealed_bytes,
        )


class Journal(JournalReading):
    """See the module's first lines; `open` must have returned before anything is appended."""

    def __init__(
        self,
        database: Database,
        signer: Signer,
        clock: Clock,
        entropy: Entropy,
        *,
        exercise: bool = False,
    ) -> None:
        """The journal of the party that `signer` names; `exercise` marks every entry made."""
        self._database = database
        self._signer = signer
        self._clock = clock
        self._entropy = entropy
        self._exercise = exercise
        self._durable = self._working = _Tree(0, bytes(EPOCH_BYTES), CompactRange(), None)
        self._advanced = asyncio.Event()

    async def open(
        self,
        *,
        restored: bool = False,
        stored: Head | None = None,
        continues: Head | None = None,
        renamed: Mapping[bytes, tuple[int, int]] | None = None,
    ) -> list[Carried]:
        """Verify what is stored, then continue it; a restored copy continues in a new epoch.

        What lies above `stored`, the follower's newest acknowledgement, goes into that epoch again.
        An empty journal that `continues` a head of a lost machine names it in its first entry. A
        journal that was `renamed` begins an epoch under its new name and takes into it what the
        follower did not take under the old one: (common prefix, follower's size) by epoch.
        """
        tree = await self._database.read(self._load)
        if tree is not None:
            self._durable = self._working = tree
        self._database.attach(self)
        if tree is None:
            await self.open_epoch(continues, RECOVERED if continues else "genesis")
        elif restored:
            await self._database.write(lambda tx: self._continue_restored(tx, stored))
        elif renamed is not None:
            return await self._database.write(lambda tx: self._rename(tx, renamed))
        return []

    @property
    def party(self) -> str:
        """Who writes this journal."""
        return self._signer.name

    @property
    def verifier(self) -> Verifier:
        """The public key that everybody checks this journal's heads with."""
        return self._signer.verifier

    @property
    def epoch(self) -> bytes:
        """The present epoch, 16 bytes."""
        return self._durable.epoch

    @property
    def head(self) -> Head:
        """The newest durable signed head."""
        head = self._durable.head
        assert head is not None, "the journal is not open"
        return head

    @property
    def working_size(self) -> int:
        """Entries of the present epoch, those of the running transaction included."""
        return self._working.range.size

    @property
    def working_epoch(self) -> bytes:
        """The epoch that the running transaction appends to."""
        return self._working.epoch

    def append_in(
        self,
        tx: Transaction,
        record: Message,
        *,
        entry_id: bytes | None = None,
        imported: tuple[bytes, int] | None = None,
    ) -> int:
        """Append within the caller's transaction; the index holds if that transaction commits.

        With an `entry_id` that the epoch already has, nothing is appended and its index returned.
        """
        tree = self._working
        if entry_id is not None:
            present = store.index_of_in(tx, tree.number, entry_id)
            if present is not None:
                return present
        entry = DecodedEntry(
            kind=kinds.kind_of(record),
            entry_id=entry_id or self._entropy.identifier(),
            record_time=self._clock.now(),
            payload=record.SerializeToString(deterministic=True),
            exercise=self._exercise,
            imported=imported,
        )
        return self._append_bytes(tx, entry, encode_entry(entry))

    def adopt_in(self, tx: Transaction, entries: Sequence[bytes]) -> int:
        """Append own entries that another party gave back, byte for byte; the new size.

        Heads are signed as usual: the same entries and the same key make the same signatures.
        """
        for data in entries:
            self._append_bytes(tx, decode_entry(data), data)
        return self.working_size

    def turn_in(
        self, tx: Transaction, agreed: Mapping[bytes, tuple[int, int]], continues_from: Head
    ) -> list[Carried]:
        """Leave what contradicts the follower, open an epoch, and carry over what it lacks.

        `agreed` gives, per epoch that the follower knows, the common prefix and the follower's
        size. Entries beyond a prefix that the follower fills otherwise move to the branches; every
        own entry that it lacks is appended again with its origin. Nothing is deleted.
        """
        self._seal(tx)
        carried = list(carried_in(tx, agreed, of_others_in(tx, self.party)))
        for row in store.epochs_in(tx):
            prefix, theirs = agreed.get(row.epoch, (0, 0))
            if prefix < theirs and store.count_in(tx, row.number) > prefix:
                leave_in(tx, row, self._prefix_head(tx, row, prefix))
        self._begin_epoch(tx, continues_from, RECOVERED)
        for one in carried:
            one.index = self._append_bytes(tx, one.entry, encode_entry(one.entry))
        return carried

    async def append(self, *listed: Message) -> list[int]:
        """Append records in one transaction; returns when they are durable."""
        return await self._database.write(
            lambda tx: [self.append_in(tx, record) for record in listed]
        )

    async def open_epoch(self, continues_from: Head | None, reason: str) -> Head:
        """Begin a new tree whose first entry names the old head; returns its first head."""
        before = self._durable.epoch
        await self._database.write(lambda tx: self._begin_epoch(tx, continues_from, reason))
        assert self._durable.epoch != before
        return self.head

    async def agreement(self, theirs: Head) -> Agreement:
        """What another party's claim about this journal says; its signature is verified first."""
        theirs.verify(self.verifier)
        ours = self.head
        if theirs.epoch != ours.epoch or theirs.size >= ours.size:
            return compare_heads(ours, theirs, lambda _: None)
        root = await self.root_at(theirs.size, epoch=theirs.epoch)
        return compare_heads(ours, theirs, lambda _: root)

    # --- taking part in group commits (lpse.runtime.sqlite.CommitParticipant) ---

    def begin(self) -> None:
        """Work on a copy until the commit is durable."""
        self._working = self._durable.copy()

    def save(self) -> object:
        """The tree before the next unit."""
        return self._working.copy()

    def restore(self, saved: object) -> None:
        """Forget the entries of a unit that was taken back."""
        assert isinstance(saved, _Tree)
        self._working = saved

    def before_commit(self, tx: Transaction) -> None:
        """End the commit at a signed head."""
        self._seal(tx)

    def after_commit(self) -> None:
        """Show what is durable now, and wake every follower at once."""
        if self._working.head is self._durable.head:
            return
        self._durable = self._working
        self._advanced.set()
        self._advanced = asyncio.Event()

    def after_rollback(self) -> None:
        """Nothing was appended."""
        self._working = self._durable

    # --- inside the database thread ---

    def _append_bytes(self, tx: Transaction, entry: DecodedEntry, data: bytes) -> int:
        tree = self._working
        if tree.unsealed_entries and tree.unsealed_bytes + len(data) > BATCH_BYTES_MAX:
            self._seal(tx)
        index = tree.range.size
        leaf = leaf_hash(data)
        row = EntryRow(index, entry.entry_id, entry.kind, data, leaf)
        store.insert_entry_in(tx, tree.number, row)
        tree.range.append(leaf)
        tree.unsealed_entries += 1
        tree.unsealed_bytes += len(data)
        if tree.unsealed_entries == BATCH_ENTRIES_MAX:
            self._seal(tx)
        return index

    def _seal(self, tx: Transaction) -> None:
        tree = self._working
        if not tree.unsealed_entries:
            return
        head = sign_head(self._signer, tree.epoch, tree.range.size, tree.range.root())
        store.insert_head_in(tx, tree.number, HeadRow(head.size, head.root, head.signature))
        tree.head = head
        tree.unsealed_entries = tree.unsealed_bytes = 0

    def _begin_epoch(self, tx: Transaction, continues_from: Head | None, reason: str) -> None:
        self._seal(tx)
        number = self._working.number + 1
        epoch = self._entropy.token(EPOCH_BYTES)
        named = continues_from.message() if continues_from else None
        continued = named.SerializeToString(deterministic=True) if named else None
        opened = self._clock.now().isoformat()
        store.insert_epoch_in(tx, EpochRow(number, epoch, opened, reason, continued))
        self._working = _Tree(number, epoch, CompactRange(), None)
        self.append_in(tx, records.EpochOpened(continues_from=named, reason=reason))

    def _rename(self, tx: Transaction, agreed: Mapping[bytes, tuple[int, int]]) -> list[Carried]:
        if verifier_in(tx, self.verifier, self._working.epoch) == self.verifier:
            return []  # done by an attempt before
        carried = list(carried_in(tx, agreed))
        self._begin_epoch(tx, None, RENAMED)
        for one in carried:
            one.index = self._append_bytes(tx, one.entry, encode_entry(one.entry))
        return carried

    def _continue_restored(self, tx: Transaction, stored: Head | None) -> None:
        basis = basis_in(tx, stored)
        row = store.newest_head_in(tx, basis.number)
        assert row is not None, "a stored epoch ends at a head"
        carried = list(unsent_in(tx, stored, of_others_in(tx, self.party)))
        self._begin_epoch(tx, self._head_of(basis.epoch, row), "restored from backup")
        for entry in carried:
            self._append_bytes(tx, entry, encode_entry(entry))

    def _prefix_head(self, tx: Transaction, row: EpochRow, prefix: int) -> HeadRow:
        """The signed head of a prefix, made again where no commit happened to end there."""
        tree = CompactRange.from_leaf_hashes(store.leaf_hashes_in(tx, row.number, 0, prefix))
        head = sign_head(self._signer, row.epoch, prefix, tree.root())
        return HeadRow(head.size, head.root, head.signature)

    def _load(self, tx: Transaction) -> _Tree | None:
        listed = store.epochs_in(tx)
        if not listed:
            return None
        newest = listed[-1]
        row = store.newest_head_in(tx, newest.number)
        if row is None or store.count_in(tx, newest.number) != row.size:
            raise JournalDamaged("the entries do not end at a signed head")
        tree = CompactRange.from_leaf_hashes(store.leaf_hashes_in(tx, newest.number, 0, row.size))
        writer = verifier_in(tx, self.verifier, newest.epoch)
        head = Head(writer.name, newest.epoch, row.size, row.root, row.signature)
        head.verify(writer)
        if tree.size != row.size or tree.root() != row.root:
            raise JournalDamaged("the leaf hashes do not make the signed root")
        tail = store.entries_in(tx, newest.number, max(0, row.size - BATCH_ENTRIES_MAX), row.size)
        whole = [entry for entry in tail if leaf_hash(entry.data) == entry.leaf_hash]
        if not whole:
            raise JournalDamaged("the bytes of the newest entries do not have their hashes")
        if len(whole) < len(tail):  # what is appended stands on the hashes; the bytes are healed
            self.met_damage = newest.epoch
        if decode_entry(whole[-1].data).exercise != self._exercise:
            raise OtherEnvironment  # stepped time must not pass the deadlines of sealed bids
        return _Tree(newest.number, newest.epoch, tree, head)
