"""Trees kept for proofs: what is asked for again is there, and memory stays bounded."""

from __future__ import annotations

from lpse.federation.merkle_trees import KeptTrees

A, B, C = ((name, bytes(16)) for name in ("a", "b", "c"))


def test_a_kept_tree_answers_for_the_entries_that_it_holds() -> None:
    """A younger entry needs a younger tree."""
    trees = KeptTrees[str](10)
    trees.keep(A, 4, "four")
    assert (trees.holding(A, 3), trees.holding(A, 4), trees.holding(B, 0)) == ("four", None, None)


def test_the_tree_asked_for_longest_ago_goes_first() -> None:
    """Neither many trees nor one that is too large take more than their room."""
    trees = KeptTrees[str](10)
    trees.keep(A, 4, "a")
    trees.keep(B, 4, "b")
    assert trees.holding(A, 0) == "a"
    trees.keep(C, 4, "c")
    assert [trees.holding(one, 0) for one in (A, B, C)] == ["a", None, "c"]
    assert trees.keep(B, 11, "large") == "large"
    assert [trees.holding(one, 0) for one in (A, B, C)] == [None, None, None]
