"""What a node may give back, and how a head stands, decided from hashes alone.

Owns the check of one part of returned entries. Rule: a part counts only if the tree that it makes
is a beginning of a head that carries the centre's own signature; where it is not, two histories
exist and nothing is taken (Invariant 5). Leaves out where hashes and entries are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpse.federation.checkpoints import Head
from lpse.federation.entries import Diverged
from lpse.federation.errors import Conflict, Refused
from lpse.federation.limits import BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, ENTRY_BYTES_MAX
from lpse.federation.merkle import CompactRange, ProofInvalid, leaf_hash, verify_consistency


class Contradicted(Diverged):
    """Entries with the centre's signature that its own journal cannot begin with."""

    def __init__(self) -> None:
        super().__init__(
            "FED-2452",
            "the returned entries and this journal are two histories; both are kept",
            remedy="restore the same backup again and wait for the nodes; see explain FED-2452",
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the national journal as a node returns it."""

    first_index: int
    entries: Sequence[bytes]
    head: Head
    proof: Sequence[bytes]


def check_form(part: Part) -> None:
    """Raise for a part that no honest node sends (FED-2453)."""
    sizes = [len(one) for one in part.entries]
    if not 1 <= len(sizes) <= BATCH_ENTRIES_MAX or max(sizes) > ENTRY_BYTES_MAX:
        raise _malformed(f"a part has 1 to {BATCH_ENTRIES_MAX} entries")
    if sum(sizes) > BATCH_BYTES_MAX:
        raise _malformed(f"its entries are larger than {BATCH_BYTES_MAX} bytes")
    if part.first_index + len(sizes) > part.head.size:
        raise _malformed("it goes beyond its head")


def grown(tree: CompactRange, part: Part) -> CompactRange:
    """The tree after the part, shown to be a beginning of its head; `tree` stays as it is.

    Raises Conflict (FED-2450) where it does not begin at the end of `tree`, and Contradicted where
    the two are different histories.
    """
    check_form(part)
    if part.first_index != tree.size:
        raise Conflict("FED-2450", f"the part begins at {part.first_index}, not at {tree.size}")
    after = tree.copy()
    for entry in part.entries:
        after.append(leaf_hash(entry))
    try:
        verify_consistency(
            after.size, part.head.size, after.root(), part.head.root, list(part.proof)
        )
    except ProofInvalid as error:
        raise Contradicted from error
    return after


def _malformed(detail: str) -> Refused:
    return Refused("FED-2453", f"this part of returned entries is malformed: {detail}")
