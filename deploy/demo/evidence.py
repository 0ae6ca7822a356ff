"""What is really there: both databases and both blob folders, read from the disk by the driver.

Owns the reading of entries and blobs behind the programs' backs. Rule: nothing here asks a program
of the federation; rows are read from the files, bytes are hashed anew, and trees are computed anew.
Leaves out what must hold (`verification`).
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lpse.federation import kinds
from lpse.federation.entries import decode_entry
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.v1 import records_pb2 as records

NODE_DATABASE: Final = "node.db"
CENTRE_DATABASE: Final = "central.db"
BLOBS: Final = "blobs"

_OWN: Final = (
    "SELECT e.bytes FROM journal_entries e JOIN journal_epochs p ON p.number = e.epoch"
    " ORDER BY p.number, e.idx"
)
_COPY: Final = (
    "SELECT e.bytes FROM ledger_entries e JOIN ledger_journals j ON j.id = e.journal"
    " WHERE j.party = ? ORDER BY j.id, e.idx"
)


@dataclass(frozen=True, slots=True)
class Copy:
    """One side's copy of a node's journal."""

    entries: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        """Root of the tree over these entries, computed anew."""
        tree = CompactRange()
        for entry in self.entries:
            tree.append(leaf_hash(entry))
        return tree.root()

    def uploads(self) -> list[records.UploadAccepted]:
        """Every accepted submission in it."""
        return [one for one in self.records() if isinstance(one, records.UploadAccepted)]

    def records(self) -> Iterator[object]:
        """Every record, read from the bytes."""
        for data in self.entries:
            entry = decode_entry(data)
            yield kinds.record_of(entry.kind, entry.payload)


def own_journal(data: Path) -> Copy:
    """The journal as the node holds it."""
    return Copy(tuple(_rows(data / NODE_DATABASE, _OWN)))


def copy_at_centre(data: Path, node_id: str) -> Copy:
    """The journal of a node as the centre holds it."""
    return Copy(tuple(_rows(data / CENTRE_DATABASE, _COPY, node_id)))


def stored_digests(data: Path) -> set[bytes]:
    """Digests of the blobs in a data folder, hashed anew from their bytes."""
    found = set()
    for path in (data / BLOBS / "sha256").glob("**/*"):
        if path.is_file():
            with path.open("rb") as file:
                found.add(hashlib.file_digest(file, "sha256").digest())
    return found


def _rows(path: Path, sql: str, *parameters: str) -> list[bytes]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return [bytes(row[0]) for row in database.execute(sql, parameters)]
