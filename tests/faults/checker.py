"""The proof after the faults: what was promised is there, exactly once, byte for byte.

Owns the comparison of vendors' receipts with the files of a node and of the centre, read from their
disks while both are stopped. Rules: nothing that a program says counts, only what is stored;
journals are verified from their bytes up. Leaves out how it came to the faults.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from lpse.federation.checkpoints import Head
from lpse.federation.entries import decode_entry
from lpse.federation.notes import Verifier
from lpse.federation.receipts import verify_receipt
from lpse.federation.v1.records_pb2 import UploadAccepted
from lpse.runtime.sqlite import LiveDatabase, Transaction
from lpse.runtime.tls import SIGNING_KEY, load_signing_key, public_bytes
from lpse.storage import journal_store
from lpse.storage.journal_check import check_journal_in
from lpse.storage.received import ReceivedJournals
from tests.faults.vendors import Submission

T = TypeVar("T")
Given = Mapping[str, tuple[Submission, bytes]]
Entries = dict[bytes, list[bytes]]  # epoch -> entries in order


class Party:
    """One side's stored state."""

    def __init__(self, name: str, data: Path, database: str) -> None:
        self.name = name
        self.blobs = data / "blobs" / "sha256"
        key = load_signing_key(data / "identity" / SIGNING_KEY)
        self.verifier = Verifier(name, public_bytes(key))
        self._database = LiveDatabase(data / database)

    def heads(self) -> list[Head]:
        """Newest head of each own epoch, after every byte was verified."""
        return self._read(lambda tx: check_journal_in(tx, self.verifier))

    def own(self) -> Entries:
        """The own journal."""

        def work(tx: Transaction) -> Entries:
            return {
                row.epoch: [
                    one.data for one in journal_store.entries_in(tx, row.number, 0, 1 << 40)
                ]
                for row in journal_store.epochs_in(tx)
            }

        return self._read(work)

    def copy_of(self, prefix: str, party: str) -> tuple[list[Head], Entries]:
        """What is stored here of another party's journal."""
        # Only statements are taken from it: they run on the connection of the transaction.
        received = ReceivedJournals(None, prefix)  # type: ignore[arg-type] # reads inside `tx` only

        def work(tx: Transaction) -> tuple[list[Head], Entries]:
            positions = [one for one in received.positions_in(tx) if one.party == party]
            entries = {}
            for one in positions:
                rows: list[bytes] = []
                while found := received.entries_in(tx, party, one.epoch, len(rows), 1 << 40):
                    rows += [row.data for row in found]
                entries[one.epoch] = rows
            return [one.head for one in positions if one.head is not None], entries

        return self._read(work)

    def receipts(self) -> list[tuple[str, bytes]]:
        """Stored receipts by intake key."""
        statement = "SELECT intake_key, receipt FROM intake_submissions"
        return self._read(lambda tx: [(key, bytes(text)) for key, text in tx.execute(statement)])

    def blob(self, digest: bytes) -> bytes | None:
        """Stored bytes of a digest."""
        path = self.blobs / digest.hex()[:2] / digest.hex()
        return path.read_bytes() if path.exists() else None

    def _read(self, work: Callable[[Transaction], T]) -> T:
        with ThreadPoolExecutor(1) as thread:  # a test's own event loop may be running here
            return thread.submit(lambda: asyncio.run(self._database.read(work))).result()


def node_at(name: str, data: Path) -> Party:
    """The stored state of a node."""
    return Party(name, data, "node.db")


def centre_at(data: Path) -> Party:
    """The stored state of the centre."""
    return Party("lkpp", data, "central.db")


def check_node(node: Party, given: Given) -> None:
    """Each receipt that was handed out is kept once, with its entry and its bytes."""
    node.heads()
    kept = node.receipts()
    assert len(kept) == len(dict(kept)), "an intake key is stored twice"
    commitments = Counter(_commitments(node.own()))
    assert max(commitments.values(), default=1) == 1, "an acceptance is journalled twice"
    stored = dict(kept)
    for key, (submission, receipt) in given.items():
        assert stored.get(key) == receipt, f"{key}: the receipt handed out is not the one stored"
        contents = list(zip(map(len, submission.contents), submission.digests, strict=True))
        verified = verify_receipt(receipt, node.verifier, contents)
        assert commitments[verified.commitment] == 1, f"{key}: no entry stands for the receipt"
        for content, digest in zip(submission.contents, submission.digests, strict=True):
            assert node.blob(digest) == content, f"{key}: the bytes on disk differ"


def check_centre(centre: Party, node: Party, given: Given) -> None:
    """After draining, the centre has every receipt's entry once, and the same bytes."""
    own, (heads, copied) = node.own(), centre.copy_of("ledger", node.name)
    for head in heads:
        head.verify(node.verifier)
        assert len(copied[head.epoch]) == head.size
    for epoch, entries in copied.items():
        assert entries == own[epoch][: len(entries)], "the copy of the regional journal differs"
    commitments = Counter(_commitments(copied))
    for key, (submission, receipt) in given.items():
        verified = verify_receipt(receipt, node.verifier)
        assert commitments[verified.commitment] == 1, f"{key}: not once at the centre"
        for content, digest in zip(submission.contents, submission.digests, strict=True):
            assert centre.blob(digest) == content, f"{key}: the centre's bytes differ"


def check_national(centre: Party, node: Party) -> None:
    """The node's copy of the national journal is the beginning of it."""
    centre.heads()
    own = centre.own()
    _, copied = node.copy_of("national", centre.name)
    for epoch, entries in copied.items():
        assert entries == own[epoch][: len(entries)], "the national copy differs"


def _commitments(entries: Entries) -> list[bytes]:
    """Of every acceptance; what was imported from another epoch says so and counts once."""
    found = []
    for data in (one for epoch in entries.values() for one in epoch):
        entry = decode_entry(data)
        if entry.kind == "upload.accepted" and entry.imported is None:
            found.append(UploadAccepted.FromString(entry.payload).commitment)
    return found
