"""Which parts of a journal's tree make the path of one entry: pure arithmetic.

Owns the division of a tree into tiles of equal size, so that a path through millions of entries
reads two tiles of leaves and the kept roots of the others (RFC 6962 section 2.1.1). Rule: the
result is the same path that the whole tree would give. Leaves out where leaves and roots are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lpse.federation.merkle import ProofInvalid, root_of


@dataclass(frozen=True, slots=True)
class Material:
    """What a path is made from: leaves around the entry and at the end, roots of whole tiles."""

    tile: int  # leaves of a whole tile
    own_first: int
    own_leaves: Sequence[bytes]
    tail_first: int
    tail_leaves: Sequence[bytes]
    tiles: Mapping[int, bytes]


def own_span(index: int, size: int, tile: int) -> tuple[int, int]:
    """The leaves of the entry's own tile, as far as the tree goes."""
    first = index - index % tile
    return first, min(first + tile, size)


def tail_span(size: int, tile: int) -> tuple[int, int]:
    """The leaves behind the last whole tile."""
    return size - size % tile, size


def whole_tiles(index: int, size: int, tile: int) -> list[int]:
    """Tiles whose roots are needed: all whole ones but the entry's own."""
    return [position for position in range(size // tile) if position != index // tile]


def path_of(index: int, size: int, material: Material) -> list[bytes]:
    """The path of an entry, its leaf's sibling first."""
    return [_root(first, last, material) for first, last in _siblings(index, size)]


def _siblings(index: int, size: int) -> list[tuple[int, int]]:
    """Spans of leaves beside the way from the leaf to the root (RFC 6962: k < n <= 2k)."""
    if not 0 <= index < size:
        raise ProofInvalid(f"there is no entry {index} in a tree of {size}")
    first, last = 0, size
    spans: list[tuple[int, int]] = []
    while last - first > 1:
        middle = first + (1 << (last - first - 1).bit_length() - 1)
        if index < middle:
            spans.append((middle, last))
            last = middle
        else:
            spans.append((first, middle))
            first = middle
    return spans[::-1]


def _root(first: int, last: int, material: Material) -> bytes:
    """Root over a span; one that is not inside the own tile begins where a tile begins."""
    tile = material.tile
    own_last = material.own_first + len(material.own_leaves)
    if material.own_first <= first and last <= own_last:
        at = material.own_first
        return root_of(material.own_leaves[first - at : last - at])
    parts = [material.tiles[position] for position in range(first // tile, last // tile)]
    if last % tile:  # only the whole tree's end is not the end of a tile
        assert last == material.tail_first + len(material.tail_leaves)
        parts.append(root_of(material.tail_leaves))
    return root_of(parts)
