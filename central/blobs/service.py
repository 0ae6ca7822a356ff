"""The Transfer service: nodes bring sealed bytes and fetch release bundles.

Rules: a node may bring only what stands in one of its own STORED entries, with the size that the
entry names; it may fetch only bundles of published releases. VERIFIED leaves after row and file are
durable (Invariant 1). No digest and no size of a refused call is logged. Leaves out storage
(`receiving`) and the loop (`streams`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from central.blobs.ports import Admission, Announcements, Bundles, Context
from central.blobs.receiving import Receiving, Wanted
from central.blobs.store import UPLOAD
from central.blobs.streams import Streams, first_message, take_in
from lpse.federation.errors import Denied, NotFound, Refused, Unavailable
from lpse.federation.limits import (
    KIB,
    TRANSFER_CHUNK_BYTES_MAX,
    TRANSFER_CHUNK_BYTES_MIN,
    TRANSFER_PROJECTION_SECONDS,
)
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1 import transfer_pb2_grpc
from lpse.runtime.sqlite import Transaction
from lpse.storage.blobs import BlobReader

_DIGEST_BYTES: Final = 32
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
        log: FilteringBoundLogger,
    ) -> None:
        self._receiving = receiving
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
            wanted = await self._wanted(node_id, await first_message(context))

            def verified_in(tx: Transaction) -> None:
                now = self._receiving.clock.wall()
                self._announcements.verified_in(tx, node_id, wanted.digest, now)

            if await self._receiving.present(wanted, verified_in):
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

    async def GetBlob(
        self, request: wire.GetBlobRequest, context: Context
    ) -> AsyncIterator[wire.GetBlobResponse]:
        """Send a published bundle from an offset on."""
        node_id = self._admission.require_node(context)
        with self._streams.enter(f"node/{node_id}") as ended:
            size = await self._offered(request)
            chunk = request.chunk_bytes_max or _CHUNK_BYTES
            chunk = min(max(chunk, TRANSFER_CHUNK_BYTES_MIN), TRANSFER_CHUNK_BYTES_MAX)
            blobs = self._receiving.blobs
            async with await blobs.open_read(request.digest, request.offset_bytes) as reader:
                yield wire.GetBlobResponse(size_bytes=size)
                async for data in _pieces(reader, chunk):
                    yield wire.GetBlobResponse(chunk=data)
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

    async def _offered(self, request: wire.GetBlobRequest) -> int:
        if len(request.digest) != _DIGEST_BYTES:
            raise Refused("FED-2304", "a digest has 32 bytes")
        size = await self._bundles.offered_size(request.digest)
        if size is None:
            raise NotFound("FED-2305", "no published release has this bundle")
        if request.offset_bytes > size:
            raise Refused("FED-2308", f"the bundle has only {size} bytes")
        return size


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
