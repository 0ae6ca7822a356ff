"""Digest trees agree wherever they are built, and a difference is found in a few questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpse.federation.digests import (
    EMPTY,
    DigestsRefused,
    DigestTree,
    Part,
    differing,
    fields_digest,
    narrowed,
    object_id,
    parts_of,
    records_of,
)
from lpse.federation.limits import DIGEST_DEPTH, DIGEST_LIST_OBJECTS, DIGEST_OBJECTS_MAX

VECTORS = json.loads((Path(__file__).parent / "vectors" / "digests.json").read_text("utf-8"))


def tree_of(objects: dict[str, str], area: str = "blob") -> DigestTree:
    tree = DigestTree()
    for name, fields in objects.items():
        tree.add(object_id(area, name), fields.encode())
    return tree


def search(ours: DigestTree, theirs: DigestTree) -> tuple[list[bytes], int]:
    """As a node does it: what differs, and how many questions that took."""
    divide, listed, found, questions = [b""], list[bytes](), list[bytes](), 0
    while divide:
        prefix = divide.pop()
        questions += 1
        step = narrowed(prefix, ours.children(prefix), theirs.children(prefix))
        divide += step.divide
        listed += step.listed
    for prefix in listed:
        questions += 1
        found += differing(ours.records(prefix), theirs.records(prefix))
    return sorted(found), questions


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden_vectors(vector: dict[str, object]) -> None:
    """Both sides, of whatever version, get these bytes from these objects."""
    tree = DigestTree()
    objects = vector["objects"]
    assert isinstance(objects, list)
    for area, name, fields in objects:
        tree.add(object_id(area, name), fields.encode())
    assert tree.root() == Part(bytes.fromhex(str(vector["root"])), len(objects))
    listed = [record.hex() for record in tree.records(b"")]
    assert listed == vector["records"]


def test_no_objects_have_the_empty_digest() -> None:
    """An empty part is sixteen zero bytes, at every level."""
    tree = DigestTree()
    assert tree.root() == Part(EMPTY, 0)
    assert set(tree.children(b"")) == {Part(EMPTY, 0)}


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=60), st.randoms())
@settings(max_examples=25, deadline=None)
def test_the_order_in_which_objects_come_does_not_matter(
    objects: dict[str, str], random: object
) -> None:
    """Pages of two databases come in different orders."""
    shuffled = list(objects.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis' own Random
    assert tree_of(objects).root() == tree_of(dict(shuffled)).root()


@given(
    st.dictionaries(st.integers(0, 400).map(str), st.sampled_from("ab"), max_size=300),
    st.dictionaries(st.integers(0, 400).map(str), st.sampled_from("ab"), max_size=300),
)
@settings(max_examples=25, deadline=None)
def test_exactly_what_differs_is_found(ours: dict[str, str], theirs: dict[str, str]) -> None:
    """Missing, extra and changed objects, and no others, on either side."""
    names = ours.keys() | theirs.keys()
    differ = [name for name in names if ours.get(name) != theirs.get(name)]
    found, _ = search(tree_of(ours), tree_of(theirs))
    assert found == sorted(object_id("blob", name) for name in differ)


def test_one_difference_among_many_takes_a_handful_of_questions() -> None:
    """O(log n): sixteen times as many objects cost one question more."""
    objects = {str(number): "same" for number in range(20_000)}
    found, questions = search(tree_of(objects), tree_of(objects | {"777": "other"}))
    assert found == [object_id("blob", "777")]
    assert questions <= DIGEST_DEPTH + 1


def test_a_digest_that_was_asked_for_follows_later_objects() -> None:
    """Kept digests are forgotten along the path of what is added."""
    tree = tree_of({"a": "1"})
    before = tree.root()
    tree.add(object_id("blob", "b"), b"2")
    assert tree.root() == tree_of({"a": "1", "b": "2"}).root() != before


def test_an_area_is_part_of_the_identifier() -> None:
    """The same name in two areas is two objects."""
    assert object_id("blob", "x") != object_id("upload", "x")
    assert fields_digest(b"") != fields_digest(b"{}")


def test_small_parts_are_listed_and_large_ones_divided() -> None:
    """A listing of few objects is cheaper than another level."""
    same = [Part(EMPTY, 0)] * 15
    small, large = Part(b"1" * 16, DIGEST_LIST_OBJECTS), Part(b"1" * 16, DIGEST_LIST_OBJECTS + 1)
    other = Part(b"2" * 16, 1)
    assert narrowed(b"", [small, *same], [other, *same]).listed == (b"\x00",)
    assert narrowed(b"", [large, *same], [other, *same]).divide == (b"\x00",)
    bottom = bytes(DIGEST_DEPTH - 1)
    assert narrowed(bottom, [large, *same], [other, *same]).listed == (bottom + b"\x00",)


def test_malformed_questions_and_answers_are_refused() -> None:
    """A prefix that is none, too few digests, a torn listing: an error with a code."""
    tree = tree_of({"a": "1"})
    for prefix in (b"\x10", bytes(DIGEST_DEPTH + 1)):
        with pytest.raises(DigestsRefused):
            tree.records(prefix)
    with pytest.raises(DigestsRefused):
        tree.children(bytes(DIGEST_DEPTH))
    with pytest.raises(DigestsRefused):
        parts_of(bytes(16 * 15), [0] * 16)
    with pytest.raises(DigestsRefused):
        records_of(bytes(33))
    with pytest.raises(DigestsRefused):
        narrowed(b"", tree.children(b""), [])


def test_a_tree_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 12: more objects than memory is meant for end the audit, not the program."""
    assert DIGEST_OBJECTS_MAX >= 1_000_000
    monkeypatch.setattr("lpse.federation.digests.DIGEST_OBJECTS_MAX", 1)
    tree = tree_of({"a": "1"})
    with pytest.raises(DigestsRefused):
        tree.add(object_id("blob", "b"), b"")
