"""Taking a blob in from a gRPC stream: begin, chunks, finish; with limits on how many and how slow.

Owns the loop that nodes' uploads and operators' bundles share. Rules: the next message is read
while the last one is written; a stream ends at once when a newer one took over or its caller lost
access; a silent one is cut off and what came is kept (Invariant 12). Leaves out what is welcome.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import Message

from central.blobs.pace import Pace
from central.blobs.ports import Context
from central.blobs.receiving import Incoming, TransferFenced
from central.blobs.small import SmallIncoming
from lpse.federation.errors import Denied, FederationError, Refused, Unavailable
from lpse.federation.limits import (
    TRANSFER_CHUNK_BYTES_MAX,
    TRANSFER_IDLE_SECONDS_MAX,
    TRANSFER_RETRY_AFTER_SECONDS,
    TRANSFER_STREAMS_MAX,
    TRANSFER_STREAMS_PER_CALLER_MAX,
)
from lpse.runtime.channels import Subject


class Streams:
    """Which callers have streams open; an admission limit and a way to end them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._ends: dict[str, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def enter(self, caller: str) -> Iterator[asyncio.Event]:
        """Count a stream in; the event is set when the caller loses access."""
        full = self._counts.total() >= TRANSFER_STREAMS_MAX
        if full or self._counts[caller] >= TRANSFER_STREAMS_PER_CALLER_MAX:
            error = Unavailable("FED-2307", "too many blobs are being transferred now")
            error.retry_after_seconds = TRANSFER_RETRY_AFTER_SECONDS
            raise error
        ended = asyncio.Event()
        self._counts[caller] += 1
        self._ends[caller].add(ended)
        try:
            yield ended
        finally:
            self._counts[caller] -= 1
            self._ends[caller].discard(ended)
            if not self._counts[caller]:
                del self._counts[caller], self._ends[caller]

    def revoked(self, subject: Subject) -> None:
        """End every stream of a subject that has lost access."""
        for ended in self._ends.get(f"{subject.kind}/{subject.name}", ()):
            ended.set()


async def first_message(context: Context) -> Any:
    """The first message; Refused where the caller went away without one."""
    try:
        async with asyncio.timeout(TRANSFER_IDLE_SECONDS_MAX):
            message = await context.read()
    except TimeoutError as error:
        raise idle() from error
    if message is grpc.aio.EOF:
        raise Refused("FED-2304", "the stream ended before it began")
    return message


async def take_in(
    context: Context,
    incoming: Incoming | SmallIncoming,
    ended: asyncio.Event,
    durable: Callable[[int], Message],
) -> None:
    """Chunks until `finish`; tells the caller each time more is durable."""
    if isinstance(incoming, SmallIncoming):
        await _take_in_small(context, incoming, ended)
        return
    stops = [asyncio.ensure_future(incoming.fenced.wait()), asyncio.ensure_future(ended.wait())]
    reading = asyncio.ensure_future(context.read())
    pace = Pace()
    try:
        while True:
            begun = incoming.clock.monotonic()
            message = await _next(reading, stops)
            pace.came(len(message.chunk), incoming.clock.monotonic() - begun)
            chunk = _chunk_of(message)
            if chunk is None:
                return
            reading = asyncio.ensure_future(context.read())
            reached = await incoming.append(chunk)
            if reached is not None:
                await context.write(durable(reached))
    finally:
        for task in (reading, *stops):
            task.cancel()
        await asyncio.gather(reading, *stops, return_exceptions=True)


async def _take_in_small(context: Context, incoming: SmallIncoming, ended: asyncio.Event) -> None:
    """The same for a blob of one or two chunks: nothing to resume, nobody to wake."""
    try:
        async with asyncio.timeout(TRANSFER_IDLE_SECONDS_MAX):
            while (chunk := _chunk_of(_received(await context.read()))) is not None:
                await incoming.append(chunk)
    except TimeoutError as error:
        raise idle() from error
    if ended.is_set():
        raise no_access()


def _chunk_of(message: Any) -> bytes | None:
    """The bytes of a chunk; None for `finish`."""
    part = message.WhichOneof("part")
    if part == "finish":
        return None
    if part != "chunk" or not 0 < len(message.chunk) <= TRANSFER_CHUNK_BYTES_MAX:
        raise Refused("FED-2304", "after `begin` come chunks of at most 1 MiB, then `finish`")
    chunk: bytes = message.chunk
    return chunk


async def _next(reading: asyncio.Task[Any], stops: list[asyncio.Task[Any]]) -> Any:
    await asyncio.wait(
        {reading, *stops},
        timeout=TRANSFER_IDLE_SECONDS_MAX,
        return_when=asyncio.FIRST_COMPLETED,
    )
    fenced, ended = stops
    if fenced.done():
        raise TransferFenced
    if ended.done():
        raise no_access()
    if not reading.done():
        raise idle()
    return _received(reading.result())


def _received(message: Any) -> Any:
    if message is grpc.aio.EOF:
        raise Unavailable("FED-2306", "the stream ended before its last byte; what came is kept")
    return message


def no_access() -> Denied:
    """FED-3009."""
    return Denied("FED-3009", "the caller's access has ended")


def idle() -> FederationError:
    """FED-2306."""
    return Unavailable(
        "FED-2306", f"nothing came for {TRANSFER_IDLE_SECONDS_MAX:g} seconds; what came is kept"
    )
