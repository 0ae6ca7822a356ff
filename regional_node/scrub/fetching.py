"""Reading an own blob back from the centre, into the node's blob store.

Owns one call of `GetBlob` and one part. Rules: the blob gets its name only after its digest was
re-read from the disk, so a centre whose copy is damaged too changes nothing here; what came is kept
and resumed. Leaves out when this is tried (`healing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import grpc

from lpse.federation.errors import Unavailable
from lpse.federation.limits import KIB, SCRUB_FINDINGS_PER_STEP, TRANSFER_IDLE_SECONDS_MAX
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1.transfer_pb2_grpc import TransferStub
from lpse.runtime.channels import error_from
from lpse.storage.blobs import BlobMismatch, BlobPart, BlobStore

_CHUNK_BYTES: Final = 256 * KIB  # at 512 kbit/s one takes four seconds


class Fetching:
    """Fetches one blob at a time."""

    def __init__(self, blobs: BlobStore, connect: Callable[[], grpc.aio.Channel]) -> None:
        self._blobs = blobs
        self._connect = connect
        self._kept: dict[bytes, int] = {}  # durable bytes of broken off fetches, for this process

    async def fetch(self, digest: bytes, size: int) -> None:
        """Returns when the blob is here, durable and whole; raises FederationError otherwise."""
        kept = self._kept.pop(digest, 0)
        part = await self._blobs.begin(f"heal-{digest.hex()[:48]}", size, durable_size=kept)
        try:
            await self._take_in(part, digest, size)
            await part.complete(digest, size)
        except BlobMismatch:
            await part.discard()
            raise
        except BaseException:
            await part.close()
            if len(self._kept) < SCRUB_FINDINGS_PER_STEP:
                self._kept[digest] = part.durable_size
            raise

    async def _take_in(self, part: BlobPart, digest: bytes, size: int) -> None:
        async with self._connect() as channel:
            request = wire.GetBlobRequest(
                digest=digest, offset_bytes=part.written_size, chunk_bytes_max=_CHUNK_BYTES
            )
            call = TransferStub(channel).GetBlob(request)
            try:
                while part.written_size < size and await _piece(call, part):
                    pass
            except grpc.aio.AioRpcError as error:
                raise error_from(error) from error
            finally:
                call.cancel()
        if part.written_size < size:
            raise BlobMismatch


async def _piece(call: Any, part: BlobPart) -> bool:
    """One message; False at the end."""
    try:
        async with asyncio.timeout(TRANSFER_IDLE_SECONDS_MAX):
            message = await call.read()
    except TimeoutError as error:
        raise Unavailable("FED-2299", "the centre does not answer") from error
    if message is grpc.aio.EOF:
        return False
    if message.chunk:
        await part.append(message.chunk, part.written_size)
    return True
