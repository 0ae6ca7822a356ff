"""Showing a node that its entries, and the national ones, are here: bytes, leaf and path.

Rules: leaf and possession are computed from the bytes as stored now, never from a kept hash; a node
that asks too often is told to come back, for a path costs a walk through the journal's leaf hashes;
an entry that cannot be shown is an error, not an empty answer. Leaves out judging (the node does).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from hashlib import sha256

from central.audit.comparisons import later
from central.ledger.ledger import Ledger
from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.errors import NotFound, Refused
from lpse.federation.limits import (
    CHALLENGE_INDEXES_MAX,
    CHALLENGE_WINDOW_SECONDS,
    CHALLENGES_PER_NODE_MAX,
    PROOF_LEAVES_MAX,
)
from lpse.federation.merkle import inclusion_proof, leaf_hash
from lpse.federation.v1 import audit_pb2 as wire
from lpse.runtime.clock import Clock
from lpse.storage.journal import Journal

_NONCE_BYTES = 16


Suspect = Callable[[str], Awaitable[None]]


async def _nobody(_: str) -> None:
    """Where nobody reads journals again."""


class Proving:
    """See the module's first lines."""

    def __init__(
        self, ledger: Ledger, national: Journal, clock: Clock, suspect: Suspect = _nobody
    ) -> None:
        """`suspect` has a journal, by its label, read again."""
        self._suspect = suspect
        self._ledger = ledger
        self._national = national
        self._clock = clock
        self._asked: dict[str, deque[float]] = defaultdict(deque)
        self._turn = asyncio.Lock()  # leaf hashes of one journal at a time in memory

    async def prove(self, node_id: str, request: wire.ProveRequest) -> wire.ProveResponse:
        """Every entry that was asked for; Unavailable (FED-7077) for a node that asks too often."""
        indexes = list(request.indexes)
        if not 1 <= len(indexes) <= CHALLENGE_INDEXES_MAX or len(request.nonce) != _NONCE_BYTES:
            raise Refused("FED-7076", f"one call names 1 to {CHALLENGE_INDEXES_MAX} entries")
        if max(indexes) >= request.size or request.size > PROOF_LEAVES_MAX:
            raise Refused("FED-7076", "there is no such place in a journal")
        self._admit(node_id)
        async with self._turn:
            entries = [await self._entry(node_id, request, index) for index in indexes]
            paths = await self._paths(node_id, request, indexes)
        return wire.ProveResponse(
            proofs=[
                wire.EntryProof(
                    index=index,
                    possession=sha256(request.nonce + data).digest(),
                    leaf_hash=leaf_hash(data),
                    path=path,
                )
                for index, data, path in zip(indexes, entries, paths, strict=True)
            ]
        )

    def _admit(self, node_id: str) -> None:
        now, asked = self._clock.monotonic(), self._asked[node_id]
        while asked and now - asked[0] > CHALLENGE_WINDOW_SECONDS:
            asked.popleft()
        if len(asked) >= CHALLENGES_PER_NODE_MAX:
            raise later("FED-7077", "too many questions at once", CHALLENGE_WINDOW_SECONDS)
        asked.append(now)

    async def _paths(
        self, node_id: str, request: wire.ProveRequest, indexes: list[int]
    ) -> list[list[bytes]]:
        size, epoch = request.size, request.epoch
        if request.national:
            if size > self._national.head.size or epoch != self._national.epoch:
                raise _unknown()
            prove = self._national.inclusion_proof
            return [await prove(index, size, epoch=epoch) for index in indexes]
        leaves = await self._ledger.received.leaf_hashes(node_id, epoch, 0, size)
        if len(leaves) < size:
            raise _unknown()
        return await asyncio.to_thread(
            lambda: [inclusion_proof(leaves, index) for index in indexes]
        )

    async def _entry(self, node_id: str, request: wire.ProveRequest, index: int) -> bytes:
        if request.national:
            own = await self._national.entries(index, index + 1, epoch=request.epoch)
            found = [(row.data, row.leaf_hash) for row in own]
            party, held = CENTRE_PARTY, self._national.head.size
        else:
            rows = await self._ledger.received.entries(node_id, request.epoch, index, 1)
            found = [(row.data, row.leaf_hash) for row in rows]
            position = await self._ledger.received.position(node_id, request.epoch)
            party, held = node_id, position.tree.size
        if index < held and (not found or leaf_hash(found[0][0]) != found[0][1]):
            await self._suspect(f"{party}/{request.epoch.hex()}")
        if not found:
            raise _unknown()
        return found[0][0]


def _unknown() -> NotFound:
    return NotFound("FED-7078", "the entries that were asked for are not here")
