"""Other parties' journals, kept as received: the centre's ledger and a node's national copy.

Owns the tables that hold foreign entries (`<prefix>_journals`, `<prefix>_entries`) and the durable
position in each: size, signed head and compact range. Rules: only a verified batch is stored, its
bytes as they came (Invariant 2); entries and position move in one transaction, and a batch that
does not begin at the durable size is refused (Invariant 3). Leaves out what entries mean and the
migration file itself, which the owner of the prefix writes from `received_schema`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lpse.federation.checkpoints import Head
from lpse.federation.entries import BatchGap, VerifiedBatch, verify_batch
from lpse.federation.errors import Refused
from lpse.federation.limits import SCAN_ROWS_PER_STEP
from lpse.federation.merkle import CompactRange, leaf_hashes
from lpse.federation.notes import Verifier
from lpse.federation.v1 import journal_pb2 as wire
from lpse.runtime.sqlite import Database, Transaction

_PREFIX = re.compile(r"[a-z]+(_[a-z]+)*")
_SCHEMA = """\
CREATE TABLE {prefix}_journals (
    id INTEGER PRIMARY KEY,
    party TEXT NOT NULL,
    epoch BLOB NOT NULL,               -- 16 bytes, chosen by the writer
    size INTEGER NOT NULL,             -- durable entries; what STORED acknowledges
    root BLOB NOT NULL,
    signature BLOB NOT NULL,           -- the writer's, over the head of this size
    tree BLOB NOT NULL,                -- compact range of this size
    UNIQUE (party, epoch)
);
CREATE TABLE {prefix}_entries (
    journal INTEGER NOT NULL REFERENCES {prefix}_journals (id),
    idx INTEGER NOT NULL,
    bytes BLOB NOT NULL,               -- exactly as received
    leaf_hash BLOB NOT NULL,
    PRIMARY KEY (journal, idx)
);
"""
# `prefix` is a word of the program, checked against a pattern; values are always parameters.
_FIND = """SELECT id, party, epoch, size, root, signature, tree FROM {prefix}_journals
    WHERE party = ? AND epoch = ?"""
_FIND_ALL = """SELECT id, party, epoch, size, root, signature, tree FROM {prefix}_journals
    ORDER BY id"""
_BEGIN = """INSERT INTO {prefix}_journals (party, epoch, size, root, signature, tree)
    VALUES (?, ?, ?, ?, ?, ?)"""
_ADVANCE = """UPDATE {prefix}_journals SET size = ?, root = ?, signature = ?, tree = ?
    WHERE party = ? AND epoch = ? AND size = ?"""
_INSERT = "INSERT INTO {prefix}_entries (journal, idx, bytes, leaf_hash) VALUES (?, ?, ?, ?)"
_REPLACE = """UPDATE {prefix}_entries SET bytes = ?, leaf_hash = ? WHERE idx = ? AND journal =
    (SELECT id FROM {prefix}_journals WHERE party = ? AND epoch = ?)"""
# As bytes whatever their type is: a row that the disk changed must be seen, not stop a reader.
_SCAN = """SELECT e.idx, CAST(e.bytes AS BLOB), CAST(e.leaf_hash AS BLOB) FROM {prefix}_entries e
    JOIN {prefix}_journals j ON j.id = e.journal
    WHERE j.party = ? AND j.epoch = ? AND e.idx >= ? AND e.idx < ? ORDER BY e.idx"""


class ReceivedDamaged(Refused):
    """Stored foreign entries no longer make the head that their writer signed."""

    def __init__(self, party: str) -> None:
        super().__init__(
            "FED-1109",
            f"the stored copy of the journal of {party} is damaged",
            remedy="restore the newest backup, or drop the copy and let it be sent again",
        )


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A foreign entry as it was received."""

    index: int
    data: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """How far a foreign journal is durably stored; `head` is None before its first batch."""

    party: str
    epoch: bytes
    tree: CompactRange
    head: Head | None


def received_schema(prefix: str) -> str:
    """The statements that the owner of a prefix puts into its migration."""
    return _SCHEMA.format(prefix=_checked(prefix))


def _checked(prefix: str) -> str:
    assert _PREFIX.fullmatch(prefix), prefix
    return prefix


