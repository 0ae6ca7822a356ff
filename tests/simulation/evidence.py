"""What a stranger holds after a run: receipts, journals' bytes, databases as files, frames seen.

Owns the shape of evidence and how journals are read out of databases with the standard library's
SQLite. Rules: nothing here imports the programs under test, only the contract; a journal is its
bytes, read again and hashed again. Leaves out how evidence is gathered (`gathering`) and what must
hold of it (`checkers`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from lpse.federation.entries import DecodedEntry, decode_entry
from lpse.federation.errors import FederationError
from lpse.federation.kinds import record_of
from lpse.federation.notes import Verifier


@dataclass(frozen=True)
class Promise:
    """A receipt in a vendor's hands."""

    node: str
    key: str
    package: str
    receipt: bytes
    moment: float


@dataclass(frozen=True)
class Finding:
    """Something that must not be: which checker says so, about whom, in words."""

    checker: str
    about: str
    words: str

    def __str__(self) -> str:
        return f"{self.checker}: {self.about}: {self.words}"


@dataclass
class Epoch:
    """One tree of a journal: bytes of its entries, and heads as (size, root, signature)."""

    name: bytes
    entries: list[bytes] = field(default_factory=list)
    heads: list[tuple[int, bytes, bytes]] = field(default_factory=list)


@dataclass
class Copy:
    """A machine's database, open for reading; `identity` is the party in whose name it writes."""

    name: str
    identity: str
    database: sqlite3.Connection
    key: Verifier


@dataclass
class Evidence:
    """Everything that checkers may look at."""

    centre: Copy
    nodes: dict[str, Copy]
    promises: list[Promise] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)  # keys with two different receipts
    due: dict[str, datetime] = field(default_factory=dict)  # published ends, by package
    node_of: dict[str, str] = field(default_factory=dict)  # by package
    handed_over: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    handed_at: dict[str, datetime] = field(default_factory=dict)  # by package, in true time
    leaks: list[tuple[str, str]] = field(default_factory=list)  # who could read what too early
    unsettled: list[str] = field(default_factory=list)  # who still differs after the bound
    waiting: set[str] = field(default_factory=set)  # identities that only a person can go on with
    excused: set[bytes] = field(default_factory=set)  # commitments that died with the only disk
    peaks: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, float] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


_COPIES: Final = {
    "ledger": (
        "SELECT id, epoch, size, root, signature FROM ledger_journals WHERE party = ? ORDER BY id",
        "SELECT idx, bytes FROM ledger_entries WHERE journal = ? ORDER BY idx",
    ),
    "national": (
        "SELECT id, epoch, size, root, signature FROM national_journals WHERE party = ? ORDER BY 1",
        "SELECT idx, bytes FROM national_entries WHERE journal = ? ORDER BY idx",
    ),
}


def own_journal(copy: Copy) -> list[Epoch]:
    """The journal that a machine writes, epoch by epoch, in their order."""
    read = copy.database.execute
    epochs = []
    for number, name in read("SELECT number, epoch FROM journal_epochs ORDER BY number").fetchall():
        epoch = Epoch(name)
        rows = read(
            "SELECT idx, bytes FROM journal_entries WHERE epoch = ? ORDER BY idx", (number,)
        )
        epoch.entries = _dense(rows)
        epoch.heads = read(
            "SELECT size, root, signature FROM journal_heads WHERE epoch = ? ORDER BY size",
            (number,),
        ).fetchall()
        epochs.append(epoch)
    return epochs


def received(copy: Copy, party: str, tables: str) -> list[Epoch]:
    """The copies of a party's journal; `tables` is "ledger" at the centre, "national" at a node."""
    read = copy.database.execute
    listing, reading = _COPIES[tables]
    epochs = []
    for number, name, size, root, signature in read(listing, (party,)).fetchall():
        entries = _dense(read(reading, (number,)))
        epochs.append(Epoch(name, entries, [(size, root, signature)]))
    return epochs


def branches(copy: Copy, party: str) -> list[bytes]:
    """Entries of a party that the centre keeps beside the ledger."""
    rows = copy.database.execute(
        "SELECT e.bytes FROM branch_entries e JOIN branches b ON b.id = e.branch"
        " WHERE b.node_id = ?",
        (party,),
    )
    return [data for (data,) in rows]


def rows_of(copy: Copy) -> dict[str, int]:
    """Every table of a machine with its number of rows."""
    read = copy.database.execute
    names = read("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    counts = {}
    for (name,) in names:
        counts[name] = read(f'SELECT count(*) FROM "{name}"').fetchone()[0]
    return counts


def records(entries: list[bytes], *kinds: str) -> Iterator[tuple[DecodedEntry, object]]:
    """The entries of these kinds with their records; what cannot be read is passed over."""
    for data in entries:
        try:
            entry = decode_entry(data)
            if entry.kind in kinds:
                yield entry, record_of(entry.kind, entry.payload)
        except FederationError:
            continue


def _dense(rows: sqlite3.Cursor) -> list[bytes]:
    """Entries in the order of their indexes; a gap ends the journal there."""
    entries: list[bytes] = []
    for index, data in rows:
        if index != len(entries):
            break
        entries.append(data)
    return entries
