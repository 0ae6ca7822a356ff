"""What a journal left behind, and what it got back: the two ways in which ended epochs change.

Owns the tables `journal_branches` and `journal_branch_heads` and the writing of epochs that were
read back from the other side. Rules: an entry that leaves an epoch is kept in a branch with the
head that covered it, never deleted (Invariant 2); an epoch that comes back is written whole, up to
the head that its writer signed, in one transaction. Leaves out who decides that (`journal`,
`regional_node.recovery`).
"""

from __future__ import annotations

from dataclasses import dataclass

from lpse.federation.checkpoints import Head
from lpse.federation.notes import Verifier
from lpse.runtime.sqlite import Transaction
from lpse.storage import journal_store as store
from lpse.storage.journal_store import EntryRow, EpochRow, HeadRow

_KNOWS_FORMER = "SELECT 1 FROM sqlite_master WHERE name = 'journal_former_keys'"  # nodes only


@dataclass(frozen=True, slots=True)
class LeftBranch:
    """Entries that an epoch lost to another history of the same journal."""

    epoch: bytes
    first_index: int
    size: int
    root: bytes
    signature: bytes


def leave_in(tx: Transaction, row: EpochRow, prefix: HeadRow) -> LeftBranch:
    """Move the entries beyond the prefix into a branch; the epoch ends at the prefix's head."""
    newest = store.newest_head_in(tx, row.number)
    assert newest is not None and newest.size > prefix.size, "there is something to leave"
    branch = LeftBranch(row.epoch, prefix.size, newest.size, newest.root, newest.signature)
    tx.run(
        "INSERT INTO journal_branch_heads (epoch, first_index, size, root, signature)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (branch.epoch, branch.first_index, branch.size, branch.root, branch.signature),
    )
    tx.run(
        "INSERT INTO journal_branches (epoch, root, idx, entry_id, kind, bytes, leaf_hash)"
        " SELECT ?, ?, idx, entry_id, kind, bytes, leaf_hash FROM journal_entries"
        " WHERE epoch = ? AND idx >= ? ORDER BY idx",
        (row.epoch, newest.root, row.number, prefix.size),
    )
    tx.run("DELETE FROM journal_entries WHERE epoch = ? AND idx >= ?", (row.number, prefix.size))
    tx.run("DELETE FROM journal_heads WHERE epoch = ? AND size >= ?", (row.number, prefix.size))
    if prefix.size:
        store.insert_head_in(tx, row.number, prefix)
    return branch


def branches_in(tx: Transaction) -> list[LeftBranch]:
    """Every branch, oldest first."""
    rows = tx.execute(
        "SELECT epoch, first_index, size, root, signature FROM journal_branch_heads ORDER BY rowid"
    )
    return [LeftBranch(*row) for row in rows]


def branch_entries_in(tx: Transaction, branch: LeftBranch, first: int, last: int) -> list[EntryRow]:
    """Entries of a branch with first <= index < last."""
    rows = tx.execute(
        "SELECT idx, entry_id, kind, bytes, leaf_hash FROM journal_branches"
        " WHERE epoch = ? AND root = ? AND idx >= ? AND idx < ? ORDER BY idx",
        (branch.epoch, branch.root, first, last),
    )
    return [EntryRow(*row) for row in rows]


def find_epoch_in(tx: Transaction, epoch: bytes) -> EpochRow | None:
    """The epoch's row, if this journal has it."""
    return next((row for row in store.epochs_in(tx) if row.epoch == epoch), None)


def number_for_in(tx: Transaction, opened: EpochRow) -> int:
    """The number of an epoch that comes back; a lost one gets its place before the present one.

    Numbers tell the order of opening, and the present epoch is the one with the largest: an epoch
    that was read back takes the number below the first one and all others stay as they are.
    """
    present = find_epoch_in(tx, opened.epoch)
    if present is not None:
        return present.number
    number = min(row.number for row in store.epochs_in(tx)) - 1
    store.insert_epoch_in(
        tx, EpochRow(number, opened.epoch, opened.open_time, opened.reason, opened.continues_from)
    )
    return number


def of_others_in(tx: Transaction, party: str) -> set[bytes]:
    """Epochs that this machine wrote under another name: they are another journal's by now."""
    if not tx.execute(_KNOWS_FORMER):
        return set()
    rows = tx.execute("SELECT epoch FROM journal_former_keys WHERE party <> ?", (party,))
    return {bytes(epoch) for (epoch,) in rows}


def verifier_in(tx: Transaction, present: Verifier, epoch: bytes) -> Verifier:
    """Who signed an epoch: the present key, or a former one (at nodes only)."""
    if not tx.execute(_KNOWS_FORMER):
        return present
    select = "SELECT party, signing_key FROM journal_former_keys WHERE epoch = ?"
    rows = tx.execute(select, (epoch,))
    return Verifier(rows[0][0], bytes(rows[0][1])) if rows else present


def signed_before_in(tx: Transaction, epoch: bytes, former: Verifier) -> None:
    """This epoch was signed with a key that is not the present one."""
    tx.run(
        "INSERT OR REPLACE INTO journal_former_keys (epoch, party, signing_key) VALUES (?, ?, ?)",
        (epoch, former.name, former.public),
    )


def end_at_in(tx: Transaction, number: int, head: Head) -> None:
    """Keep the head up to which the epoch was read back."""
    known = store.newest_head_in(tx, number)
    if known is None or known.size < head.size:
        store.insert_head_in(tx, number, HeadRow(head.size, head.root, head.signature))
