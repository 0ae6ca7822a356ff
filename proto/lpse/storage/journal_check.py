"""A whole look at a stored journal: every entry, every epoch, against the signed heads.

Owns the check that doctors and the proofs of the tests use. Rule: nothing stored is trusted; leaf
hashes are computed again from the bytes. The look at kept hashes alone says whether the journal can
go on while bytes are healed. Leaves out the quick check of each start (`journal`).
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


def check_hashes_in(tx: Transaction, verifier: Verifier) -> list[Head]:
    """As `check_journal_in`, from the kept leaf hashes: what can be appended to, bytes or not."""
    heads = []
    for epoch in store.epochs_in(tx):
        head = _signed_in(tx, verifier, epoch.number, epoch.epoch)
        leaves = store.leaf_hashes_in(tx, epoch.number, 0, head.size)
        if CompactRange.from_leaf_hashes(leaves).root() != head.root:
            raise JournalDamaged("the leaf hashes do not make the signed root")
        heads.append(head)
    return heads


def _signed_in(tx: Transaction, verifier: Verifier, number: int, epoch: bytes) -> Head:
    """The epoch's newest head, checked, to which the entries are counted."""
    row = store.newest_head_in(tx, number)
    if row is None or store.count_in(tx, number) != row.size:
        raise JournalDamaged("the entries do not end at a signed head")
    writer = verifier_in(tx, verifier, epoch)
    head = Head(writer.name, epoch, row.size, row.root, row.signature)
    head.verify(writer)
    return head


def _check_epoch(tx: Transaction, verifier: Verifier, number: int, epoch: bytes) -> Head:
    head = _signed_in(tx, verifier, number, epoch)
    tree = CompactRange()
    while tree.size < head.size:
        rows = store.entries_in(tx, number, tree.size, tree.size + SCAN_ROWS_PER_STEP)
        if not rows or any(one.index != tree.size + at for at, one in enumerate(rows)):
            raise JournalDamaged("the indexes have a gap")
        for one in rows:
            tree.append(leaf_hash(one.data))
    if tree.root() != head.root:
        raise JournalDamaged("the bytes of the entries do not make the signed root")
    return head
