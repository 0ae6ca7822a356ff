"""Gives up local copies that are opened, handed over, kept long enough, and safe at the centre.

Owns the last questions before a file goes. Rules: under `sealed_copy` the centre is asked to read
its copy again right before; what it does not hold is sent again instead; without an answer nothing
goes (no file goes on doubt); under `manifest_only` the hand-over is enough. Freed is not a journal
entry: what the node promised in its entries and receipts stays true. Leaves out the conditions
(`freeing_store`) and uploads under way (`LocalCopies`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import grpc
import structlog

from lpse.federation.errors import FederationError, NotFound
from lpse.federation.limits import (
    FREED_BLOBS_PER_STEP,
    FREEING_STEP_SECONDS,
    TRANSFER_VERIFY_SECONDS_MAX,
)
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1.transfer_pb2_grpc import TransferStub
from lpse.runtime.channels import error_from
from lpse.runtime.clock import Clock
from lpse.storage.blobs import BlobReader, BlobStore, BlobUnknown
from regional_node.transfer.freeing_store import FreeingStore, LocalCopy
from regional_node.transfer.ports import Centre, LocalCopies

Asked = Callable[[bytes], Awaitable[bool]]
_LOG: Final = structlog.get_logger("lpse.node.transfer")


class FreeingWorker:
    """See the module's first lines; `now` is legal time, as retention is a legal matter."""

    def __init__(
        self,
        store: FreeingStore,
        blobs: BlobStore,
        copies: LocalCopies,
        centre: Centre,
        clock: Clock,
        retention: timedelta,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._copies = copies
        self._centre = centre
        self._clock = clock
        self._retention = retention
        self._after = b""

    async def step(self, now: datetime) -> int:
        """Look at some copies; how many were given up."""
        before = now - self._retention
        found = await self._store.through(before, self._after, FREED_BLOBS_PER_STEP)
        self._after = found[-1].digest if len(found) == FREED_BLOBS_PER_STEP else b""
        freed: list[LocalCopy] = []
        if found:
            async with _asking(self._centre) as asked:
                for copy in found:
                    mark = partial(self._store.mark, copy.digest, before, now)
                    if await self._is_safe(asked, copy):
                        freed += [copy] if await self._copies.free(copy.digest, mark) else []
        if freed:
            await self._store.gone([copy.digest for copy in freed])
            size = sum(copy.size_bytes for copy in freed)
            _LOG.info("transfer.freed", blobs=len(freed), size_bytes=size)
        return len(freed)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.step(self._clock.now())
            except FederationError as error:
                _LOG.warning("transfer.freeing_failed", code=error.code)
            await self._clock.sleep(FREEING_STEP_SECONDS)

    async def _is_safe(self, asked: Asked | None, copy: LocalCopy) -> bool:
        """Whether these bytes are where the policy wants them, as of this moment."""
        if self._centre.manifest_only():
            return True
        if asked is None or not copy.verified:
            return False
        try:
            if await asked(copy.digest):
                return True
        except FederationError as error:
            _LOG.warning("transfer.not_freed", code=error.code)
            return False
        here = await self._blobs.size_of(copy.digest) is not None
        await self._store.send_again(copy.digest, here=here)
        _LOG.warning("transfer.lost_at_centre", size_bytes=copy.size_bytes)
        return False


class KeptBlobs:
    """Reads this node's blobs, and says of freed ones where they are."""

    def __init__(self, blobs: BlobStore, store: FreeingStore) -> None:
        self._blobs = blobs
        self._store = store

    async def open_read(self, digest: bytes, offset: int = 0) -> BlobReader:
        """As the blob store's; NotFound FED-2325 where the local copy was given up."""
        try:
            return await self._blobs.open_read(digest, offset)
        except BlobUnknown as error:
            freed = await self._store.freed_time(digest)
            if freed is None:
                raise
            moment, at_centre = freed
            where = "SPSE, which confirmed the hand-over"
            where += ", and the centre's sealed copy" if at_centre else ""
            raise NotFound(
                "FED-2325",
                f"the local copy was given up on {moment:%Y-%m-%d %H:%M} UTC after its hand-over",
                remedy=f"these bytes are with {where}",
            ) from error


@asynccontextmanager
async def _asking(centre: Centre) -> AsyncIterator[Asked | None]:
    """How to ask the centre whether it holds a blob; None while it is away."""
    if centre.manifest_only() or not centre.is_open():
        yield None
        return
    async with centre.connect() as channel:

        async def asked(digest: bytes) -> bool:
            request = wire.CheckBlobRequest(digest=digest)
            try:
                answer = await TransferStub(channel).CheckBlob(
                    request, timeout=TRANSFER_VERIFY_SECONDS_MAX
                )
            except grpc.aio.AioRpcError as error:
                raise error_from(error) from error
            return bool(answer.held)

        yield asked
