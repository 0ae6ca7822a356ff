"""Digests over projected state: a tree of sixteen parts per digit, in which a difference is found.

Owns the identifier of an object, the digest of its fields, and the prefix tree over both. Rules:
equal digests mean equal objects, whatever the order in which they were added; one difference in a
million objects is reached in a handful of questions, each about sixteen parts. Both sides must
agree on every byte here, so it has golden vectors. Leaves out which objects there are
(`state_objects`) and the questions themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from lpse.federation.errors import Refused
from lpse.federation.limits import (
    DIGEST_BYTES,
    DIGEST_DEPTH,
    DIGEST_LIST_OBJECTS,
    DIGEST_LISTED_OBJECTS_MAX,
    DIGEST_OBJECTS_MAX,
)

PARTS: Final = 16  # below every prefix: one hexadecimal digit
RECORD_BYTES: Final = 2 * DIGEST_BYTES
EMPTY: Final = bytes(DIGEST_BYTES)
_BUCKETS: Final = PARTS**DIGEST_DEPTH
_BUCKET = b"\x10"
_PARTS = b"\x11"


class DigestsRefused(Refused):
    """A prefix, listing or tree is malformed or over a limit."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-7070",
            f"digests cannot be compared: {detail}",
            remedy="upgrade the older side; entries and receipts are not concerned",
        )


@dataclass(frozen=True, slots=True)
class Part:
    """One of the sixteen below a prefix: its digest and how many objects it has."""

    digest: bytes
    objects: int


_NOTHING: Final = Part(EMPTY, 0)


def object_id(area: str, name: str) -> bytes:
    """Sixteen bytes that stand for an object."""
    return sha256(f"{area}\x00{name}".encode()).digest()[:DIGEST_BYTES]


def fields_digest(fields: bytes) -> bytes:
    """Sixteen bytes that stand for an object's canonical fields."""
    return sha256(fields).digest()[:DIGEST_BYTES]


