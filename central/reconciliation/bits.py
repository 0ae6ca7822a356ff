"""Sets of entries by stretches of the log, as bytes and as numbers to intersect. Pure.

Owns the form in which the set of one stretch is kept: positions of two bytes each while they are
few, one bit per entry otherwise; the length tells which. Rule: the length of a stretch is part of
what is stored and changes only with a migration. Leaves out where sets are kept (`bits_store`).
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable
from typing import Final

STRETCH_ENTRIES: Final = 16_384  # a bitmap takes half a page of the database
_BITMAP_BYTES: Final = STRETCH_ENTRIES // 8
_FEW: Final = 32  # positions; reading more of them takes longer than reading a bitmap

Sets = dict[int, int]  # by stretch: one bit per entry


def place(entry: int) -> tuple[int, int]:
    """Stretch and position of an entry."""
    return divmod(entry, STRETCH_ENTRIES)


def updated(data: bytes, added: Collection[int], removed: Collection[int] = ()) -> bytes:
    """The set with these positions more and less."""
    if len(data) == _BITMAP_BYTES:
        marks = bytearray(data)
        _mark(marks, added)
        for position in removed:
            marks[position >> 3] &= ~(1 << (position & 7))
        return bytes(marks)
    positions = sorted({*_positions(data), *added}.difference(removed))
    if len(positions) <= _FEW:
        return struct.pack(f">{len(positions)}H", *positions)
    return _bitmap(positions)


def number_of(data: bytes) -> int:
    """A kept set as a number with one bit per entry."""
    whole = data if len(data) == _BITMAP_BYTES else _bitmap(_positions(data))
    return int.from_bytes(whole, "little")


def sets_of(entries: Iterable[int]) -> Sets:
    """Entries as sets."""
    found: dict[int, bytearray] = {}
    for entry in entries:
        stretch, position = divmod(entry, STRETCH_ENTRIES)
        marks = found.get(stretch)
        if marks is None:
            marks = found[stretch] = bytearray(_BITMAP_BYTES)
        marks[position >> 3] |= 1 << (position & 7)
    return {stretch: int.from_bytes(marks, "little") for stretch, marks in found.items()}


def either(one: Sets, other: Sets) -> Sets:
    """What is in one of two sets."""
    return {at: one.get(at, 0) | other.get(at, 0) for at in {*one, *other}}


def both(one: Sets, other: Sets) -> Sets:
    """What is in both sets."""
    return {at: one[at] & other[at] for at in one if at in other and one[at] & other[at]}


def _positions(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(data) // 2}H", data)


def _bitmap(positions: Iterable[int]) -> bytes:
    marks = bytearray(_BITMAP_BYTES)
    _mark(marks, positions)
    return bytes(marks)


def _mark(marks: bytearray, positions: Iterable[int]) -> None:
    for position in positions:
        marks[position >> 3] |= 1 << (position & 7)
