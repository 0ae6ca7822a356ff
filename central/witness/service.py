"""The nodes' calls about the national journal: offered, returned, kept as a branch.

Rules: the node is the one of its certificate; a head counts only with the centre's own signature;
every stream is taken part by part, so that it needs no more memory than one part. Leaves out what
is done with a part (`returning`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

import grpc

from central.enrolment.admission import Admission, Context
from central.link.turns import Places, Turns
from central.releases.lost_store import lost_bundles
from central.witness.returning import Returning
from central.witness.rules import Part
from lpse.federation.checkpoints import Head
from lpse.federation.errors import Unavailable
from lpse.federation.limits import (
    MISSING_BUNDLES_MAX,
    NATIONAL_CALLS_MAX,
    NATIONAL_CALLS_PER_NODE_MAX,
    NATIONAL_RETURN_RETRY_SECONDS,
    NATIONAL_RETURN_SECONDS_MAX,
)
from lpse.federation.v1 import witness_pb2 as wire
from lpse.federation.v1 import witness_pb2_grpc
from lpse.runtime.sqlite import Database
from lpse.storage.journal import Journal

Declined = Callable[[str, bytes], None]


class Lost(Protocol):
    """Who asks nodes for lost bundles; implemented by `central.releases`."""

    def declined(self, node_id: str, digest: bytes) -> None:
        """The asked node does not bring it."""

    def look(self) -> None:
        """Releases came back that may lack their bundles."""


class WitnessService(witness_pb2_grpc.WitnessServicer):
    """Handlers of `lpse.federation.v1.Witness`."""

    def __init__(
        self,
        returning: Returning,
        journal: Journal,
        database: Database,
        admission: Admission,
        declined: Declined,
    ) -> None:
        """`declined` hears which node does not bring which bundle."""
        self._declined = declined
        self._returning = returning
        self._journal = journal
        self._database = database
        self._admission = admission
        places = Places(
            NATIONAL_CALLS_MAX, NATIONAL_CALLS_PER_NODE_MAX, NATIONAL_RETURN_SECONDS_MAX
        )
        self._turns = Turns(returning.clock, places, _busy)

    def register(self, server: grpc.aio.Server) -> None:
        """Serve on the nodes' listener."""
        witness_pb2_grpc.add_WitnessServicer_to_server(self, server)

    async def OfferNational(
        self, request: wire.OfferNationalRequest, context: Context
    ) -> wire.OfferNationalResponse:
        node_id = self._admission.require_node(context)
        async with self._turns.turn(node_id):
            standing = await self._returning.standing(node_id, Head.of(request.head))
            return wire.OfferNationalResponse(
                standing=standing,
                own_head=self._journal.head.message(),
                roots=await self._returning.roots(request.sizes),
            )

    async def ReturnNational(
        self, request_iterator: AsyncIterator[wire.ReturnNationalRequest], context: Context
    ) -> wire.ReturnNationalResponse:
        node_id = self._admission.require_node(context)
        parts = _parts(request_iterator)
        async with self._turns.turn(node_id):
            returned = await self._returning.take(node_id, parts)
        missing = await lost_bundles(self._database, MISSING_BUNDLES_MAX)
        return wire.ReturnNationalResponse(
            returned=returned,
            own_head=self._journal.head.message(),
            missing_bundles=[one.digest for one in missing],
        )

    async def KeepNationalBranch(
        self, request_iterator: AsyncIterator[wire.KeepNationalBranchRequest], context: Context
    ) -> wire.KeepNationalBranchResponse:
        node_id = self._admission.require_node(context)
        parts = _parts(request_iterator)
        async with self._turns.turn(node_id):
            return wire.KeepNationalBranchResponse(kept=await self._returning.keep(node_id, parts))

    async def DeclineBundle(
        self, request: wire.DeclineBundleRequest, context: Context
    ) -> wire.DeclineBundleResponse:
        node_id = self._admission.require_node(context)
        self._declined(node_id, request.digest)
        return wire.DeclineBundleResponse()


def _busy() -> Unavailable:
    error = Unavailable("FED-2405", "too many nodes recover at once")
    error.retry_after_seconds = NATIONAL_RETURN_RETRY_SECONDS
    return error


async def _parts(
    messages: AsyncIterator[wire.ReturnNationalRequest | wire.KeepNationalBranchRequest],
) -> AsyncIterator[Part]:
    """Touches the stream at the first part: one that is refused before then is never read."""
    async for message in messages:
        yield _part(message)


def _part(message: wire.ReturnNationalRequest | wire.KeepNationalBranchRequest) -> Part:
    head = Head.of(message.head)
    return Part(message.first_index, tuple(message.entries), head, tuple(message.proof))
