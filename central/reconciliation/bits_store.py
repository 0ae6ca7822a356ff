"""Which entries have a token of a facet, kept so that counting reads no rows.

Owns the table `recon_bits`. Rules: it moves in the transaction of the entry; only tokens with few
values have sets (facets and the two yes-or-no ones), never words, days or packages. Leaves out the
form of a set (`bits`) and which entries pass a filter (`log_store`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from central.reconciliation import bits, tokens
from lpse.runtime.sqlite import Transaction

_CURSOR: Final = "bits"
_TAKEN_PER_UNIT: Final = 4_000  # entries of an older program that one transaction takes in
_STEP: Final = 32  # stretches that one read of a count takes

_Change = tuple[list[int], list[int]]


def add_in(tx: Transaction, entries: Iterable[tuple[int, str]]) -> None:
    """Take new entries in, each with its tokens."""
    changes: dict[tuple[str, int], _Change] = {}
    for entry, held in entries:
        stretch, position = bits.place(entry)
        for token in filter(tokens.has_set, held.split(" ")):
            changes.setdefault((token, stretch), ([], []))[0].append(position)
    for where, change in changes.items():
        _change_in(tx, where, change)


def move_in(tx: Transaction, entry: int, before: str, after: str) -> None:
    """An entry has another token now."""
    stretch, position = bits.place(entry)
    _change_in(tx, (before, stretch), ([], [position]))
    _change_in(tx, (after, stretch), ([position], []))


def catch_up_in(tx: Transaction) -> bool:
    """Take in some entries of an older program; False when all are."""
    rows = tx.execute("SELECT next FROM recon_cursors WHERE name = ?", (_CURSOR,))
    if not rows:
        return False
    entries = tx.execute(
        "SELECT id, tokens FROM recon_entries WHERE id > ? ORDER BY id LIMIT ?",
        (rows[0][0], _TAKEN_PER_UNIT),
    )
    if not entries:
        tx.run("DELETE FROM recon_cursors WHERE name = ?", (_CURSOR,))
        return False
    add_in(tx, entries)
    tx.run("UPDATE recon_cursors SET next = ? WHERE name = ?", (entries[-1][0], _CURSOR))
    return True


def sets_in(tx: Transaction, alternatives: Iterable[str]) -> bits.Sets:
    """The entries that have one of these tokens."""
    found: bits.Sets = {}
    for token in alternatives:
        rows = tx.execute("SELECT stretch, bits FROM recon_bits WHERE token = ?", (token,))
        found = bits.either(found, {int(at): bits.number_of(data) for at, data in rows})
    return found


def count_in(tx: Transaction, token: str, among: bits.Sets, most: int) -> int:
    """How many of these entries have a token; counting ends where more than `most` are found."""
    count, before = 0, 1 << 62
    while count <= most:
        rows = tx.execute(
            "SELECT stretch, bits FROM recon_bits WHERE token = ? AND stretch < ?"
            " ORDER BY stretch DESC LIMIT ?",
            (token, before, _STEP),
        )
        if not rows:
            break
        for stretch, data in rows:
            if chosen := among.get(stretch):
                count += (bits.number_of(data) & chosen).bit_count()
        before = rows[-1][0]
    return count


def _change_in(tx: Transaction, where: tuple[str, int], change: _Change) -> None:
    rows = tx.execute("SELECT bits FROM recon_bits WHERE token = ? AND stretch = ?", where)
    added, removed = change
    tx.run(
        "INSERT INTO recon_bits (token, stretch, bits) VALUES (?, ?, ?)"
        " ON CONFLICT (token, stretch) DO UPDATE SET bits = excluded.bits",
        (*where, bits.updated(rows[0][0] if rows else b"", added, removed)),
    )
