"""The Recovery service: a node's own journal back to it, branches in, advice.

Rules: the node is the one of the certificate; entries go out as they were received, in pieces of
bounded size; so many reads at once and no more. Leaves out the advice (`advising`) and the keeping
of branches (`central.branches`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc

from central.branches.receiving import BranchReceiving
from central.ledger.ledger import Ledger
from central.ledger.ports import NodeKeys
from central.link.ports import Admission
from central.link.turns import Places, Turn, Turns
from central.recovery.advising import Advising
from central.recovery.noticing import Noticing
from lpse.federation.checkpoints import Head, cosign
from lpse.federation.errors import NotFound, Refused, Unavailable
from lpse.federation.limits import (
    RECOVERY_CALLS_MAX,
    RECOVERY_CALLS_PER_NODE_MAX,
    RECOVERY_IDLE_SECONDS_MAX,
    RECOVERY_PIECE_BYTES_MAX,
    RECOVERY_PIECE_ENTRIES_MAX,
    RECOVERY_RETRY_SECONDS,
    ROOTS_ASKED_MAX,
)
from lpse.federation.merkle import CompactRange
from lpse.federation.notes import Signer
from lpse.federation.v1 import recovery_pb2 as wire
from lpse.federation.v1 import recovery_pb2_grpc
from lpse.runtime.clock import Clock
from lpse.storage.received import Position, StoredEntry

Context = grpc.aio.ServicerContext[Any, Any]


class RecoveryService(recovery_pb2_grpc.RecoveryServicer):
    """Handlers of `lpse.federation.v1.Recovery`."""

    def __init__(
        self,
        ledger: Ledger,
        keys: NodeKeys,
        callers: tuple[Admission, Noticing],
        receiving: BranchReceiving,
        advising: Advising,
        witness: tuple[Signer, Clock],
    ) -> None:
        self._signer, self._clock = witness
        self._ledger = ledger
        self._keys = keys
        self._admission, self._noticing = callers
        self._receiving = receiving
        self._advising = advising
        places = Places(RECOVERY_CALLS_MAX, RECOVERY_CALLS_PER_NODE_MAX, RECOVERY_IDLE_SECONDS_MAX)
        self._turns = Turns(self._clock, places, _busy)

    async def ListEpochs(
        self, request: wire.ListEpochsRequest, context: Context
    ) -> wire.ListEpochsResponse:
        node_id = self._admission.require_node(context)
        answer = wire.ListEpochsResponse()
        for position in self._ledger.positions(node_id):
            if position.head is None:
                continue
            verifier = await self._keys.signed_by(position.head)
            seconds = int(self._clock.wall().timestamp())
            answer.epochs.add(
                head=position.head.message(),
                signing_key=verifier.public,
                cosignature=cosign(position.head, self._signer, seconds).message(),
            )
        return answer

    async def GetRoots(
        self, request: wire.GetRootsRequest, context: Context
    ) -> wire.GetRootsResponse:
        node_id = self._admission.require_node(context)
        if not 1 <= len(request.sizes) <= ROOTS_ASKED_MAX:
            raise Refused("FED-2401", f"1 to {ROOTS_ASKED_MAX} roots are asked for at once")
        async with self._turns.turn(node_id) as turn:
            roots = await self._roots(node_id, request.epoch, list(request.sizes), turn)
        return wire.GetRootsResponse(roots=roots)

    async def ReadJournal(
        self, request: wire.ReadJournalRequest, context: Context
    ) -> AsyncIterator[wire.ReadJournalResponse]:
        node_id = self._admission.require_node(context)
        position = self._position(node_id, request.epoch)
        first, last = request.first, request.last
        if not first <= last <= position.tree.size:
            raise Refused("FED-2401", "the range is not inside the stored journal")
        async with self._turns.turn(node_id) as turn:
            await self._noticing.read_back(node_id, request.epoch, context)
            while first < last:
                limit = min(RECOVERY_PIECE_ENTRIES_MAX, last - first)
                rows = _piece(
                    await self._ledger.received.entries(node_id, request.epoch, first, limit)
                )
                if not rows:
                    raise _damaged()
                yield wire.ReadJournalResponse(
                    first_index=first, entries=[row.data for row in rows]
                )
                first += len(rows)
                turn.moved()

    async def OfferBranch(
        self, requests: AsyncIterator[wire.OfferBranchRequest], context: Context
    ) -> wire.OfferBranchResponse:
        node_id = self._admission.require_node(context)
        async with self._turns.turn(node_id) as turn:
            branch = await self._receiving.take(node_id, _moving(requests, turn))
        return wire.OfferBranchResponse(branch=branch.name)

    async def GetResolution(
        self, request: wire.GetResolutionRequest, context: Context
    ) -> wire.GetResolutionResponse:
        node_id = self._admission.require_node(context)
        heads = [Head.of(one) for one in request.own_heads]
        async with self._turns.turn(node_id):
            advice, kept = await self._advising.advise(node_id, heads)
        return wire.GetResolutionResponse(
            advice=advice.advice,
            rule=advice.rule,
            reason=advice.reason,
            branch=kept.name if kept else "",
            resolution=kept.decided.name if kept and kept.decided else "",
        )

    def _position(self, node_id: str, epoch: bytes) -> Position:
        for position in self._ledger.positions(node_id):
            if position.epoch == epoch:
                return position
        raise NotFound("FED-2402", "the centre never saw that epoch of this node")

    async def _roots(self, node_id: str, epoch: bytes, sizes: list[int], turn: Turn) -> list[bytes]:
        """One pass over the leaf hashes, whatever the order of the question."""
        position = self._position(node_id, epoch)
        if max(sizes) > position.tree.size:
            raise Refused("FED-2401", "a size is beyond the stored journal")
        found: dict[int, bytes] = {}
        tree = CompactRange()
        for size in sorted(set(sizes)):
            while tree.size < size:
                rows = await self._ledger.received.entries(
                    node_id, epoch, tree.size, size - tree.size
                )
                if not rows:
                    raise _damaged()
                for row in rows:
                    tree.append(row.leaf_hash)
                turn.moved()
            found[size] = tree.root()
        return [found[size] for size in sizes]


def _busy() -> Unavailable:
    error = Unavailable("FED-2405", "too many nodes recover at once")
    error.retry_after_seconds = RECOVERY_RETRY_SECONDS
    return error


def _damaged() -> Refused:
    return Refused("FED-1109", "the stored copy of the journal is damaged")


async def _moving(
    pieces: AsyncIterator[wire.OfferBranchRequest], turn: Turn
) -> AsyncIterator[wire.OfferBranchRequest]:
    async for piece in pieces:
        turn.moved()
        yield piece


def _piece(rows: list[StoredEntry]) -> list[StoredEntry]:
    """As many of the rows as fit into one message; always at least the first."""
    size = 0
    for count, row in enumerate(rows):
        size += len(row.data)
        if count and size > RECOVERY_PIECE_BYTES_MAX:
            return rows[:count]
    return rows
