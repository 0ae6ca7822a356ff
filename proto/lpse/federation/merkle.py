"""The Merkle tree of RFC 6962 section 2.1 over SHA-256, and its proofs (RFC 9162 section 2.1).

Owns leaf and node hashes, the compact range (a tree of any size kept as at most 64 hashes, to
which a leaf is appended in O(log n)), and inclusion and consistency proofs. Rule: leaf and node
hashes have different first bytes, so that nobody can pass a node off as an entry. Leaves out where
leaf hashes are kept and who signed a root.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from lpse.federation.errors import Refused
from lpse.federation.limits import JOURNAL_ENTRIES_MAX, PROOF_HASHES_MAX

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()


class ProofInvalid(Refused):
    """A proof does not show what it claims, or a tree's parts do not fit together."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-2101",
            f"the Merkle proof is wrong: {detail}",
            remedy="keep both heads as evidence and ask the other side for its journal",
        )


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one entry (RFC 6962 section 2.1, first byte 0x00)."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Hashes of many entries."""
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two subtrees (RFC 6962 section 2.1, first byte 0x01)."""
    return sha256(b"\x01" + left + right).digest()


class CompactRange:
    """A whole tree as the roots of its perfect subtrees, largest first."""

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Take up a tree that `hashes` describes; their number must fit the size."""
        if not 0 <= size <= JOURNAL_ENTRIES_MAX or len(hashes) != size.bit_count():
            raise ProofInvalid(f"{len(hashes)} hashes cannot be a tree of {size} entries")
        if any(len(one) != HASH_BYTES for one in hashes):
            raise ProofInvalid("a hash is not 32 bytes long")
        self._size = size
        self._hashes = list(hashes)

    @classmethod
    def from_leaf_hashes(cls, hashes: Iterable[bytes]) -> CompactRange:
        """The tree over leaf hashes that are already known."""
        tree = cls()
        tree.extend(hashes)
        return tree

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> CompactRange:
        """Inverse of `to_bytes`."""
        if len(data) % HASH_BYTES:
            raise ProofInvalid("a compact range is not a row of 32-byte hashes")
        return cls(size, [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)])

    @property
    def size(self) -> int:
        """Number of entries."""
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Roots of the perfect subtrees, largest first."""
        return tuple(self._hashes)

    def to_bytes(self) -> bytes:
        """All hashes in a row, for a database column."""
        return b"".join(self._hashes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash: merge as many subtrees as the size has trailing ones."""
        size = self._size
        while size & 1:
            leaf = sha256(b"\x01" + self._hashes.pop() + leaf).digest()
            size >>= 1
        self._hashes.append(leaf)
        self._size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add many leaf hashes, level by level: about twice as fast as one after the other."""
        nodes = list(leaves)
        level, added = self._size, len(nodes)
        kept: list[bytes] = []  # of each level the one without a neighbour, lowest first
        while nodes:
            if level & 1:
                nodes.insert(0, self._hashes.pop())
            if len(nodes) & 1:
                kept.append(nodes.pop())
            pairs = iter(nodes)
            nodes = [
                sha256(b"\x01" + left + right).digest()
                for left, right in zip(pairs, pairs, strict=True)
            ]
            level >>= 1
        self._hashes += reversed(kept)
        self._size += added

    def root(self) -> bytes:
        """Root of the whole tree."""
        if not self._hashes:
            return EMPTY_ROOT
        root = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            root = node_hash(left, root)
        return root

    def copy(self) -> CompactRange:
        """An independent tree with the same content."""
        twin = CompactRange.__new__(CompactRange)
        twin._size = self._size
        twin._hashes = self._hashes.copy()
        return twin


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Root of the tree over all these leaf hashes."""
    return CompactRange.from_leaf_hashes(leaf_hashes).root()


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The path that shows leaf `index` in the tree over all of `leaf_hashes` (section 2.1.3.1)."""
    first, last = 0, len(leaf_hashes)
    if not 0 <= index < last:
        raise ProofInvalid(f"there is no entry {index} in a tree of {last}")
    proof: list[bytes] = []
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            proof.append(root_of(leaf_hashes[middle:last]))
            last = middle
        else:
            proof.append(root_of(leaf_hashes[first:middle]))
            first = middle
    return proof[::-1]


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """The hashes that show the first `old_size` leaves unchanged (section 2.1.4.1)."""
    first, last = 0, len(leaf_hashes)
    if not 0 <= old_size <= last:
        raise ProofInvalid(f"a tree of {last} has no earlier size {old_size}")
    if old_size in (0, last):
        return []
    proof: list[bytes] = []
    whole = True  # the old tree is still exactly the left part: its root need not be sent
    while old_size != last:
        middle = first + _split(last - first)
        if old_size <= middle:
            proof.append(root_of(leaf_hashes[middle:last]))
            last = middle
        else:
            proof.append(root_of(leaf_hashes[first:middle]))
            first = middle
            whole = False
    if not whole:
        proof.append(root_of(leaf_hashes[first:last]))
    return proof[::-1]


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Raise unless `proof` leads from the leaf hash at `index` to `root` (section 2.1.3.2)."""
    if not 0 <= index < size <= JOURNAL_ENTRIES_MAX:
        raise ProofInvalid(f"entry {index} is outside a tree of {size}")
    _check_hashes([leaf, root, *proof])
    place, last, found = index, size - 1, leaf
    for one in proof:
        if last == 0:
            raise ProofInvalid("the path is too long")
        if place & 1 or place == last:
            found = node_hash(one, found)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            found = node_hash(found, one)
        place >>= 1
        last >>= 1
    if last or found != root:
        raise ProofInvalid("the path does not lead to the root")


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise unless the new tree begins with the old one (section 2.1.4.2)."""
    if not 0 <= old_size <= new_size <= JOURNAL_ENTRIES_MAX:
        raise ProofInvalid(f"a tree of {new_size} cannot continue one of {old_size}")
    _check_hashes([old_root, new_root, *proof])
    if old_size in (0, new_size):
        _verify_trivial(old_size, new_size, (old_root, new_root), proof)
        return
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)  # a perfect old tree is its own first hash
    if not path:
        raise ProofInvalid("the path is empty")
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    _walk_consistency(place, last, path, (old_root, new_root))


def _verify_trivial(
    old_size: int, new_size: int, roots: tuple[bytes, bytes], proof: Sequence[bytes]
) -> None:
    old_root, new_root = roots
    if proof:
        raise ProofInvalid("the path is too long")
    if old_size == new_size and old_root != new_root:
        raise ProofInvalid("same size, other root")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise ProofInvalid("the empty tree has another root")


def _walk_consistency(place: int, last: int, path: list[bytes], roots: tuple[bytes, bytes]) -> None:
    old = new = path[0]
    for one in path[1:]:
        if last == 0:
            raise ProofInvalid("the path is too long")
        if place & 1 or place == last:
            old = node_hash(one, old)
            new = node_hash(one, new)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            new = node_hash(new, one)
        place >>= 1
        last >>= 1
    if last or (old, new) != roots:
        raise ProofInvalid("the path does not lead to both roots")


def _split(size: int) -> int:
    """Largest power of two below `size` (RFC 6962: k < n <= 2k)."""
    return 1 << (size - 1).bit_length() - 1


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if len(hashes) > PROOF_HASHES_MAX + 2:
        raise ProofInvalid(f"more than {PROOF_HASHES_MAX} hashes")
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofInvalid("a hash is not 32 bytes long")
