"""Whole small blobs in groups: one stream, one fsync of each directory, one commit per group.

Owns the conversation of `PutBlobs` at the centre. Rules: every blob is judged and answered by
itself, so a bad one never hurts the others (Invariant 10); VERIFIED leaves after files and rows
are durable (Invariant 1); a full or failed disk ends the stream and blames no blob. Leaves out
blobs that are resumed (`receiving`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from typing import Any

import grpc

from central.blobs.pace import Pace
from central.blobs.ports import Announcements, Context
from central.blobs.receiving import Receiving, Wanted
from central.blobs.store import UPLOAD
from central.blobs.streams import idle, no_access
from lpse.federation.errors import FederationError, Refused
from lpse.federation.limits import (
    TRANSFER_CHUNK_BYTES_MAX,
    TRANSFER_GROUP_BLOBS_MAX,
    TRANSFER_GROUPS_STORING_MAX,
    TRANSFER_IDLE_SECONDS_MAX,
)
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.runtime.sqlite import Transaction
from lpse.storage.blobs import BlobMismatch

AnnouncedSize = Callable[[str, bytes], Awaitable[int]]


class Groups:
    """Takes groups in for one node after the other's stream."""

    def __init__(
        self, receiving: Receiving, announcements: Announcements, announced: AnnouncedSize
    ) -> None:
        """`announced` gives the size that an entry names, waiting shortly for the projection."""
        self._receiving = receiving
        self._announcements = announcements
        self._announced = announced

    async def take_in(self, context: Context, node_id: str, ended: asyncio.Event) -> int:
        """Every group until the caller is done; how many blobs were taken in."""
        storing: set[asyncio.Task[int]] = set()
        count, writing = 0, asyncio.Lock()
        stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ending = asyncio.ensure_future(_when_ended(ended, stop))
        try:
            async for message in self._messages(context, stop):
                if len(storing) >= TRANSFER_GROUPS_STORING_MAX:
                    done, storing = await asyncio.wait(storing, return_when=asyncio.FIRST_COMPLETED)
                    count += sum([task.result() for task in done])
                group = asyncio.ensure_future(self._group(context, node_id, message, writing))
                group.add_done_callback(partial(_failed, stop))
                storing.add(group)
            return count + sum(await asyncio.gather(*storing))
        finally:
            # What is being stored goes on to its end: the node asks for it when it comes back.
            ending.cancel()
            await asyncio.gather(ending, *storing, return_exceptions=True)
            if stop.done():
                stop.exception()  # told by now, or overtaken by another end

    async def _messages(self, context: Context, stop: asyncio.Future[None]) -> Any:
        """Every message until the caller is done; raises what `stop` holds as soon as it does."""
        pace, clock = Pace(), self._receiving.clock
        while True:
            begun = clock.monotonic()
            reading = asyncio.ensure_future(context.read())
            await asyncio.wait(
                {reading, stop},
                timeout=TRANSFER_IDLE_SECONDS_MAX,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not reading.done() or stop.done():
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                if stop.done():
                    stop.result()  # raises why
                raise idle()
            message = reading.result()
            if message is grpc.aio.EOF:
                return
            pace.came(message.ByteSize(), clock.monotonic() - begun)
            yield message

    async def _group(
        self, context: Context, node_id: str, message: wire.PutBlobsRequest, writing: asyncio.Lock
    ) -> int:
        verdicts = await self._judge(node_id, _checked(message))
        async with writing:
            await context.write(wire.PutBlobsResponse(verdicts=verdicts))
        return sum(one.HasField("verified") for one in verdicts)

    async def _judge(
        self, node_id: str, blobs: dict[bytes, wire.WholeBlob]
    ) -> list[wire.BlobVerdict]:
        """One verdict per blob; what is whole and new is stored together."""

        def verified_in(tx: Transaction, digest: bytes) -> None:
            now = self._receiving.clock.wall()
            self._announcements.verified_in(tx, node_id, digest, now)

        refusals: dict[bytes, FederationError] = {}
        wanted: dict[bytes, Wanted] = {}
        sizes = await self._announcements.announced_sizes(node_id, list(blobs))
        for digest, blob in blobs.items():
            try:
                size = sizes[digest] if digest in sizes else await self._announced(node_id, digest)
                wanted[digest] = _wanted(node_id, blob, size)
            except FederationError as error:
                refusals[digest] = error
        mine = await self._announcements.brought(node_id, list(wanted))
        known = [one for digest, one in wanted.items() if digest in mine]
        present = await self._receiving.present_many(known, verified_in)
        new = {
            d: blobs[d].content for d in wanted if d not in present and blobs[d].HasField("content")
        }
        bad = await asyncio.to_thread(_mismatched, new)
        refusals |= {digest: BlobMismatch() for digest in bad}
        whole = [(wanted[d], content) for d, content in new.items() if d not in bad]
        if whole:
            await self._receiving.take_many(whole, verified_in)
        return [_verdict(d, refusals.get(d), d in present, d in new) for d in blobs]


async def _when_ended(ended: asyncio.Event, stop: asyncio.Future[None]) -> None:
    await ended.wait()
    if not stop.done():
        stop.set_exception(no_access())


def _failed(stop: asyncio.Future[None], group: asyncio.Task[int]) -> None:
    """A group that could not be stored ends the stream at once, not with its next message."""
    error = None if group.cancelled() else group.exception()
    if error is not None and not stop.done():
        stop.set_exception(error)


def _checked(message: wire.PutBlobsRequest) -> dict[bytes, wire.WholeBlob]:
    """The blobs by their digests; FED-2304 for a group that no node of ours makes."""
    blobs = {blob.digest: blob for blob in message.blobs}
    size = sum(len(blob.content) for blob in message.blobs)
    if not 1 <= len(message.blobs) <= TRANSFER_GROUP_BLOBS_MAX or size > TRANSFER_CHUNK_BYTES_MAX:
        raise Refused("FED-2304", "a group has 1 to 256 blobs of at most 1 MiB together")
    if len(blobs) != len(message.blobs) or any(len(digest) != 32 for digest in blobs):
        raise Refused("FED-2304", "the digests of a group have 32 bytes each and differ")
    return blobs


def _wanted(node_id: str, blob: wire.WholeBlob, announced: int) -> Wanted:
    if blob.size_bytes != announced:
        raise Refused("FED-2304", "the size differs from the one in the journal entry")
    return Wanted(f"node/{node_id}", blob.digest, announced, UPLOAD)


def _mismatched(contents: dict[bytes, bytes]) -> set[bytes]:
    return {digest for digest, data in contents.items() if sha256(data).digest() != digest}


def _verdict(
    digest: bytes, error: FederationError | None, present: bool, stored: bool
) -> wire.BlobVerdict:
    if error is not None:
        refused = wire.RefusedBlob(
            code=error.code,
            message=error.message,
            may_retry=error.may_retry,
            retry_after_seconds=error.retry_after_seconds or 0.0,
        )
        return wire.BlobVerdict(digest=digest, refused=refused)
    if present or stored:
        verified = wire.VerifiedBlob(digest=digest, already_stored=present)
        return wire.BlobVerdict(digest=digest, verified=verified)
    return wire.BlobVerdict(digest=digest, wanted=wire.WantedBlob())