class DigestTree:
    """Objects by identifier; digests are made when asked for and kept until an object changes."""

    def __init__(self) -> None:
        self._buckets: dict[int, bytearray] = {}
        self._kept: dict[tuple[int, int], Part] = {}  # (digits, value of the prefix)
        self._occupied: list[set[int]] = []  # by digits: values of prefixes that have objects
        self._objects = 0

    @property
    def objects(self) -> int:
        """Number of objects."""
        return self._objects

    def add(self, identifier: bytes, fields: bytes) -> None:
        """Take in one object, once; its digest goes in, not its fields."""
        if self._objects >= DIGEST_OBJECTS_MAX:
            raise DigestsRefused(f"there are more than {DIGEST_OBJECTS_MAX} objects")
        bucket = int.from_bytes(identifier[:4], "big") >> (32 - 4 * DIGEST_DEPTH)
        held = self._buckets.get(bucket)
        if held is None:
            held = self._buckets[bucket] = bytearray()
            self._occupied = []
        held += identifier
        held += fields_digest(fields)
        self._objects += 1
        if self._kept:
            self._forget(bucket)

    def root(self) -> Part:
        """Digest and number of all objects."""
        return self._part(0, 0)

    def children(self, prefix: bytes) -> list[Part]:
        """The sixteen parts below a prefix (one digit per byte), which is above the last digit."""
        digits, value = _place(prefix)
        if digits >= DIGEST_DEPTH:
            raise DigestsRefused("a bucket has no parts")
        return [self._part(digits + 1, value * PARTS + one) for one in range(PARTS)]

    def records(self, prefix: bytes) -> list[bytes]:
        """The objects below a prefix, sorted: identifier and digest of the fields."""
        digits, value = _place(prefix)
        if self._part(digits, value).objects > DIGEST_LISTED_OBJECTS_MAX:
            raise DigestsRefused(f"a part has more than {DIGEST_LISTED_OBJECTS_MAX} objects")
        width = PARTS ** (DIGEST_DEPTH - digits)
        buckets = range(value * width, (value + 1) * width)
        held = self._occupied_at(DIGEST_DEPTH)
        inside = [one for one in buckets if one in held]
        return [record for bucket in inside for record in self._sorted(bucket)]

    def _part(self, digits: int, value: int) -> Part:
        if value not in self._occupied_at(digits):
            return _NOTHING
        kept = self._kept.get((digits, value))
        if kept is None:
            kept = self._made(digits, value)
            self._kept[digits, value] = kept
        return kept

    def _occupied_at(self, digits: int) -> set[int]:
        if not self._occupied:
            level = set(self._buckets)
            self._occupied = [level]
            for _ in range(DIGEST_DEPTH):
                level = {one // PARTS for one in level}
                self._occupied.insert(0, level)
        return self._occupied[digits]

    def _made(self, digits: int, value: int) -> Part:
        if digits == DIGEST_DEPTH:
            records = self._sorted(value)
            return Part(sha256(_BUCKET + b"".join(records)).digest()[:DIGEST_BYTES], len(records))
        below = [self._part(digits + 1, value * PARTS + one) for one in range(PARTS)]
        objects = sum(one.objects for one in below)
        joined = b"".join(one.digest for one in below)
        return Part(sha256(_PARTS + joined).digest()[:DIGEST_BYTES], objects)

    def _sorted(self, bucket: int) -> list[bytes]:
        held = bytes(self._buckets.get(bucket, b""))
        return sorted(held[at : at + RECORD_BYTES] for at in range(0, len(held), RECORD_BYTES))

    def _forget(self, bucket: int) -> None:
        for digits in range(DIGEST_DEPTH, -1, -1):
            self._kept.pop((digits, bucket), None)
            bucket //= PARTS


@dataclass(frozen=True, slots=True)
class Step:
    """What to ask next: prefixes to divide, and prefixes to list."""

    divide: tuple[bytes, ...]
    listed: tuple[bytes, ...]


def narrowed(prefix: bytes, ours: Sequence[Part], theirs: Sequence[Part]) -> Step:
    """The parts below a prefix whose digests differ: small ones are listed, others divided."""
    if len(theirs) != PARTS:
        raise DigestsRefused("sixteen parts were expected")
    divide: list[bytes] = []
    listed: list[bytes] = []
    for digit, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if mine.digest == other.digest:
            continue
        below = prefix + bytes([digit])
        small = max(mine.objects, other.objects) <= DIGEST_LIST_OBJECTS
        (listed if small or len(below) == DIGEST_DEPTH else divide).append(below)
    return Step(tuple(divide), tuple(listed))


def differing(ours: Iterable[bytes], theirs: Iterable[bytes]) -> list[bytes]:
    """Identifiers of objects that two listings do not agree on, sorted."""
    mine, others = _by_identifier(ours), _by_identifier(theirs)
    return sorted(one for one in mine.keys() | others.keys() if mine.get(one) != others.get(one))


def parts_of(digests: bytes, counts: Sequence[int]) -> list[Part]:
    """Sixteen parts as they travelled."""
    if len(digests) != PARTS * DIGEST_BYTES or len(counts) != PARTS:
        raise DigestsRefused("sixteen digests and counts were expected")
    pieces = list(_pieces(digests, DIGEST_BYTES))
    return [Part(digest, count) for digest, count in zip(pieces, counts, strict=True)]


def records_of(data: bytes) -> list[bytes]:
    """A listing as it travelled."""
    if len(data) % RECORD_BYTES or len(data) > DIGEST_LISTED_OBJECTS_MAX * RECORD_BYTES:
        raise DigestsRefused("a listing is not a row of records")
    return list(_pieces(data, RECORD_BYTES))


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def _by_identifier(records: Iterable[bytes]) -> dict[bytes, bytes]:
    return {one[:DIGEST_BYTES]: one[DIGEST_BYTES:] for one in records}


def _place(prefix: bytes) -> tuple[int, int]:
    """Number of digits and their value."""
    if len(prefix) > DIGEST_DEPTH or any(digit >= PARTS for digit in prefix):
        raise DigestsRefused("a prefix is up to four hexadecimal digits")
    value = 0
    for digit in prefix:
        value = value * PARTS + digit
    return len(prefix), value
