"""A tree laid out by levels gives the same roots and proofs as the plain functions."""

from __future__ import annotations

from hashlib import sha256

import pytest

from lpse.federation.merkle import ProofInvalid, consistency_proof, root_of
from lpse.federation.merkle_paths import PathTree

LEAVES = [sha256(bytes([one])).digest() for one in range(70)]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 33, 64, 70])
def test_roots_and_proofs_are_those_of_the_plain_functions(size: int) -> None:
    """RFC 6962: every earlier size of every tree, hash by hash."""
    tree = PathTree(LEAVES[:size])
    for earlier in range(size + 1):
        assert tree.root_at(earlier) == root_of(LEAVES[:earlier])
        assert tree.consistency(earlier) == consistency_proof(LEAVES[:size], earlier)


def test_a_size_that_the_tree_never_had_is_refused() -> None:
    """Asking beyond the tree is an error, not another root."""
    tree = PathTree(LEAVES[:5])
    for ask in (tree.root_at, tree.consistency):
        with pytest.raises(ProofInvalid):
            ask(6)
