"""All SQL of recovery at the node: its state, what is being read back, what is being rebuilt.

Rules: entries read back wait in a table of their own until they make the head that was signed; then
the whole tail enters the journal in one transaction, and the tables follow in bounded units whose
progress is durable (a crash at any point goes on there). Leaves out the calls (`client`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lpse.federation.checkpoints import Head
from lpse.federation.entries import decode_entry
from lpse.federation.errors import FederationError
from lpse.federation.limits import SCAN_ROWS_PER_STEP
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.notes import Verifier
from lpse.federation.v1 import journal_pb2 as journal_wire
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage import journal_branches as branches
from lpse.storage import journal_store
from lpse.storage.journal import RENAMED
from lpse.storage.journal_store import EntryRow, EpochRow

# Why something is to be recovered.
BACKUP: Final = "backup"
REWOUND: Final = "rewound"
LOST_MACHINE: Final = "machine lost"
CENTRE_LOST: Final = "centre restored"  # it lacks entries of epochs that ended here


@dataclass(frozen=True, slots=True)
class State:
    """Where recovery stands; an empty cause means that nothing is to be recovered."""

    cause: str
    advice: int
    rule: str
    reason: str
    branch: str
    returned: int
    imported: int
    kept: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """An epoch whose tables follow its entries, from `next_index`."""

    epoch: bytes
    next_index: int
    last_index: int
    moved: bool  # the entries are not new, they stand at a new place


class RecoveryStore:
    """Tables of migration 0074."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def state(self) -> State:
        """The one row."""
        return await self.database.read(self.state_in)

    def state_in(self, tx: Transaction) -> State:
        """See `state`."""
        rows = tx.execute(
            "SELECT cause, advice, rule, reason, branch, returned, imported, kept"
            " FROM recovery_state"
        )
        return State(*rows[0])

    def is_returning_in(self, tx: Transaction) -> bool:
        """Whether own entries are on their way back, or their tables are behind them."""
        return bool(self.state_in(tx).cause)

    async def want(self, cause: str) -> None:
        """Something may have to come back; a cause that is being worked on stays."""
        await self.database.write(
            lambda tx: tx.run("UPDATE recovery_state SET cause = ? WHERE cause = ''", (cause,))
        )

    async def advised(self, advice: int, rule: str, reason: str, branch: str) -> None:
        """What the centre said last."""
        await self.database.write(
            lambda tx: tx.run(
                "UPDATE recovery_state SET advice = ?, rule = ?, reason = ?, branch = ?",
                (advice, rule, reason, branch),
            )
        )

    async def keep_agreed(self, agreed: Mapping[bytes, tuple[int, int]]) -> None:
        """What both sides hold: a new identity takes along what lies beyond."""
        rows = [(epoch, *sizes) for epoch, sizes in agreed.items()]
        await self.database.write(
            lambda tx: tx.many("INSERT OR REPLACE INTO recovery_agreed VALUES (?, ?, ?)", rows)
        )

    async def agreed(self) -> dict[bytes, tuple[int, int]]:
        """See `keep_agreed`."""
        rows = await self.database.read(
            lambda tx: tx.execute("SELECT epoch, prefix, centre_size FROM recovery_agreed")
        )
        return {bytes(epoch): (prefix, size) for epoch, prefix, size in rows}

    def leave_unnamed_in(self, tx: Transaction, former: Verifier, present: Verifier) -> None:
        """Every epoch until now was signed under a former name; the link begins anew.

        After an attempt that got as far as the new epoch, nothing is left to do.
        """
        for row in journal_store.epochs_in(tx):
            if row.reason == RENAMED and _signed_in(tx, row, present):
                return
        for row in journal_store.epochs_in(tx):
            if branches.verifier_in(tx, former, row.epoch) == former:
                branches.signed_before_in(tx, row.epoch, former)
        tx.run(
            "UPDATE link_state SET token_number = 0, token_value = NULL, stored_head = NULL,"
            " applied_size = 0, parked = '[]'"
        )

    async def named(self, epoch: bytes, size: int) -> None:
        """The new identity is in force; tables learn the new places of what it took along."""

        def work(tx: Transaction) -> None:
            self.done_in(tx)
            tx.run(
                "INSERT OR IGNORE INTO recovery_epochs (epoch, next_index, last_index, moved)"
                " VALUES (?, 1, ?, 1)",
                (epoch, size),
            )

        await self.database.write(work)

    def turned_in(self, tx: Transaction, cause: str, *, imported: int, kept: int) -> None:
        """A new epoch was opened, and own entries went into it again."""
        tx.run(
            "UPDATE recovery_state SET cause = ?, imported = imported + ?, kept = kept + ?",
            (cause, imported, kept),
        )

    def done_in(self, tx: Transaction) -> None:
        """Nothing is to be recovered any more."""
        tx.run(
            "UPDATE recovery_state SET cause = '', advice = 0, rule = '', reason = '',"
            " branch = '', returned = 0, imported = 0, kept = 0"
        )

    def branched_in(self, tx: Transaction) -> int:
        """Entries that stand in branches."""
        return int(tx.execute("SELECT count(*) FROM journal_branches")[0][0])

    # --- sizes and roots of the own journal ---

    async def sizes(self) -> dict[bytes, int]:
        """Entries that each own epoch has here."""
        return await self.database.read(
            lambda tx: {
                row.epoch: journal_store.count_in(tx, row.number)
                for row in journal_store.epochs_in(tx)
            }
        )

    async def roots(self, epoch: bytes, sizes: Sequence[int]) -> list[bytes]:
        """Own roots at ascending sizes, in one pass and bounded steps."""
        tree, found = CompactRange(), []
        for size in sizes:
            while tree.size < size:
                last = min(size, tree.size + SCAN_ROWS_PER_STEP)
                for leaf in await self._leaves(epoch, tree.size, last):
                    tree.append(leaf)
            found.append(tree.root())
        return found

    async def _leaves(self, epoch: bytes, first: int, last: int) -> list[bytes]:
        def work(tx: Transaction) -> list[bytes]:
            row = branches.find_epoch_in(tx, epoch)
            assert row is not None, "an epoch of this journal"
            return journal_store.leaf_hashes_in(tx, row.number, first, last)

        return await self.database.read(work)

    # --- what is read back ---

    async def staged(self, epoch: bytes, have: int) -> int:
        """Index behind what was read back of this epoch; older rows than `have` are dropped."""

        def work(tx: Transaction) -> int:
            tx.run("DELETE FROM recovery_entries WHERE epoch = ? AND idx < ?", (epoch, have))
            rows = tx.execute(
                "SELECT coalesce(max(idx) + 1, ?) FROM recovery_entries WHERE epoch = ?",
                (have, epoch),
            )
            return int(rows[0][0])

        return await self.database.write(work)

    async def stage(self, epoch: bytes, first: int, entries: Sequence[bytes]) -> None:
        """Keep a piece, durably."""
        rows = [
            (epoch, index, *_named(data), data, leaf_hash(data))
            for index, data in enumerate(entries, first)
        ]
        await self.database.write(
            lambda tx: tx.many(
                "INSERT OR REPLACE INTO recovery_entries"
                " (epoch, idx, entry_id, kind, bytes, leaf_hash) VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
        )

    async def drop(self, epoch: bytes) -> None:
        """What was read back does not make the head: read it again."""
        await self.database.write(
            lambda tx: tx.run("DELETE FROM recovery_entries WHERE epoch = ?", (epoch,))
        )

    async def staged_root(self, epoch: bytes, have: int, size: int) -> bytes:
        """The root over own entries below `have` and the read ones behind them."""
        tree = CompactRange()
        while tree.size < have:
            last = min(have, tree.size + SCAN_ROWS_PER_STEP)
            for leaf in await self._leaves(epoch, tree.size, last):
                tree.append(leaf)
        while tree.size < size:
            rows = await self._staged_leaves(epoch, tree.size, size)
            if not rows:
                break
            for leaf in rows:
                tree.append(leaf)
        return tree.root()

    async def _staged_leaves(self, epoch: bytes, first: int, last: int) -> list[bytes]:
        rows = await self.database.read(
            lambda tx: tx.execute(
                "SELECT leaf_hash FROM recovery_entries WHERE epoch = ? AND idx >= ? AND idx < ?"
                " ORDER BY idx LIMIT ?",
                (epoch, first, last, SCAN_ROWS_PER_STEP),
            )
        )
        return [bytes(leaf) for (leaf,) in rows]

    async def take_in(self, head: Head, have: int, former: Verifier | None) -> None:
        """The whole tail enters the journal; its tables are to follow."""

        def work(tx: Transaction) -> None:
            opened = _opened_in(tx, head.epoch)
            number = branches.number_for_in(tx, opened)
            tx.run(
                "INSERT INTO journal_entries (epoch, idx, entry_id, kind, bytes, leaf_hash)"
                " SELECT ?, idx, entry_id, kind, bytes, leaf_hash FROM recovery_entries"
                " WHERE epoch = ? AND idx >= ? AND idx < ? ORDER BY idx",
                (number, head.epoch, have, head.size),
            )
            branches.end_at_in(tx, number, head)
            # What lies beyond was given back by a centre that lost it since: nobody else has it.
            tx.run(
                "DELETE FROM recovery_entries WHERE epoch = ? AND idx < ?", (head.epoch, head.size)
            )
            tx.run(
                "INSERT INTO recovery_epochs (epoch, next_index, last_index) VALUES (?, ?, ?)"
                " ON CONFLICT (epoch) DO UPDATE SET last_index = excluded.last_index",
                (head.epoch, have, head.size),
            )
            tx.run("UPDATE recovery_state SET returned = returned + ?", (head.size - have,))
            if former is not None:
                branches.signed_before_in(tx, head.epoch, former)

        await self.database.write(work)

    # --- tables that follow ---

    async def rebuilds(self) -> list[Rebuild]:
        """Epochs whose tables are behind, in the order in which they came back."""
        rows = await self.database.read(
            lambda tx: tx.execute(
                "SELECT epoch, next_index, last_index, moved FROM recovery_epochs ORDER BY rowid"
            )
        )
        return [Rebuild(epoch, first, last, bool(moved)) for epoch, first, last, moved in rows]

    def entries_in(self, tx: Transaction, one: Rebuild, limit: int) -> list[EntryRow]:
        """The next entries of an epoch that came back."""
        row = branches.find_epoch_in(tx, one.epoch)
        assert row is not None, "it came back"
        last = min(one.last_index, one.next_index + limit)
        return journal_store.entries_in(tx, row.number, one.next_index, last)

    def advance_in(self, tx: Transaction, one: Rebuild, index: int) -> None:
        """Tables hold everything below `index`."""
        if index >= one.last_index:
            tx.run("DELETE FROM recovery_epochs WHERE epoch = ?", (one.epoch,))
            return
        tx.run("UPDATE recovery_epochs SET next_index = ? WHERE epoch = ?", (index, one.epoch))

    def miss_in(self, tx: Transaction, digest: bytes, size_bytes: int) -> None:
        """A row vouches for bytes that may not be here."""
        tx.run(
            "INSERT OR IGNORE INTO recovery_blobs (digest, size_bytes) VALUES (?, ?)",
            (digest, size_bytes),
        )

    async def missing(self, limit: int) -> list[bytes]:
        """Digests to look at."""
        rows = await self.database.read(
            lambda tx: tx.execute(
                "SELECT digest FROM recovery_blobs ORDER BY digest LIMIT ?", (limit,)
            )
        )
        return [bytes(digest) for (digest,) in rows]

    async def looked(self, digest: bytes) -> None:
        """The scrub looks after it from now on."""
        await self.database.write(
            lambda tx: tx.run("DELETE FROM recovery_blobs WHERE digest = ?", (digest,))
        )


def _signed_in(tx: Transaction, row: EpochRow, verifier: Verifier) -> bool:
    newest = journal_store.newest_head_in(tx, row.number)
    if newest is None:
        return False
    head = Head(verifier.name, row.epoch, newest.size, newest.root, newest.signature)
    try:
        head.verify(verifier)
    except FederationError:
        return False
    return True


def _named(data: bytes) -> tuple[bytes, str]:
    """Id and kind of an entry of our own; it was written by this journal, so it can be read."""
    entry = decode_entry(data)
    return entry.entry_id, entry.kind


def _opened_in(tx: Transaction, epoch: bytes) -> EpochRow:
    """The row of an epoch, from the journal or from its first entry as it came back."""
    known = branches.find_epoch_in(tx, epoch)
    if known is not None:
        return known
    rows = tx.execute("SELECT bytes FROM recovery_entries WHERE epoch = ? AND idx = 0", (epoch,))
    entry = decode_entry(rows[0][0])
    opened = records.EpochOpened.FromString(entry.payload)
    head: journal_wire.Head | None = (
        opened.continues_from if opened.HasField("continues_from") else None
    )
    continued = head.SerializeToString(deterministic=True) if head is not None else None
    return EpochRow(0, epoch, entry.record_time.isoformat(), opened.reason, continued)
