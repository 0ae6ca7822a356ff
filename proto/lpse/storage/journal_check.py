"""A whole look at a stored journal: every entry, every epoch, against the signed heads.

Owns the check that doctors and the proofs of the tests use. Rule: nothing stored is trusted; leaf
hashes are computed again from the bytes. Leaves out the quick check of each start (`journal`).
"""

from __future__ import annotations

from lpse.federation.checkpoints import Head
from lpse.federation.limits import SCAN_ROWS_PER_STEP
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.notes import Verifier
from lpse.runtime.sqlite import Transaction
from lpse.storage import journal_store as store
from lpse.storage.journal import JournalDamaged
from lpse.storage.journal_branches import verifier_in


def check_journal_in(tx: Transaction, verifier: Verifier) -> list[Head]:
    """The newest head of every epoch, oldest first; raises JournalDamaged (FED-1108)."""
    return [_check_epoch(tx, verifier, row.number, row.epoch) for row in store.epochs_in(tx)]


def _check_epoch(tx: Transaction, verifier: Verifier, number: int, epoch: bytes) -> Head:
    row = store.newest_head_in(tx, number)
    if row is None or store.count_in(tx, number) != row.size:
        raise JournalDamaged("the entries do not end at a signed head")
    writer = verifier_in(tx, verifier, epoch)
    head = Head(writer.name, epoch, row.size, row.root, row.signature)
    head.verify(writer)
    tree = CompactRange()
    while tree.size < row.size:
        rows = store.entries_in(tx, number, tree.size, tree.size + SCAN_ROWS_PER_STEP)
        if not rows or any(one.index != tree.size + at for at, one in enumerate(rows)):
            raise JournalDamaged("the indexes have a gap")
        for one in rows:
            tree.append(leaf_hash(one.data))
    if tree.root() != row.root:
        raise JournalDamaged("the bytes of the entries do not make the signed root")
    return head
