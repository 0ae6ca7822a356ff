"""All SQL of a party's own journal.

Owns the tables of migration 0010: epochs, entries, signed heads. Rules: rows are inserted and
never changed, but for a damaged one whose own bytes come back; every function works inside the
caller's transaction, because entries commit together with whatever they record. Leaves out hashing,
signing and limits (`journal`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from lpse.federation.limits import SCAN_ROWS_PER_STEP
from lpse.runtime.sqlite import Transaction


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One life of the journal; `continues_from` is a serialized Head or None."""

    number: int
    epoch: bytes
    open_time: str
    reason: str
    continues_from: bytes | None


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry as stored: its position, name, and the bytes that were hashed."""

    index: int
    entry_id: bytes
    kind: str
    data: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class HeadRow:
    """A signed size and root within an epoch."""

    size: int
    root: bytes
    signature: bytes


def insert_epoch_in(tx: Transaction, row: EpochRow) -> None:
    """Begin a new epoch; a number or epoch used before is an error."""
    tx.run(
        "INSERT INTO journal_epochs (number, epoch, open_time, reason, continues_from)"
        " VALUES (?, ?, ?, ?, ?)",
        (row.number, row.epoch, row.open_time, row.reason, row.continues_from),
    )


def epochs_in(tx: Transaction) -> list[EpochRow]:
    """Every epoch, oldest first."""
    rows = tx.execute(
        "SELECT number, epoch, open_time, reason, continues_from FROM journal_epochs"
        " ORDER BY number"
    )
    return [EpochRow(*row) for row in rows]


def insert_entry_in(tx: Transaction, epoch: int, row: EntryRow) -> None:
    """Append one entry; an index or id used before in this epoch is an error."""
    tx.run(
        "INSERT INTO journal_entries (epoch, idx, entry_id, kind, bytes, leaf_hash)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (epoch, row.index, row.entry_id, row.kind, row.data, row.leaf_hash),
    )


def put_back_in(tx: Transaction, epoch: int, row: EntryRow) -> None:
    """Replace a damaged row, or put back one that is gone; whoever calls has verified the bytes."""
    told = (row.entry_id, row.kind, row.data, row.leaf_hash, epoch, row.index)
    if not tx.run(
        "UPDATE journal_entries SET entry_id = ?, kind = ?, bytes = ?, leaf_hash = ?"
        " WHERE epoch = ? AND idx = ?",
        told,
    ):
        insert_entry_in(tx, epoch, row)


def index_of_in(tx: Transaction, epoch: int, entry_id: bytes) -> int | None:
    """Where an entry with this id already stands in the epoch."""
    rows = tx.execute(
        "SELECT idx FROM journal_entries WHERE epoch = ? AND entry_id = ?", (epoch, entry_id)
    )
    return int(rows[0][0]) if rows else None


def entries_in(tx: Transaction, epoch: int, first: int, last: int) -> list[EntryRow]:
    """Entries with first <= index < last.

    As bytes whatever their type is: a row that the disk changed must be seen, not stop a reader.
    """
    rows = tx.execute(
        "SELECT idx, entry_id, kind, CAST(bytes AS BLOB), CAST(leaf_hash AS BLOB)"
        " FROM journal_entries WHERE epoch = ? AND idx >= ? AND idx < ? ORDER BY idx",
        (epoch, first, last),
    )
    return [EntryRow(*row) for row in rows]


def entry_sizes_in(tx: Transaction, epoch: int, first: int, last: int) -> list[int]:
    """Bytes of each entry with first <= index < last."""
    rows = tx.execute(
        "SELECT length(bytes) FROM journal_entries"
        " WHERE epoch = ? AND idx >= ? AND idx < ? ORDER BY idx",
        (epoch, first, last),
    )
    return [int(size) for (size,) in rows]


def leaf_hashes_in(tx: Transaction, epoch: int, first: int, last: int) -> list[bytes]:
    """Leaf hashes with first <= index < last, read step by step to bound memory per statement."""
    hashes: list[bytes] = []
    for start in range(first, last, SCAN_ROWS_PER_STEP):
        rows = tx.execute(
            "SELECT leaf_hash FROM journal_entries"
            " WHERE epoch = ? AND idx >= ? AND idx < ? ORDER BY idx",
            (epoch, start, min(start + SCAN_ROWS_PER_STEP, last)),
        )
        hashes.extend(one for (one,) in rows)
    return hashes


def count_in(tx: Transaction, epoch: int) -> int:
    """Number of entries of the epoch that are stored."""
    rows = tx.execute("SELECT count(*) FROM journal_entries WHERE epoch = ?", (epoch,))
    return int(rows[0][0])


def insert_head_in(tx: Transaction, epoch: int, row: HeadRow) -> None:
    """Keep a signed head; the batch that ends there can be sent from now on."""
    tx.run(
        "INSERT INTO journal_heads (epoch, size, root, signature) VALUES (?, ?, ?, ?)",
        (epoch, row.size, row.root, row.signature),
    )


def newest_head_in(tx: Transaction, epoch: int) -> HeadRow | None:
    """The largest signed head of the epoch."""
    rows = tx.execute(
        "SELECT size, root, signature FROM journal_heads WHERE epoch = ?"
        " ORDER BY size DESC LIMIT 1",
        (epoch,),
    )
    return HeadRow(*rows[0]) if rows else None


def head_at_in(tx: Transaction, epoch: int, size: int) -> HeadRow | None:
    """The signed head of exactly this size."""
    rows = tx.execute(
        "SELECT size, root, signature FROM journal_heads WHERE epoch = ? AND size = ?",
        (epoch, size),
    )
    return HeadRow(*rows[0]) if rows else None


def heads_between_in(tx: Transaction, epoch: int, above: int, up_to: int) -> list[HeadRow]:
    """Signed heads with above < size <= up_to, smallest first."""
    rows = tx.execute(
        "SELECT size, root, signature FROM journal_heads"
        " WHERE epoch = ? AND size > ? AND size <= ? ORDER BY size",
        (epoch, above, up_to),
    )
    return [HeadRow(*row) for row in rows]


def last_that_fits_in(
    tx: Transaction, number: int, first: int, heads: list[HeadRow], bytes_max: int
) -> HeadRow | None:
    """The largest of `heads` to which the entries from `first` have at most `bytes_max` bytes."""
    if not heads:
        return None
    sizes = entry_sizes_in(tx, number, first, heads[-1].size)
    totals = list(accumulate(sizes, initial=0))
    known = len(sizes)  # fewer than there should be where rows are gone
    fitting = [head for head in heads if totals[min(head.size - first, known)] <= bytes_max]
    return fitting[-1] if fitting else None
