"""Sending one blob over one stream, from where the centre has it durably.

Owns the conversation of `PutBlob` on the node's side. Rules: no chunk waits for an answer; only
VERIFIED ends a transfer well; every wait has a limit; bytes that this node itself cannot read back
are told apart from a bad road (FED-2311); a transfer that makes room is ended in order, so that the
centre keeps all that came. Leaves out which blob goes when (`worker`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc

from lpse.federation.errors import FederationError, Refused, Unavailable
from lpse.federation.limits import (
    TRANSFER_CHUNK_BYTES_FIRST,
    TRANSFER_IDLE_SECONDS_MAX,
    TRANSFER_VERIFY_SECONDS_MAX,
    TRANSFER_YIELD_SECONDS_MAX,
)
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1.transfer_pb2_grpc import TransferStub
from lpse.runtime.channels import error_from
from lpse.runtime.clock import Clock
from lpse.storage.blobs import BlobReader, BlobUnknown
from regional_node.transfer.ports import Copies
from regional_node.transfer.road import Interrupted, Road
from regional_node.transfer.rules import LOCAL_DAMAGE, next_chunk_bytes

T = TypeVar("T")
Progress = Callable[[int], None]
MakesRoom = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Way:
    """How one blob goes: over which lane, who hears of its progress, and when it makes room."""

    lane: str
    progress: Progress
    makes_room: MakesRoom = lambda _: False  # given the bytes sent by this stream


class Sender:
    """Sends blobs of this node's store, or of another place."""

    def __init__(self, blobs: Copies, road: Road, clock: Clock) -> None:
        self._blobs = blobs
        self._road = road
        self._clock = clock

    async def send(self, channel: grpc.aio.Channel, digest: bytes, size: int, way: Way) -> None:
        """Returns when the centre has answered VERIFIED; raises FederationError or Interrupted."""
        call = TransferStub(channel).PutBlob()
        try:
            begin = wire.BeginBlob(digest=digest, size_bytes=size)
            await _write(call, wire.PutBlobRequest(begin=begin))
            accepted = await _answer(call, "accepted", TRANSFER_IDLE_SECONDS_MAX)
            offset = accepted.accepted.offset_bytes
            way.progress(offset)
            if not offset and 0 < size <= TRANSFER_CHUNK_BYTES_FIRST:
                await self._whole(call, digest, size, way)
                way.progress(size)
            else:
                await self._conversation(call, (digest, size), offset, way)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.UsageError) as error:
            raise await reason(call, error) from error
        finally:
            if not call.done():
                call.cancel()

    async def is_whole(self, digest: bytes) -> bool:
        """Whether this node's own disk still gives back the bytes that the digest names."""
        with suppress(BlobUnknown):
            return await self._blobs.verify(digest)
        return False

    async def _whole(self, call: Any, digest: bytes, size: int, way: Way) -> None:
        """A blob of one chunk: nothing to measure and nothing to do side by side."""
        async with await self._open(digest, 0, size) as reader:
            data = await reader.read(size)
        if len(data) != size:
            raise damaged()
        async with self._road.turn(way.lane, size):
            await _write(call, wire.PutBlobRequest(chunk=data))
        await _finish(call)
        answer = await _answer(call, "verified", TRANSFER_VERIFY_SECONDS_MAX)
        if answer.verified.digest != digest:
            raise not_understood()

    async def _conversation(
        self, call: Any, blob: tuple[bytes, int], offset: int, way: Way
    ) -> None:
        answers = asyncio.ensure_future(_until_verified(call, way.progress))
        try:
            if offset < blob[1]:  # everything is there already where the content was known
                await self._bytes(call, (*blob, offset), answers, way)
            if not answers.done():
                await _together(answers, _finish(call))
            async with asyncio.timeout(TRANSFER_VERIFY_SECONDS_MAX):
                verified = await answers  # wait_for would lose a cancellation that comes with it
        except TimeoutError as error:
            raise silent() from error
        except Interrupted:
            await _leave(call, answers)
            raise
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
        if verified.digest != blob[0]:
            raise not_understood()
        way.progress(blob[1])

    async def _bytes(
        self, call: Any, blob: tuple[bytes, int, int], answers: asyncio.Task[Any], way: Way
    ) -> None:
        digest, size, offset = blob
        chunk, sent = TRANSFER_CHUNK_BYTES_FIRST, 0
        async with await self._open(digest, offset, size) as reader:
            data = await reader.read(min(chunk, self._road.chunk_bytes_max()))
            while data and not answers.done():
                if way.makes_room(sent):
                    raise Interrupted
                asked, following = len(data), min(chunk, self._road.chunk_bytes_max())
                async with self._road.turn(way.lane, asked):
                    begun = self._clock.monotonic()
                    writing = _write(call, wire.PutBlobRequest(chunk=data))
                    data = await _together(answers, writing, reader.read(following))
                sent += asked
                if asked == chunk:
                    chunk = next_chunk_bytes(chunk, self._clock.monotonic() - begun)
            if not answers.done() and reader.offset != size:
                raise damaged()

    async def _open(self, digest: bytes, offset: int, size: int) -> BlobReader:
        try:
            reader = await self._blobs.open_read(digest, offset)
        except BlobUnknown as error:
            raise damaged() from error
        if reader.size != size or offset > size:
            await reader.__aexit__(None, None, None)
            raise damaged()
        return reader


