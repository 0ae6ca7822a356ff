"""The tree is RFC 6962's: published roots and proofs, and every size against a naive recursion."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.merkle import (
    EMPTY_ROOT,
    CompactRange,
    ProofInvalid,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# Inputs, roots and proofs of the Certificate Transparency reference tests.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
LEAVES = [leaf_hash(data) for data in INPUTS]


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


def numbered(size: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


def test_published_roots() -> None:
    """Every size of the published tree has the published root."""
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [root_of(LEAVES[: size + 1]).hex() for size in range(8)] == ROOTS


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_published_inclusion_proofs(index: int, size: int) -> None:
    """Inclusion proofs are byte for byte the published ones, and verify."""
    proof = inclusion_proof(LEAVES[:size], index)
    assert [one.hex() for one in proof] == INCLUSION[index, size]
    verify_inclusion(index, size, LEAVES[index], proof, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_published_consistency_proofs(old: int, new: int) -> None:
    """Consistency proofs are byte for byte the published ones, and verify."""
    proof = consistency_proof(LEAVES[:new], old)
    assert [one.hex() for one in proof] == CONSISTENCY[old, new]
    roots = bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1])
    verify_consistency(old, new, *roots, proof)


@given(st.integers(0, 300))
def test_compact_range_equals_the_naive_tree(size: int) -> None:
    """Appending leaf by leaf gives the root of the definition, also after being written down."""
    leaves = numbered(size)
    tree = CompactRange.from_leaf_hashes(leaves)
    assert tree.root() == naive_root(leaves)
    assert len(tree.hashes) == size.bit_count()
    again = CompactRange.from_bytes(size, tree.to_bytes())
    again.append(leaf_hash(b"next"))
    assert again.root() == naive_root([*leaves, leaf_hash(b"next")])
    assert tree.size == size


@given(st.integers(1, 130), st.data())
def test_every_inclusion_proof_verifies_and_no_other(size: int, data: st.DataObject) -> None:
    """A proof fits its own index, leaf, size and root; any change breaks it."""
    leaves, index = numbered(size), data.draw(st.integers(0, size - 1))
    root, proof = root_of(leaves), inclusion_proof(leaves, index)
    verify_inclusion(index, size, leaves[index], proof, root)
    wrong = [
        (index, size, leaf_hash(b"other"), proof, root),
        (index, size, leaves[index], [*proof, root], root),
        (index, size, leaves[index], proof, leaf_hash(b"other")),
        (size, size, leaves[index], proof, root),
        ((index + 1) % size, size, leaves[index], proof, root),
    ]
    if proof:
        wrong.append((index, size, leaves[index], proof[:-1], root))
    for attempt in wrong if size > 1 else wrong[:4]:
        with pytest.raises(ProofInvalid):
            verify_inclusion(*attempt)


@given(st.integers(1, 130), st.data())
def test_every_consistency_proof_verifies_and_no_other(size: int, data: st.DataObject) -> None:
    """A proof shows exactly this old tree inside exactly this new one."""
    leaves, old = numbered(size), data.draw(st.integers(0, size))
    old_root, root = root_of(leaves[:old]), root_of(leaves)
    proof = consistency_proof(leaves, old)
    verify_consistency(old, size, old_root, root, proof)
    wrong = [
        (old, size, leaf_hash(b"other"), root, proof),
        (old, size, old_root, root, [*proof, root]),
        (size + 1, size, old_root, root, proof),
    ]
    if old:
        wrong.append((old, size, old_root, leaf_hash(b"other"), proof))
    if proof:
        wrong.append((old, size, old_root, root, proof[:-1]))
        wrong.append((old, size, old_root, root, [leaf_hash(b"other"), *proof[1:]]))
    for attempt in wrong:
        with pytest.raises(ProofInvalid):
            verify_consistency(*attempt)


def test_malformed_ranges_and_proofs_are_refused() -> None:
    """Lengths that no tree has are refused before anything is hashed."""
    for size, hashes in ((1, []), (3, [bytes(32)]), (1, [bytes(31)]), (-1, []), (1 << 60, [])):
        with pytest.raises(ProofInvalid):
            CompactRange(size, hashes)
    with pytest.raises(ProofInvalid):
        CompactRange.from_bytes(1, bytes(33))
    with pytest.raises(ProofInvalid):
        verify_inclusion(0, 2, bytes(32), [bytes(32)] * 100, bytes(32))
    with pytest.raises(ProofInvalid):
        inclusion_proof([], 0)
    with pytest.raises(ProofInvalid):
        consistency_proof(numbered(3), 4)


@given(
    st.lists(st.binary(min_size=32, max_size=32), max_size=70),
    st.lists(st.binary(min_size=32, max_size=32), max_size=70),
)
def test_many_leaves_at_once_make_the_same_tree(first: list[bytes], second: list[bytes]) -> None:
    """Adding in bulk and one by one give the same compact range, from any size on."""
    slow, fast = CompactRange(), CompactRange()
    for one in first + second:
        slow.append(one)
    fast.extend(first)
    fast.extend(second)
    assert (fast.size, fast.hashes, fast.root()) == (slow.size, slow.hashes, slow.root())


def test_hashes_of_many_entries_are_those_of_each() -> None:
    """The bulk form is the same function."""
    assert leaf_hashes(INPUTS) == [leaf_hash(one) for one in INPUTS]
