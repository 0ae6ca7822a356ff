"""The Transfer service: nodes bring sealed bytes and fetch release bundles.

Rules: a node may bring only what stands in one of its own STORED entries, with the size that the
entry names, or the lost bundle that it is asked for; it may fetch only bundles of published
releases and blobs that it brought itself. To know a digest is not to have its bytes: what another
node brought is neither shown nor told of. VERIFIED leaves after row and file are durable (Invariant
1). No digest and no size of a refused call is logged. Leaves out storage (`receiving`) and the loop
(`streams`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from central.blobs.groups import Groups
from central.blobs.pace import too_slow
from central.blobs.ports import (
    Admission,
    Announcements,
    Bundles,
    Context,
    ParkedBlob,
    ParkedBlobs,
    Returned,
)
from central.blobs.receiving import Receiving, Wanted
from central.blobs.store import BUNDLE, UPLOAD
from central.blobs.streams import Streams, first_message, take_in
from lpse.federation.errors import Denied, NotFound, Refused, Unavailable
from lpse.federation.limits import (
    BLOB_BYTES_MAX,
    KIB,
    LINK_TEXT_CHARACTERS_MAX,
    PARKED_REPORTED_MAX,
    TRANSFER_CHUNK_BYTES_MAX,
    TRANSFER_CHUNK_BYTES_MIN,
    TRANSFER_PROJECTION_SECONDS,
    TRANSFER_SLOW_SECONDS,
)
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1 import transfer_pb2_grpc
from lpse.runtime.sqlite import Transaction
from lpse.storage.blobs import BlobMismatch, BlobReader, BlobRefused

_DIGEST_BYTES: Final = 32
_LOST: Final = "lost bundle"  # the caller of a part that one node after the other may continue
_CHUNK_BYTES: Final = 256 * KIB  # where the caller does not choose
_PROJECTION_PAUSES: Final = (0.0, 0.02, 0.05, 0.1, 0.2)  # seconds


class TransferService(transfer_pb2_grpc.TransferServicer):
    """Handlers of `lpse.federation.v1.Transfer`."""

    def __init__(
        self,
        receiving: Receiving,
        admission: Admission,
        announcements: Announcements,
        bundles: Bundles,
        parked: ParkedBlobs,
        log: FilteringBoundLogger,
    ) -> None:
        self._receiving = receiving
        self._parked = parked
        self._groups = Groups(receiving, announcements, self._announced)
        self._admission = admission
        self._announcements = announcements
        self._bundles = bundles
        self._log = log
        self._streams = Streams()
        admission.on_revoked(self._streams.revoked)

    async def PutBlob(  # type: ignore[override]  # the reader/writer form, which gRPC takes too
        self, request_iterator: Any, context: Context
    ) -> None:
        """Take one blob in; the handler reads and writes the stream itself."""
        node_id = self._admission.require_node(context)
        with self._streams.enter(f"node/{node_id}") as ended:
            first = await first_message(context)
            lost = self._bundles.coming(node_id, first.begin.digest)
            if lost is not None:
                await self._take_back(context, first, lost, ended)
                return
            wanted = await self._wanted(node_id, first)

            def verified_in(tx: Transaction) -> None:
                now = self._receiving.clock.wall()
                self._announcements.verified_in(tx, node_id, wanted.digest, now)

            brought = await self._brought(node_id, wanted.digest)
            if brought and await self._receiving.present(wanted, verified_in):
                await context.write(_accepted(wanted.size, 0))
                await context.write(_verified(wanted.digest, already_stored=True))
                return
            incoming = await self._receiving.begin(wanted, verified_in)
            try:
                await context.write(_accepted(incoming.offset, incoming.fence))
                await take_in(context, incoming, ended, _durable)
                await incoming.finish()
            finally:
                await incoming.close()
            await context.write(_verified(wanted.digest, already_stored=False))
            self._log.info("blob.verified", node=node_id, size_bytes=wanted.size)

    async def _take_back(
        self, context: Context, first: wire.PutBlobRequest, lost: Returned, ended: asyncio.Event
    ) -> None:
        """A lost bundle; whoever brings it goes on where the one before ended."""
        if first.begin.size_bytes != lost.size:
            raise Refused("FED-2304", "the size differs from the one that was published")
        wanted = Wanted(_LOST, first.begin.digest, lost.size, BUNDLE)
        incoming = await self._receiving.begin(wanted, lost.returned_in)
        lost.begun(incoming.offset)
        try:
            await context.write(_accepted(incoming.offset, incoming.fence))
            await take_in(context, incoming, ended, _durable)
            await incoming.finish()
        except (BlobMismatch, BlobRefused):
            lost.false()
            raise
        finally:
            await incoming.close()
            lost.ended(incoming.offset)
        lost.came()
        await context.write(_verified(wanted.digest, already_stored=False))

    async def PutBlobs(  # type: ignore[override]  # the reader/writer form, which gRPC takes too
        self, request_iterator: Any, context: Context
    ) -> None:
        """Take whole small blobs in, each with its own answer."""
        node_id = self._admission.require_node(context)
        with self._streams.enter(f"node/{node_id}") as ended:
            count = await self._groups.take_in(context, node_id, ended)
            self._log.info("blobs.verified", node=node_id, blobs=count)

    async def CheckBlob(
        self, request: wire.CheckBlobRequest, context: Context
    ) -> wire.CheckBlobResponse:
        """Whether row, file and digest are there now; reads the whole file again."""
        node_id = self._admission.require_node(context)
        if len(request.digest) != _DIGEST_BYTES:
            raise Refused("FED-2304", "a digest has 32 bytes")
        with self._streams.enter(f"node/{node_id}"):
            held = False
            if await self._brought(node_id, request.digest):
                size = await self._announced(node_id, request.digest)
                held = await self._receiving.holds(request.digest, size)
            return wire.CheckBlobResponse(held=held)

    async def ReportParked(
        self, request: wire.ReportParkedRequest, context: Context
    ) -> wire.ReportParkedResponse:
        """Keep what the node has set aside; answer what operators want tried again."""
        node_id = self._admission.require_node(context)
        blobs = [
            ParkedBlob(
                one.digest, one.size_bytes, one.cause[:LINK_TEXT_CHARACTERS_MAX], one.attempts
            )
            for one in request.blobs
        ]
        digests = {one.digest for one in blobs}
        if len(blobs) > PARKED_REPORTED_MAX or len(digests) != len(blobs):
            raise Refused("FED-2328", f"at most {PARKED_REPORTED_MAX} blobs, each once")
        if any(
            len(one.digest) != _DIGEST_BYTES or one.size_bytes > BLOB_BYTES_MAX for one in blobs
        ):
            raise Refused("FED-2328", "a parked blob has a digest of 32 bytes and a possible size")
        now = self._receiving.clock.wall()
        return wire.ReportParkedResponse(replay=await self._parked.report(node_id, blobs, now))

    async def GetBlob(  # type: ignore[override]  # the reader/writer form, which gRPC takes too
        self, request: wire.GetBlobRequest, context: Context
    ) -> None:
        """Send a published bundle, or what this node itself brought, from an offset on."""
        node_id = self._admission.require_node(context)
        with self._streams.enter(f"node/{node_id}") as ended:
            size = await self._offered(node_id, request)
            chunk = request.chunk_bytes_max or _CHUNK_BYTES
            chunk = min(max(chunk, TRANSFER_CHUNK_BYTES_MIN), TRANSFER_CHUNK_BYTES_MAX)
            blobs = self._receiving.blobs
            async with await blobs.open_read(request.digest, request.offset_bytes) as reader:
                await _give(context, wire.GetBlobResponse(size_bytes=size))
                async for data in _pieces(reader, chunk):
                    await _give(context, wire.GetBlobResponse(chunk=data))
                    if ended.is_set():
                        raise Denied("FED-3009", "the caller's access has ended")

    async def _wanted(self, node_id: str, message: wire.PutBlobRequest) -> Wanted:
        begin = message.begin
        if message.WhichOneof("part") != "begin" or len(begin.digest) != _DIGEST_BYTES:
            raise Refused("FED-2304", "the first message is `begin` with a digest of 32 bytes")
        announced = await self._announced(node_id, begin.digest)
        if announced != begin.size_bytes:
            raise Refused("FED-2304", "the size differs from the one in the journal entry")
        return Wanted(f"node/{node_id}", begin.digest, announced, UPLOAD)

    async def _announced(self, node_id: str, digest: bytes) -> int:
        """The size that an entry names; a stored entry may be projected a moment later."""
        size = await self._announcements.announced_size(node_id, digest)
        if size is not None:
            return size
        for pause in _PROJECTION_PAUSES:
            await self._receiving.clock.sleep(pause)
            current = await self._announcements.is_current(node_id)  # first: else it could move
            size = await self._announcements.announced_size(node_id, digest)
            if size is not None:
                return size
            if current:
                raise Denied(
                    "FED-2301",
                    "no stored entry of this node names these bytes",
                    remedy="send the entry first; look for parked entries at the centre",
                )
        error = Unavailable("FED-2302", "the entry is stored but not projected yet")
        error.retry_after_seconds = TRANSFER_PROJECTION_SECONDS
        raise error

    async def _brought(self, node_id: str, digest: bytes) -> bool:
        return bool(await self._announcements.brought(node_id, [digest]))

    async def _offered(self, node_id: str, request: wire.GetBlobRequest) -> int:
        if len(request.digest) != _DIGEST_BYTES:
            raise Refused("FED-2304", "a digest has 32 bytes")
        size = await self._bundles.offered_size(request.digest)
        if size is None and await self._brought(node_id, request.digest):
            size = await self._receiving.rows.size_of(request.digest)  # to heal a damaged copy
        if size is None:
            raise NotFound("FED-2305", "no published release and no entry of this node has it here")
        if request.offset_bytes > size:
            raise Refused("FED-2308", f"the file has only {size} bytes")
        return size


async def _give(context: Context, message: wire.GetBlobResponse) -> None:
    """Write one message; a caller that reads too slowly is cut off and may resume."""
    try:
        async with asyncio.timeout(TRANSFER_SLOW_SECONDS):
            await context.write(message)
    except TimeoutError as error:
        raise too_slow() from error


async def _pieces(reader: BlobReader, size: int) -> AsyncIterator[bytes]:
    """The rest of a blob; the next piece is read while the last one is on its way."""
    reading = asyncio.ensure_future(reader.read(size))
    try:
        while data := await reading:
            reading = asyncio.ensure_future(reader.read(size))
            yield data
    finally:
        # The file may be closed only after the thread that reads it is done.
        await asyncio.gather(reading, return_exceptions=True)


def _accepted(offset: int, fence: int) -> wire.PutBlobResponse:
    return wire.PutBlobResponse(accepted=wire.AcceptedBlob(offset_bytes=offset, fence=fence))


def _durable(offset: int) -> wire.PutBlobResponse:
    return wire.PutBlobResponse(durable=wire.DurableBlob(offset_bytes=offset))


def _verified(digest: bytes, *, already_stored: bool) -> wire.PutBlobResponse:
    return wire.PutBlobResponse(
        verified=wire.VerifiedBlob(digest=digest, already_stored=already_stored)
    )
