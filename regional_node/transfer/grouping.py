"""Sending many small blobs over one stream: whole, in groups, none waiting for an answer.

Owns the conversation of `PutBlobs` on the node's side. Rules: a blob is done when its own VERIFIED
has come, and its failure concerns no other (Invariant 10); what was tried before is asked about
first, so that nothing is sent twice; messages without an answer are bounded, and so is what a lost
centre costs; every wait has a limit. Leaves out blobs that are resumed (`sending`).
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc

from lpse.federation.errors import FederationError, Refused, Unavailable
from lpse.federation.limits import (
    TRANSFER_CHUNK_BYTES_MIN,
    TRANSFER_GROUP_BLOBS_MAX,
    TRANSFER_GROUPS_OPEN_MAX,
    TRANSFER_IDLE_SECONDS_MAX,
)
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1.transfer_pb2_grpc import TransferStub
from lpse.storage import blob_files as files
from lpse.storage.blobs import BlobStore
from regional_node.transfer.road import Interrupted, Road
from regional_node.transfer.sending import damaged, not_understood, reason, silent
from regional_node.transfer.store import Item

Verified = Callable[[Sequence[Item]], Awaitable[None]]
Failed = Callable[[Item, FederationError], Awaitable[None]]


class GroupSender:
    """Sends small blobs of this node's store."""

    def __init__(self, blobs: BlobStore, road: Road) -> None:
        self._blobs = blobs
        self._road = road
        self._failed_at: int | None = None

    @property
    def blob_bytes_max(self) -> int:
        """A larger blob takes longer than one message may at the present rate.

        After a failure the rate is not trusted until something has arrived.
        """
        if self._failed_at == self._road.measurements:
            return TRANSFER_CHUNK_BYTES_MIN
        return self._road.message_bytes_max()

    async def send(
        self,
        channel: grpc.aio.Channel,
        lane: str,
        items: Sequence[Item],
        verified: Verified,
        failed: Failed,
    ) -> None:
        """Each item ends in `verified` or `failed`; raised is what ended the stream for all others.

        Items without either where nothing is raised: the road made room for something else.
        """
        call = TransferStub(channel).PutBlobs()
        talk = _Talk(call, items, verified, failed)
        listening = asyncio.ensure_future(talk.listen())
        try:
            await self._write_all(call, lane, talk, listening)
            await call.done_writing()
            async with asyncio.timeout(TRANSFER_IDLE_SECONDS_MAX):
                await listening  # wait_for would lose a cancellation that comes with the answer
        except Interrupted:
            await _settle(listening, talk)
        except (
            FederationError,
            TimeoutError,
            grpc.aio.AioRpcError,
            asyncio.InvalidStateError,
            grpc.aio.UsageError,
        ) as error:
            self._failed_at = self._road.measurements
            raise await _why(call, listening, error) from error
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            if not call.done():
                call.cancel()

    async def _write_all(
        self, call: Any, lane: str, talk: _Talk, listening: asyncio.Task[None]
    ) -> None:
        while talk.unsent or talk.open_groups:
            if listening.done():
                await listening  # raises why
            if not talk.unsent or talk.open_groups >= TRANSFER_GROUPS_OPEN_MAX:
                await talk.moved(listening)
                continue
            group = await self._group(talk)
            if not group.blobs:
                continue
            async with self._road.turn(lane, group.ByteSize()):
                talk.sent(group)
                await _write(call, group, listening)

    async def _group(self, talk: _Talk) -> wire.PutBlobsRequest:
        """The next blobs that fit into one message, read from the disk in one go."""
        room, taken = self.blob_bytes_max, list[tuple[Item, bool]]()
        while talk.unsent and len(taken) < TRANSFER_GROUP_BLOBS_MAX:
            item, whole = talk.unsent[0]
            size = item.size_bytes if whole else 0
            if taken and size > room:
                break
            room -= size
            taken.append(talk.unsent.popleft())
        wanted = [
            (self._blobs.path_of(item.digest), item.size_bytes) for item, whole in taken if whole
        ]
        read = iter(await asyncio.to_thread(_read, wanted))
        group = wire.PutBlobsRequest()
        for item, whole in taken:
            content = next(read) if whole else None
            if whole and (content is None or len(content) != item.size_bytes):
                await talk.fail(item, damaged())
                continue
            group.blobs.append(
                wire.WholeBlob(digest=item.digest, size_bytes=item.size_bytes, content=content)
            )
        return group


