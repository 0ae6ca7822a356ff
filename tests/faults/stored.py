"""What one party has on its disk, read by nobody's leave: rows, journals and blobs as they lie.

Owns the reading of a node's or the centre's data folder while no daemon needs to run. Rule: only
what is stored counts, never what a program says about it. Leaves out judging (`checker`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from lpse.federation.checkpoints import Head
from lpse.federation.notes import Verifier
from lpse.runtime.sqlite import LiveDatabase, Transaction
from lpse.runtime.tls import SIGNING_KEY, load_signing_key, public_bytes
from lpse.storage import journal_store
from lpse.storage.journal_check import check_journal_in
from lpse.storage.received import ReceivedJournals

T = TypeVar("T")
Entries = dict[bytes, list[bytes]]  # epoch -> entries in order
PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Row:
    """A stored submission or attempt: what it commits to, and the text that was signed for it."""

    key: str
    commitment: bytes
    signed: bytes


class Party:
    """One side's stored state."""

    def __init__(self, name: str, data: Path, database: str) -> None:
        self.name = name
        self.data = data
        self.blobs = data / "blobs" / "sha256"
        key = load_signing_key(data / "identity" / SIGNING_KEY)
        self.verifier = Verifier(name, public_bytes(key))
        self._database = LiveDatabase(data / database)

    def heads(self) -> list[Head]:
        """Newest head of each own epoch, after every byte was verified."""
        return self.read(lambda tx: check_journal_in(tx, self.verifier))

    def own(self) -> Entries:
        """The own journal."""

        def work(tx: Transaction) -> Entries:
            return {
                row.epoch: [
                    one.data for one in journal_store.entries_in(tx, row.number, 0, 1 << 40)
                ]
                for row in journal_store.epochs_in(tx)
            }

        return self.read(work)

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

        return self.read(work)

    def receipts(self) -> list[tuple[str, bytes]]:
        """Stored receipts by intake key."""
        return [(row.key, row.signed) for row in self.submissions()]

    def submissions(self) -> list[Row]:
        """Every accepted submission."""
        return self._rows("SELECT intake_key, commitment, receipt FROM intake_submissions")

    def attempts(self) -> list[Row]:
        """Every refused attempt."""
        return self._rows("SELECT intake_key, commitment, proof FROM intake_attempts")

    def resumable(self) -> dict[str, tuple[int, bytes]]:
        """Recorded offset and stored bytes of every file that came through a grant, by its id."""
        statement = "SELECT file, offset_bytes, digest FROM tus_files"
        rows = self.read(lambda tx: list(tx.execute(statement)))
        return {
            str(file): (
                int(offset),
                # A small whole file stays a part until it is submitted.
                (digest is not None and self.blob(bytes(digest))) or self._part(str(file)),
            )
            for file, offset, digest in rows
        }

    def _part(self, file_id: str) -> bytes:
        path = self.data / "blobs" / "incoming" / f"{file_id}.part"
        return path.read_bytes() if path.exists() else b""

    def blob(self, digest: bytes) -> bytes | None:
        """Stored bytes of a digest."""
        path = self.blob_path(digest)
        return path.read_bytes() if path.exists() else None

    def blob_path(self, digest: bytes) -> Path:
        """Where the bytes of a digest lie, if they do."""
        return self.blobs / digest.hex()[:2] / digest.hex()

    def blob_facts(self, digest: bytes) -> tuple[int, bytes] | None:
        """Size and SHA-256 of what lies there under a digest, re-read piece by piece."""
        found, size = sha256(), 0
        try:
            with self.blob_path(digest).open("rb") as file:
                while data := file.read(PIECE_BYTES):
                    found.update(data)
                    size += len(data)
        except FileNotFoundError:
            return None
        return size, found.digest()

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run statements over the database as it lies."""
        with ThreadPoolExecutor(1) as thread:  # a test's own event loop may be running here
            return thread.submit(lambda: asyncio.run(self._database.read(work))).result()

    def _rows(self, statement: str) -> list[Row]:
        return self.read(
            lambda tx: [
                Row(str(key), bytes(commitment), bytes(signed))
                for key, commitment, signed in tx.execute(statement)
            ]
        )


def node_at(name: str, data: Path) -> Party:
    """The stored state of a node."""
    return Party(name, data, "node.db")


def centre_at(data: Path) -> Party:
    """The stored state of the centre."""
    return Party("lkpp", data, "central.db")
