"""A few trees of journals kept in memory, so that proof after proof costs O(log n).

Rules: what is kept is bounded in leaves, and the tree that was asked for longest ago goes first; a
kept tree answers for every entry that it holds, with the head that it was made for, which stays
true however far the journal has grown. Leaves out how trees are made (`merkle_paths`).
"""

from __future__ import annotations

from typing import Generic, TypeVar

from lpse.federation.limits import KEPT_TREE_LEAVES_MAX

T = TypeVar("T")


class KeptTrees(Generic[T]):
    """Trees by journal, with whatever belongs to them."""

    def __init__(self, leaves_max: int = KEPT_TREE_LEAVES_MAX) -> None:
        self._leaves_max = leaves_max
        self._kept: dict[tuple[str, bytes], tuple[int, T]] = {}

    def holding(self, journal: tuple[str, bytes], index: int) -> T | None:
        """A tree of that journal (party and epoch) that holds an entry; None for none."""
        found = self._kept.pop(journal, None)
        if found is None:
            return None
        self._kept[journal] = found  # asked for last
        size, value = found
        return value if index < size else None

    def keep(self, journal: tuple[str, bytes], size: int, value: T) -> T:
        """Keep a tree of so many leaves instead of an earlier one; gives it back."""
        self._kept.pop(journal, None)
        self._kept[journal] = size, value
        while sum(leaves for leaves, _ in self._kept.values()) > self._leaves_max:
            del self._kept[next(iter(self._kept))]  # one larger than all room is not kept either
        return value
