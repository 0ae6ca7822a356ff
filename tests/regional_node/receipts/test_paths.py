"""A path made from tiles is the path that the whole tree gives."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpse.federation.merkle import ProofInvalid, inclusion_proof, root_of, verify_inclusion
from regional_node.receipts.paths import Material, own_span, path_of, tail_span, whole_tiles

TILE = 4
LEAVES = [sha256(bytes([number])).digest() for number in range(80)]


def path(index: int, size: int, tile: int = TILE) -> list[bytes]:
    own, tail = own_span(index, size, tile), tail_span(size, tile)
    roots = {
        one: root_of(LEAVES[one * tile : (one + 1) * tile])
        for one in whole_tiles(index, size, tile)
    }
    material = Material(tile, own[0], LEAVES[slice(*own)], tail[0], LEAVES[slice(*tail)], roots)
    return path_of(index, size, material)


@given(st.integers(1, 80), st.data(), st.sampled_from([1, 2, 4, 8, 16]))
@settings(max_examples=300)
def test_every_path_is_the_one_of_the_whole_tree(size: int, data: st.DataObject, tile: int) -> None:
    """Any size, any entry, any tile: the same hashes, and they lead to the root."""
    index = data.draw(st.integers(0, size - 1))
    made = path(index, size, tile)
    assert made == inclusion_proof(LEAVES[:size], index)
    verify_inclusion(index, size, LEAVES[index], made, root_of(LEAVES[:size]))


def test_only_two_tiles_of_leaves_are_read() -> None:
    """Whatever the size: the entry's own tile and the unfinished last one."""
    for size in range(1, 81):
        for index in range(size):
            own, tail = own_span(index, size, TILE), tail_span(size, TILE)
            assert own[1] - own[0] <= TILE
            assert tail[1] - tail[0] < TILE


def test_an_entry_outside_the_tree_has_no_path() -> None:
    """An index at or above the size is refused."""
    with pytest.raises(ProofInvalid):
        path(4, 4)