async def _together(
    answers: asyncio.Task[Any],
    writing: Coroutine[Any, Any, None],
    reading: Coroutine[Any, Any, bytes] | None = None,
) -> bytes:
    """Write one chunk while the next is read; the centre's last word ends both at once.

    A write fails when the centre has ended the call, but only the answers know why.
    """
    tasks: list[asyncio.Task[Any]] = [asyncio.ensure_future(writing)]
    if reading is not None:
        tasks.append(asyncio.ensure_future(reading))
    try:
        await asyncio.wait({tasks[0], answers}, return_when=asyncio.FIRST_COMPLETED)
        if not answers.done() and tasks[0].exception() is not None:
            await asyncio.wait({answers}, timeout=TRANSFER_IDLE_SECONDS_MAX)
        if answers.done():
            return b""  # the caller looks at the answer
        await tasks[0]
        return await tasks[1] if reading is not None else b""
    finally:
        if not tasks[0].done():
            tasks[0].cancel()
        # The file stays open until the thread that reads it is done.
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_verified(call: Any, progress: Progress) -> wire.VerifiedBlob:
    """Progress, then the last word."""
    while True:
        message = await call.read()
        if message is grpc.aio.EOF:
            raise not_understood()
        part = message.WhichOneof("part")
        if part == "verified":
            verified: wire.VerifiedBlob = message.verified
            return verified
        if part != "durable":
            raise not_understood()
        progress(message.durable.offset_bytes)


async def _leave(call: Any, answers: asyncio.Task[Any]) -> None:
    """End the stream where it is: the centre keeps what came, and says that it was not all."""
    try:
        async with asyncio.timeout(TRANSFER_YIELD_SECONDS_MAX):
            await call.done_writing()
            await asyncio.wait({answers})
    except (TimeoutError, grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.UsageError):
        return  # the road is gone: the same without a good-bye


async def _finish(call: Any) -> None:
    await _write(call, wire.PutBlobRequest(finish=wire.FinishBlob()))
    await call.done_writing()


async def _write(call: Any, message: wire.PutBlobRequest) -> None:
    try:
        async with asyncio.timeout(TRANSFER_IDLE_SECONDS_MAX):
            await call.write(message)
    except TimeoutError as error:
        raise silent() from error


async def _answer(call: Any, part: str, seconds: float) -> wire.PutBlobResponse:
    try:
        async with asyncio.timeout(seconds):
            message = await call.read()
    except TimeoutError as error:
        raise silent() from error
    if message is grpc.aio.EOF:
        raise await reason(call, None)
    if message.WhichOneof("part") != part:
        raise not_understood()
    answer: wire.PutBlobResponse = message
    return answer


async def reason(call: Any, error: Exception | None) -> FederationError:
    """Why the call ended; a failed write knows less than the call's own status."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error_from(error)
    try:
        async with asyncio.timeout(TRANSFER_IDLE_SECONDS_MAX):
            code = await call.code()
            if code is grpc.StatusCode.OK:
                return not_understood()
            details, trailing = await call.details(), await call.trailing_metadata()
            initial = await call.initial_metadata()
    except TimeoutError:
        return silent()
    return error_from(grpc.aio.AioRpcError(code, initial, trailing, details=details))


def silent() -> Unavailable:
    return Unavailable("FED-2299", "the other side does not answer", remedy="check the link")


def not_understood() -> Unavailable:
    return Unavailable("FED-2313", "the centre's answer to a transfer was not understood")


def damaged() -> Refused:
    return Refused(
        LOCAL_DAMAGE,
        "these bytes are missing or damaged on this node's own disk",
        remedy="restore them from a backup of this node, then retry the item",
    )
