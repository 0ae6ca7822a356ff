"""Takes a branch in: verified against the ledger's own prefix and the node's key, then kept.

Owns the order of steps. Rules: the prefix is computed from the centre's copy, never taken from the
offer; only entries that make the signed root become a branch; nothing of the ledger changes.
Memory holds one piece at a time. Leaves out SQL (`store`) and the call (`central.recovery`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from central.branches.rules import is_of_machine
from central.branches.store import Branch, BranchStore
from central.ledger.ledger import Ledger
from central.ledger.ports import NodeKeys
from lpse.federation.checkpoints import Head
from lpse.federation.errors import Denied, Refused, Unavailable
from lpse.federation.limits import (
    BRANCH_ENTRIES_MAX,
    ENTRY_BYTES_MAX,
    RECOVERY_PIECE_BYTES_MAX,
    RECOVERY_PIECE_ENTRIES_MAX,
    RECOVERY_RETRY_SECONDS,
)
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.v1 import recovery_pb2 as wire
from lpse.runtime.clock import Clock


class BranchInvalid(Refused):
    """The offered entries are not what their head says."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-2403",
            f"the offered branch is not acceptable: {detail}",
            remedy="check the node's journal with 'lpse-node doctor' and offer it again",
        )


@dataclass(slots=True)
class _Taking:
    """A branch on its way in, and the older one that it turns out to go on from."""

    branch: Branch
    tree: CompactRange
    older: dict[int, Branch]
    extends: Branch | None = None

    def append(self, leaf: bytes) -> None:
        """One more entry."""
        self.tree.append(leaf)
        older = self.older.get(self.tree.size)
        if older is not None and older.head.root == self.tree.root():
            self.extends = older


class BranchReceiving:
    """See the module's first lines."""

    def __init__(self, store: BranchStore, ledger: Ledger, keys: NodeKeys, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._keys = keys
        self._clock = clock
        self._taking: set[str] = set()

    async def take(self, node_id: str, pieces: AsyncIterator[wire.OfferBranchRequest]) -> Branch:
        """The branch, whole and durable; BranchInvalid where it does not make its head.

        One at a time of a node: two that share a head would write each other's entries.
        """
        if node_id in self._taking:
            error = Unavailable("FED-2405", "a branch of this node is on its way already")
            error.retry_after_seconds = RECOVERY_RETRY_SECONDS
            raise error
        self._taking.add(node_id)
        try:
            return await self._take(node_id, pieces)
        finally:
            self._taking.discard(node_id)

    async def _take(self, node_id: str, pieces: AsyncIterator[wire.OfferBranchRequest]) -> Branch:
        opening = await anext(aiter(pieces), None)
        if opening is None or not opening.HasField("head"):
            raise BranchInvalid("the first piece carries its head")
        head = Head.of(opening.head)
        if head.party != node_id:
            raise Denied("FED-2206", "the branch is of another node than the certificate")
        await self._keys.signed_by(head)
        if head.size - opening.first_index > BRANCH_ENTRIES_MAX:
            raise BranchInvalid(f"it has more than {BRANCH_ENTRIES_MAX} entries")
        tree = await self._prefix(head, opening.first_index)
        now = self._clock.now().isoformat()  # by the clock that decisions are dated with
        branch = await self._store.begin(head, opening.first_index, now)
        if branch.whole:
            return branch
        older = await self._older(branch)
        taking = _Taking(branch, tree, older)
        machine_only = await self._add(taking, opening)
        async for piece in pieces:
            machine_only &= await self._add(taking, piece)
        if tree.size != head.size or tree.root() != head.root:
            raise BranchInvalid("its entries do not make the signed root")
        await self._store.complete(branch, machine_only=machine_only, extends=taking.extends)
        found = await self._store.find(head)
        assert found is not None, "it was just completed"
        return found

    async def _prefix(self, head: Head, first: int) -> CompactRange:
        hashes = await self._ledger.received.leaf_hashes(head.party, head.epoch, 0, first)
        if len(hashes) != first:
            raise BranchInvalid("it begins beyond the centre's copy")
        return await asyncio.to_thread(CompactRange.from_leaf_hashes, hashes)

    async def _older(self, branch: Branch) -> dict[int, Branch]:
        """Whole branches that this one may go on from, by size."""
        head, first = branch.head, branch.first_index
        return {
            one.head.size: one
            for one in await self._store.of_node(head.party)
            if (one.head.epoch, one.first_index) == (head.epoch, first)
            and first < one.head.size < head.size
        }

    async def _add(self, taking: _Taking, piece: wire.OfferBranchRequest) -> bool:
        """Keep one piece; whether nobody acted in it."""
        branch, tree = taking.branch, taking.tree
        entries = piece.entries
        if piece.first_index != tree.size:
            raise BranchInvalid("its pieces have a gap")
        if len(entries) > RECOVERY_PIECE_ENTRIES_MAX or any(
            len(one) > ENTRY_BYTES_MAX for one in entries
        ):
            raise BranchInvalid("a piece or an entry is too large")
        if sum(map(len, entries)) > RECOVERY_PIECE_BYTES_MAX:
            raise BranchInvalid("a piece is too large")
        if tree.size + len(entries) > branch.head.size:
            raise BranchInvalid("it goes on beyond its head")
        rows = [(one, leaf_hash(one)) for one in entries]
        await self._store.add(branch, tree.size, rows)
        for _, leaf in rows:
            taking.append(leaf)
        return all(is_of_machine(one) for one in entries)