class _Talk:
    """What is still to be sent, what waits for an answer, and what the answers mean."""

    def __init__(
        self, call: Any, items: Sequence[Item], verified: Verified, failed: Failed
    ) -> None:
        self.unsent = deque((item, item.attempts == 0) for item in items)
        self._call = call
        self._items = {item.digest: item for item in items}
        self._verified = verified
        self._failed = failed
        self._groups: list[set[bytes]] = []
        self._moved = asyncio.Event()

    @property
    def open_groups(self) -> int:
        """Messages on their way whose answers have not all come."""
        return len(self._groups)

    def sent(self, group: wire.PutBlobsRequest) -> None:
        """A message goes out."""
        self._groups.append({blob.digest for blob in group.blobs})

    async def fail(self, item: Item, error: FederationError) -> None:
        """An item that this node itself cannot send."""
        del self._items[item.digest]
        await self._failed(item, error)

    async def moved(self, listening: asyncio.Task[None]) -> None:
        """Wait until an answer has come or the centre has ended the call."""
        self._moved.clear()
        waiting = asyncio.ensure_future(self._moved.wait())
        try:
            done, _ = await asyncio.wait(
                {waiting, listening},
                timeout=TRANSFER_IDLE_SECONDS_MAX,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        if not done:
            raise silent()

    async def listen(self) -> None:
        """Every answer until the centre closes the stream."""
        while (message := await self._call.read()) is not grpc.aio.EOF:
            verified = [item for item in map(self._judged, message.verdicts) if item is not None]
            if verified:
                await self._verified(verified)
            for verdict in message.verdicts:
                if verdict.HasField("refused"):
                    await self.fail(self._items[verdict.digest], _error(verdict.refused))
            self._groups = [group for group in self._groups if group]
            self._moved.set()
        if self._items:
            raise await reason(self._call, None)

    def _judged(self, verdict: wire.BlobVerdict) -> Item | None:
        """Note an answer; the item where it is VERIFIED."""
        digest = verdict.digest
        if digest not in self._items or not any(digest in group for group in self._groups):
            raise not_understood()
        for group in self._groups:
            group.discard(digest)
        outcome = verdict.WhichOneof("outcome")
        if outcome == "wanted":
            self.unsent.append((self._items[digest], True))
        elif outcome == "verified":
            if verdict.verified.digest != digest:
                raise not_understood()
            return self._items.pop(digest)
        elif outcome != "refused":
            raise not_understood()
        return None


async def _settle(listening: asyncio.Task[None], talk: _Talk) -> None:
    """Answers that are on their way are still taken in, where they come soon."""
    try:
        async with asyncio.timeout(TRANSFER_IDLE_SECONDS_MAX):
            while talk.open_groups and not listening.done():
                await talk.moved(listening)
    except (TimeoutError, FederationError):
        return


async def _why(call: Any, listening: asyncio.Task[None], error: BaseException) -> FederationError:
    """The centre's own word where there is one; a failed write knows less."""
    if isinstance(error, TimeoutError):
        return silent()
    if isinstance(error, FederationError):
        return error
    if listening.done() and not listening.cancelled():
        heard = listening.exception()
        if isinstance(heard, FederationError):
            return heard
        error = heard or error
    return await reason(call, error if isinstance(error, Exception) else None)


async def _write(call: Any, message: wire.PutBlobsRequest, listening: asyncio.Task[None]) -> None:
    """Write one message; ends at once when the centre has ended the call."""
    writing = asyncio.ensure_future(call.write(message))
    try:
        done, _ = await asyncio.wait(
            {writing, listening},
            timeout=TRANSFER_IDLE_SECONDS_MAX,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if writing in done:
            await writing
        elif not done:
            raise silent()
    finally:
        if not writing.done():
            writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


def _error(refused: wire.RefusedBlob) -> FederationError:
    """The centre's refusal of one blob as an error of this side."""
    try:
        kind = Unavailable if refused.may_retry and refused.code != "FED-1202" else Refused
        error: FederationError = kind(refused.code, refused.message)
    except AssertionError:
        return not_understood()
    error.may_retry = refused.may_retry
    error.retry_after_seconds = refused.retry_after_seconds or None
    return error


def _read(wanted: Sequence[tuple[Path, int]]) -> list[bytes | None]:
    """Whole files; None for one that the disk does not give back."""
    return [_content(path, size) for path, size in wanted]


def _content(path: Path, size: int) -> bytes | None:
    with suppress(FileNotFoundError, files.BlobUnreadable), files.disk_reads():
        descriptor = files.disk.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return files.disk.read(descriptor, size + 1, 0)  # one more: a longer file shows
        finally:
            os.close(descriptor)
    return None
