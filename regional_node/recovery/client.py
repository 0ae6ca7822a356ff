"""The calls of recovery, each on a channel of its own, with errors of this program.

Rule: a head that the centre lists counts only with the signature of a key of this node: the present
one, or one that was written down when this machine took the place of a lost one. Leaves out what
is done with the answers (`engine`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from lpse.federation.checkpoints import Cosignature, Head, verify_cosignature
from lpse.federation.errors import Refused, Unavailable
from lpse.federation.limits import ENTRY_BYTES_MAX, RECOVERY_IDLE_SECONDS_MAX
from lpse.federation.notes import Verifier
from lpse.federation.v1 import recovery_pb2 as wire
from lpse.federation.v1.recovery_pb2_grpc import RecoveryStub
from lpse.runtime.channels import error_from


@dataclass(frozen=True, slots=True)
class Listed:
    """One epoch at the centre; `verifier` is the key that signed its head."""

    head: Head
    verifier: Verifier
    cosignature: Cosignature | None


class RecoveryClient:
    """See the module's first lines."""

    def __init__(
        self,
        connect: Callable[[], grpc.aio.Channel],
        own: Verifier,
        former: frozenset[bytes] | None,
        centre: Verifier | None = None,
    ) -> None:
        """`former`: keys of machines that were this node before; None at enrolment, to learn them.

        At enrolment the centre has just been proven by the code.
        """
        self._connect = connect
        self._own = own
        self._former = former
        self._centre = centre

    async def epochs(self) -> list[Listed]:
        """Every epoch that the centre holds, oldest first, each head verified."""
        async with self._stub() as stub:
            answer = await stub.ListEpochs(
                wire.ListEpochsRequest(), timeout=RECOVERY_IDLE_SECONDS_MAX
            )
        return [self._listed(one) for one in answer.epochs]

    async def roots(self, epoch: bytes, sizes: Sequence[int]) -> list[bytes]:
        """The roots of the centre's copy at these sizes."""
        request = wire.GetRootsRequest(epoch=epoch, sizes=sizes)
        async with self._stub() as stub:
            answer = await stub.GetRoots(request, timeout=RECOVERY_IDLE_SECONDS_MAX)
        if len(answer.roots) != len(sizes):
            raise Refused("FED-2407", "the centre did not answer with one root per size")
        return list(answer.roots)

    async def advice(self, heads: Sequence[Head]) -> wire.GetResolutionResponse:
        """What the centre advises a node that shows these heads."""
        request = wire.GetResolutionRequest(own_heads=[one.message() for one in heads])
        async with self._stub() as stub:
            answer: wire.GetResolutionResponse = await stub.GetResolution(
                request, timeout=RECOVERY_IDLE_SECONDS_MAX
            )
        return answer

    async def read(
        self, epoch: bytes, first: int, last: int
    ) -> AsyncIterator[tuple[int, list[bytes]]]:
        """Pieces of the stored journal, in order; not verified yet."""
        request = wire.ReadJournalRequest(epoch=epoch, first=first, last=last)
        async with self._stub() as stub:
            call = stub.ReadJournal(request)
            try:
                while (piece := await _next(call)) is not None:
                    if piece.first_index != first or not piece.entries:
                        raise Refused("FED-2407", "the centre's pieces have a gap")
                    if first + len(piece.entries) > last:
                        raise Refused("FED-2407", "the centre sends more than was asked for")
                    if any(len(one) > ENTRY_BYTES_MAX for one in piece.entries):
                        raise Refused("FED-2407", "the centre sends an entry over the limit")
                    yield first, list(piece.entries)
                    first += len(piece.entries)
            finally:
                call.cancel()

    async def offer(self, pieces: AsyncIterator[wire.OfferBranchRequest]) -> str:
        """The name under which the centre keeps the branch."""
        async with self._stub() as stub:
            answer = await stub.OfferBranch(pieces)
        return str(answer.branch)

    def _listed(self, one: wire.StoredEpoch) -> Listed:
        head = Head.of(one.head)
        if head.party != self._own.name:
            raise Refused("FED-2406", "the centre listed the journal of another node")
        if one.signing_key == self._own.public:
            verifier = self._own
        elif self._former is None or one.signing_key in self._former:
            verifier = Verifier(self._own.name, one.signing_key)
        else:
            raise Refused(
                "FED-2406",
                "the centre listed a head that no key of this node signed",
                remedy="enrol with 'lpse-node enrol --recover' if this machine replaces a lost one",
            )
        head.verify(verifier)
        cosignature = None
        if one.HasField("cosignature") and self._centre is not None:
            cosignature = Cosignature.of(one.cosignature)
            verify_cosignature(head, cosignature, self._centre)
        return Listed(head, verifier, cosignature)

    @asynccontextmanager
    async def _stub(self) -> AsyncIterator[Any]:
        async with self._connect() as channel:
            try:
                yield RecoveryStub(channel)
            except grpc.aio.AioRpcError as error:
                raise error_from(error) from error


async def _next(call: Any) -> wire.ReadJournalResponse | None:
    try:
        async with asyncio.timeout(RECOVERY_IDLE_SECONDS_MAX):
            piece = await call.read()
    except TimeoutError as error:
        raise Unavailable("FED-2299", "the centre does not answer") from error
    return piece if isinstance(piece, wire.ReadJournalResponse) else None
