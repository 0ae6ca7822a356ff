"""Many paths and proofs of one tree: its inner hashes are made once and looked up afterwards.

Owns the tree of RFC 6962 section 2.1 laid out by levels. Rule: it gives exactly the paths of
`merkle.inclusion_proof` and the proofs of `merkle.consistency_proof`, in O(log n) after O(n).
Leaves out checking them (`merkle`).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from lpse.federation.merkle import EMPTY_ROOT, HASH_BYTES, ProofInvalid, node_hash


class PathTree:
    """A tree over all leaf hashes of a journal; 64 bytes of memory per leaf."""

    def __init__(self, leaf_hashes: Sequence[bytes]) -> None:
        """Hash every perfect subtree once."""
        self.size = len(leaf_hashes)
        self._levels = [b"".join(leaf_hashes)]
        width = self.size
        while width > 1:
            below, width = self._levels[-1], width // 2
            self._levels.append(
                b"".join(
                    sha256(b"\x01" + below[at : at + 2 * HASH_BYTES]).digest()
                    for at in range(0, width * 2 * HASH_BYTES, 2 * HASH_BYTES)
                )
            )

    def root(self) -> bytes:
        """Root of the whole tree."""
        return self._node(0, self.size) if self.size else EMPTY_ROOT

    def path(self, index: int) -> list[bytes]:
        """The path of leaf `index`, its sibling first."""
        first, last = 0, self.size
        if not 0 <= index < last:
            raise ProofInvalid(f"there is no entry {index} in a tree of {last}")
        path: list[bytes] = []
        while last - first > 1:
            middle = first + _split(last - first)
            if index < middle:
                path.append(self._node(middle, last))
                last = middle
            else:
                path.append(self._node(first, middle))
                first = middle
        return path[::-1]

    def root_at(self, size: int) -> bytes:
        """Root that the tree had at an earlier size."""
        if not 0 <= size <= self.size:
            raise ProofInvalid(f"a tree of {self.size} has no earlier size {size}")
        return self._node(0, size) if size else EMPTY_ROOT

    def consistency(self, old_size: int) -> list[bytes]:
        """That the first `old_size` leaves are its beginning, as `merkle.consistency_proof`."""
        first, last = 0, self.size
        if not 0 <= old_size <= last:
            raise ProofInvalid(f"a tree of {last} has no earlier size {old_size}")
        if old_size in (0, last):
            return []
        proof: list[bytes] = []
        whole = True
        while old_size != last:
            middle = first + _split(last - first)
            if old_size <= middle:
                proof.append(self._node(middle, last))
                last = middle
            else:
                proof.append(self._node(first, middle))
                first, whole = middle, False
        if not whole:
            proof.append(self._node(first, last))
        return proof[::-1]

    def _node(self, first: int, last: int) -> bytes:
        width = last - first
        if width & (width - 1) == 0:  # perfect, and aligned: only left parts are perfect by choice
            level = width.bit_length() - 1
            at = (first >> level) * HASH_BYTES
            return self._levels[level][at : at + HASH_BYTES]
        middle = first + _split(width)
        return node_hash(self._node(first, middle), self._node(middle, last))


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1