class ReceivedJournals:
    """The foreign journals under one prefix of tables."""

    def __init__(self, database: Database, prefix: str) -> None:
        self._database = database
        name = _checked(prefix)
        self._find = _FIND.format(prefix=name)
        self._find_all = _FIND_ALL.format(prefix=name)
        self._begin = _BEGIN.format(prefix=name)
        self._advance = _ADVANCE.format(prefix=name)
        self._insert = _INSERT.format(prefix=name)
        self._replace = _REPLACE.format(prefix=name)
        self._scan = _SCAN.format(prefix=name)

    # --- inside a transaction ---

    def position_in(self, tx: Transaction, party: str, epoch: bytes) -> Position:
        """How far this journal is stored; the empty tree for one never seen."""
        rows = tx.execute(self._find, (party, epoch))
        return _position(rows[0]) if rows else Position(party, epoch, CompactRange(), None)

    def positions_in(self, tx: Transaction) -> list[Position]:
        """Every journal in the order in which it was first met."""
        return [_position(row) for row in tx.execute(self._find_all)]

    def store_batch_in(self, tx: Transaction, batch: VerifiedBatch) -> Head:
        """Store what is new and move the position; returns the durable head.

        Refused with BatchGap if the durable size is not the one that the batch was verified
        against: another session was faster, and the caller verifies again.
        """
        party, epoch = batch.head.party, batch.head.epoch
        if not batch.entries:
            stored = self.position_in(tx, party, epoch).head
            return stored or batch.head
        if not self._move(tx, batch):
            size = self.position_in(tx, party, epoch).tree.size
            raise BatchGap(size, batch.first_index)
        journal = tx.execute(self._find, (party, epoch))[0][0]
        pairs = zip(batch.entries, batch.leaf_hashes, strict=True)
        tx.many(
            self._insert,
            [(journal, index, *pair) for index, pair in enumerate(pairs, batch.first_index)],
        )
        return batch.head

    def entries_in(
        self, tx: Transaction, party: str, epoch: bytes, first: int, limit: int
    ) -> list[StoredEntry]:
        """Up to `limit` entries from `first`, for a projection that applies them."""
        last = first + min(limit, SCAN_ROWS_PER_STEP)
        return [StoredEntry(*row) for row in tx.execute(self._scan, (party, epoch, first, last))]

    def rows_in(
        self, tx: Transaction, party: str, epoch: bytes, first: int, limit: int
    ) -> list[tuple[int, bytes, bytes]]:
        """As `entries_in`, bare: index, bytes and kept leaf hash, for whoever reads millions."""
        return tx.execute(self._scan, (party, epoch, first, first + limit))

    def put_back_in(self, tx: Transaction, head: Head, row: StoredEntry) -> None:
        """Replace a damaged row, or put back one that is gone; the caller has verified the bytes.

        `head` names the journal; its position does not move.
        """
        changed = (row.data, row.leaf_hash, row.index, head.party, head.epoch)
        if not tx.run(self._replace, changed):
            journal, size = tx.execute(self._find, (head.party, head.epoch))[0][0:4:3]
            assert row.index < size, "what was never received is not put back"
            tx.run(self._insert, (journal, row.index, row.data, row.leaf_hash))

    def check_in(self, tx: Transaction, position: Position, verifier: Verifier) -> None:
        """Raise unless the stored bytes make the stored signed head; for starts and doctors."""
        tree = CompactRange()
        while rows := self.entries_in(
            tx, position.party, position.epoch, tree.size, SCAN_ROWS_PER_STEP
        ):
            tree.extend(leaf_hashes(row.data for row in rows))
        if position.head is not None:
            position.head.verify(verifier)
        if tree.size != position.tree.size or tree.root() != position.tree.root():
            raise ReceivedDamaged(position.party)

    def _move(self, tx: Transaction, batch: VerifiedBatch) -> bool:
        head = batch.head
        state = (head.size, head.root, head.signature, batch.tree.to_bytes())
        key = (head.party, head.epoch)
        if tx.run(self._advance, (*state, *key, batch.first_index)):
            return True
        if batch.first_index or tx.execute(self._find, key):
            return False
        tx.run(self._begin, (*key, *state))
        return True

    # --- on their own ---

    async def position(self, party: str, epoch: bytes) -> Position:
        """See `position_in`."""
        return await self._database.read(lambda tx: self.position_in(tx, party, epoch))

    async def positions(self) -> list[Position]:
        """See `positions_in`."""
        return await self._database.read(self.positions_in)

    async def entries(self, party: str, epoch: bytes, first: int, limit: int) -> list[StoredEntry]:
        """See `entries_in`."""
        return await self._database.read(lambda tx: self.entries_in(tx, party, epoch, first, limit))

    async def leaf_hashes(self, party: str, epoch: bytes, first: int, last: int) -> list[bytes]:
        """Leaf hashes with first <= index < last."""

        def work(tx: Transaction) -> list[bytes]:
            found: list[bytes] = []
            while rows := self.entries_in(
                tx, party, epoch, first + len(found), last - first - len(found)
            ):
                found.extend(row.leaf_hash for row in rows)
            return found

        return await self._database.read(work)

    async def verify(
        self, batch: wire.EntryBatch, verifier: Verifier, position: Position
    ) -> VerifiedBatch:
        """Check a batch of the position's journal; looks up own hashes only where it overlaps."""
        size, first = position.tree.size, batch.first_index
        own: list[bytes] = []
        if first < size:
            last = min(size, first + len(batch.entries))
            own = await self.leaf_hashes(position.party, position.epoch, first, last)
        return verify_batch(
            position.tree,
            verifier,
            batch,
            position.party,
            position.epoch,
            lambda index: own[index - first],
        )

    async def store_batch(self, batch: VerifiedBatch) -> Head:
        """Store a verified batch; returns once it is durable and may be acknowledged STORED."""
        return await self._database.write(lambda tx: self.store_batch_in(tx, batch))


def _position(row: tuple[int, str, bytes, int, bytes, bytes, bytes]) -> Position:
    _, party, epoch, size, root, signature, tree = row
    head = Head(party, epoch, size, root, signature)
    return Position(party, epoch, CompactRange.from_bytes(size, tree), head)
