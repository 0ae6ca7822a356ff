"""A damaged journal, put right entry by entry from bytes that somebody else holds.

Owns which entries are wrong and what counts as good bytes. Rules: an entry is taken only if its
hash and path lead to a signed head that is kept here and whose signature was checked; a path that
counts also proves the hashes beside it, so damage that hid behind its own hash is found branch by
branch; bytes that are right already are put back without asking anybody. Leaves out who asks whom,
when, and what is told (each side's `audit`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from lpse.federation.checkpoints import Head
from lpse.federation.errors import Refused
from lpse.federation.limits import (
    ENTRY_BYTES_MAX,
    HEALED_ENTRIES_MAX,
    PROOF_LEAVES_MAX,
    VERIFY_PAGE_ENTRIES,
)
from lpse.federation.merkle import HASH_BYTES, leaf_hash, leaf_hashes, verify_inclusion
from lpse.federation.merkle_paths import PathTree
from lpse.federation.v1 import healing_pb2 as wire
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.entry_copies import Copies
from lpse.storage.verify_pass import Kept

GONE = bytes(HASH_BYTES)  # stands for an entry that is not there


@dataclass(frozen=True, slots=True)
class Good:
    """An entry that was proved and is not yet put back."""

    index: int
    data: bytes


@dataclass(slots=True)
class Damaged:
    """One journal up to a signed head; `leaves` are hashes of the bytes as they are stored."""

    head: Head
    leaves: list[bytes]
    wrong: set[int]  # entries that are known to be wrong, or that must be looked at
    rehashed: set[int] = field(default_factory=set)  # bytes and kept hash differ
    beyond: int = 0  # the other side holds no entry from here on; 0 until it said so
    sound: bool = False

    def wanted(self) -> list[int]:
        """The next entries to ask for."""
        most = self.beyond or self.head.size
        return sorted(one for one in self.wrong if one < most)[:HEALED_ENTRIES_MAX]

    def next_rehashed(self) -> list[int]:
        """Of a sound journal: the next entries whose kept hash is not that of their bytes."""
        return sorted(self.rehashed)[:HEALED_ENTRIES_MAX] if self.sound else []

    def unheld(self) -> list[int]:
        """Entries that are known to be wrong and that the other side does not hold."""
        return sorted(one for one in self.wrong if self.beyond and one >= self.beyond)


async def look(database: Database, copies: Copies, head: Head, clock: Clock) -> Damaged:
    """Read the journal and find what is wrong; raises where its head is not signed either."""
    await copies.check(head)
    if head.size > PROOF_LEAVES_MAX:
        raise Refused("FED-2025", f"proofs are made for up to {PROOF_LEAVES_MAX} entries")
    found = Damaged(head, [], set())
    while len(found.leaves) < head.size:
        first, limit = len(found.leaves), min(VERIFY_PAGE_ENTRIES, head.size - len(found.leaves))
        rows = await database.read(_page(copies, head, first, limit))
        _take_page(found, range(first, first + limit), rows)
        await clock.sleep(0)
    root = (await asyncio.to_thread(PathTree, found.leaves)).root()
    if root == head.root:
        found.sound, found.wrong = True, set()  # the bytes are right, at most kept hashes are not
    elif not found.wrong:
        found.wrong = {0}  # damage with its own hash: the path of any entry leads to it
    return found


async def prove(copies: Copies, damaged: Damaged, held: wire.HeldEntries) -> list[Good]:
    """Which of the shown entries are to be put back.

    Refused (FED-2426) for anything that was not wanted or does not lead to a signed head.
    """
    root = await _root(copies, damaged, held.size)
    wanted, good = set(damaged.wanted()), list[Good]()
    for one in held.entries:
        if one.index not in wanted or len(one.data) > ENTRY_BYTES_MAX:
            raise _refused("an entry was shown that was not asked for")
        wanted.discard(one.index)
        leaf = leaf_hash(one.data)
        try:
            verify_inclusion(one.index, held.size, leaf, list(one.path), root)
        except Refused as error:
            raise _refused(f"entry {one.index} does not lead to the signed head") from error
        if leaf != damaged.leaves[one.index] or one.index in damaged.rehashed:
            good.append(Good(one.index, one.data))
    if held.size < damaged.head.size:
        damaged.beyond = held.size
    return good


async def took(damaged: Damaged, held: wire.HeldEntries) -> None:
    """After they are durable: what is still wrong, with the help of the proved paths."""
    for one in held.entries:
        damaged.leaves[one.index] = leaf_hash(one.data)
        damaged.wrong.discard(one.index)
    size = held.size
    if not held.entries or any(one < size for one in damaged.wrong):
        return
    tree = await asyncio.to_thread(PathTree, damaged.leaves)
    if tree.root() == damaged.head.root:
        damaged.sound = True
        return
    part = tree if size == tree.size else await asyncio.to_thread(PathTree, damaged.leaves[:size])
    for one in held.entries:
        damaged.wrong.update(_beside(part, one.index, list(one.path)))
    if not damaged.wrong:
        damaged.wrong.add(size)  # all that is shared is right: what is wrong lies behind it


async def _root(copies: Copies, damaged: Damaged, size: int) -> bytes:
    """Root of a signed head that is kept here."""
    signed = None
    if 0 < size <= damaged.head.size:
        signed = await copies.signed(damaged.head, size)
    if signed is None:
        raise _refused(f"there is no signed head of {size} entries here")
    await copies.check(signed)
    return signed.root


def rehash_in(tx: Transaction, copies: Copies, damaged: Damaged, indexes: Sequence[int]) -> None:
    """Put entries of a sound journal back whose kept hash alone was wrong."""
    for index in indexes:
        for _, data, _ in copies.page_in(tx, damaged.head, index, 1):
            if leaf_hash(data) == damaged.leaves[index]:
                copies.put_back_in(tx, damaged.head, index, data)


def _take_page(found: Damaged, places: Iterable[int], rows: list[Kept]) -> None:
    """Hash a page; note what is gone and what does not have its hash."""
    by_index = {index: (data, kept) for index, data, kept in rows}
    hashes = dict(zip(by_index, leaf_hashes([data for data, _ in by_index.values()]), strict=True))
    for place in places:
        found.leaves.append(hashes.get(place, GONE))
        if place not in by_index:
            found.wrong.add(place)
        elif hashes[place] != by_index[place][1]:
            found.wrong.add(place)
            found.rehashed.add(place)


def _beside(tree: PathTree, index: int, path: list[bytes]) -> list[int]:
    """The first entry of each subtree beside a proved path that has another hash here."""
    own = tree.path(index)
    firsts = _firsts(index, tree.size)
    return [first for first, mine, proved in zip(firsts, own, path, strict=True) if mine != proved]


def _firsts(index: int, size: int) -> list[int]:
    """Where the subtrees of a path begin, sibling first (RFC 9162 section 2.1.3.1)."""
    firsts: list[int] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + (1 << (last - first - 1).bit_length() - 1)
        if index < middle:
            firsts.append(middle)
            last = middle
        else:
            firsts.append(first)
            first = middle
    return firsts[::-1]


def _page(
    copies: Copies, head: Head, first: int, limit: int
) -> Callable[[Transaction], list[Kept]]:
    return lambda tx: copies.page_in(tx, head, first, limit)


def _refused(detail: str) -> Refused:
    return Refused("FED-2426", f"what should heal a journal was not taken: {detail}")
