"""What a restored journal carries over from the epoch that has ended.

Owns the choice of entries. Rule: a restored node opens a new epoch and takes its own unsent tail
with it under provenance, so that whatever a receipt stands for reaches the centre; an entry that
had got there before is known by its id, its epoch and its index. Leaves out the appending
(`journal`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from lpse.federation import kinds
from lpse.federation.checkpoints import Head
from lpse.federation.entries import DecodedEntry, decode_entry
from lpse.federation.limits import SCAN_ROWS_PER_STEP
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction
from lpse.storage import journal_store as store
from lpse.storage.journal_store import EpochRow


@dataclass(slots=True)
class Carried:
    """An entry with its origin; `index` is its place in the new epoch once it was appended."""

    entry: DecodedEntry
    index: int = -1


_OPENED = kinds.kind_of(records.EpochOpened())


def basis_in(tx: Transaction, stored: Head | None) -> EpochRow:
    """The epoch that the follower knows newest; without a word of it, the newest one.

    An epoch that was opened and never acknowledged cannot found another one: a second restore, or a
    crash right after the first one's epoch, would leave the follower a head that it never saw.
    """
    epochs = store.epochs_in(tx)
    known = [row for row in epochs if stored is not None and row.epoch == stored.epoch]
    return known[-1] if known else epochs[-1]


def unsent_in(
    tx: Transaction, stored: Head | None, others: Collection[bytes] = ()
) -> Iterator[DecodedEntry]:
    """Entries of ended epochs above what the follower acknowledged, each once, with its origin."""
    epochs = [row for row in store.epochs_in(tx) if row.epoch not in others]
    known = stored is not None and any(row.epoch == stored.epoch for row in epochs)
    seen: set[bytes] = set()
    behind = known  # epochs before the acknowledged one reached the follower through it
    for row in epochs:
        behind = behind and stored is not None and row.epoch != stored.epoch
        if behind:
            continue
        first = stored.size if stored is not None and row.epoch == stored.epoch else 0
        for entry in _carried_in(tx, row, first):
            if entry.entry_id not in seen:
                seen.add(entry.entry_id)
                yield entry


def carried_in(
    tx: Transaction,
    agreed: Mapping[bytes, tuple[int, int]],
    others: Collection[bytes] = (),
) -> Iterator[Carried]:
    """Entries that the follower lacks, each once: `agreed` is (common prefix, its size) by epoch.

    Epochs of `others` were written under another name and are passed over.
    What stands in the common part of any epoch reached the follower, there or before.
    """
    epochs = [row for row in store.epochs_in(tx) if row.epoch not in others]
    prefixes = {row.number: agreed.get(row.epoch, (0, 0))[0] for row in epochs}
    seen: set[bytes] = set()
    for row in epochs:
        for entry in _carried_in(tx, row, prefixes[row.number]):
            if entry.entry_id not in seen and not _reached_in(tx, prefixes, entry.entry_id):
                seen.add(entry.entry_id)
                yield Carried(entry)


def _reached_in(tx: Transaction, prefixes: Mapping[int, int], entry_id: bytes) -> bool:
    """Whether an entry of this id, original or imported, stands in a common part."""
    for number, prefix in prefixes.items():
        index = store.index_of_in(tx, number, entry_id) if prefix else None
        if index is not None and index < prefix:
            return True
    return False


def _carried_in(tx: Transaction, epoch: EpochRow, first: int) -> Iterator[DecodedEntry]:
    ended = store.count_in(tx, epoch.number)
    for start in range(first, ended, SCAN_ROWS_PER_STEP):
        last = min(start + SCAN_ROWS_PER_STEP, ended)
        for row in store.entries_in(tx, epoch.number, start, last):
            if row.kind != _OPENED:
                entry = decode_entry(row.data)
                yield replace(entry, imported=entry.imported or (epoch.epoch, row.index))
