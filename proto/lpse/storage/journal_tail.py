"""What a restored journal carries over from the epoch that has ended.

Owns the choice of entries. Rule: a restored node opens a new epoch and takes its own unsent tail
with it under provenance, so that whatever a receipt stands for reaches the centre; an entry that
had got there before is known by its id, its epoch and its index. Leaves out the appending
(`journal`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lpse.federation import kinds
from lpse.federation.checkpoints import Head
from lpse.federation.entries import DecodedEntry, decode_entry
from lpse.federation.limits import SCAN_ROWS_PER_STEP
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction
from lpse.storage import journal_store as store

_OPENED = kinds.kind_of(records.EpochOpened())


def unsent_in(
    tx: Transaction, number: int, ended: Head, stored: Head | None
) -> Iterator[DecodedEntry]:
    """Entries of the ended epoch above what the follower acknowledged, each naming its origin."""
    first = stored.size if stored is not None and stored.epoch == ended.epoch else 0
    for start in range(first, ended.size, SCAN_ROWS_PER_STEP):
        last = min(start + SCAN_ROWS_PER_STEP, ended.size)
        for row in store.entries_in(tx, number, start, last):
            if row.kind != _OPENED:
                yield replace(decode_entry(row.data), imported=(ended.epoch, row.index))
