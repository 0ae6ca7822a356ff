"""Drains the queue: entries first, then bytes, small ones before large ones, oldest first.

Owns `step`, its loop, and two lanes that never wait for each other: small blobs side by side, large
ones one at a time. Rules: a blob goes only when its entry is STORED at the centre; every attempt is
recorded before it begins; one bad item never blocks another (Invariant 10); losing the centre
changes nothing here but the time of the next attempt (Invariant 4). Leaves out the conversation
(`sending`) and what the queue shows (`queue`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import grpc
import structlog

from lpse.federation.entries import decode_entry
from lpse.federation.errors import FederationError, Refused
from lpse.federation.limits import (
    BLOB_BYTES_MAX,
    TRANSFER_FOLLOW_ENTRIES,
    TRANSFER_SMALL_BYTES_MAX,
    TRANSFER_SMALL_STREAMS,
    TRANSFER_STEP_ITEMS,
)
from lpse.federation.v1.records_pb2 import UploadAccepted
from lpse.runtime.clock import Clock, Entropy
from lpse.storage.blobs import BlobStore
from lpse.storage.journal import Journal
from lpse.storage.journal_store import EntryRow
from regional_node.transfer.ports import Centre
from regional_node.transfer.rules import (
    LOCAL_DAMAGE,
    MISMATCH,
    cause_of,
    judge,
    wait_ceiling,
    wait_seconds,
)
from regional_node.transfer.sending import Sender
from regional_node.transfer.store import Announced, Due, Failed, Item, Totals, TransferStore

_LOG: Final = structlog.get_logger("lpse.node.transfer")
STEP_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Lane:
    """Blobs of some sizes, and how many of them go side by side."""

    size_min: int
    size_max: int
    streams: int
    items: int


SMALL: Final = Lane(0, TRANSFER_SMALL_BYTES_MAX, TRANSFER_SMALL_STREAMS, TRANSFER_STEP_ITEMS)
LARGE: Final = Lane(TRANSFER_SMALL_BYTES_MAX + 1, BLOB_BYTES_MAX, 1, 1)


class DrainWorker:
    """See the module's first lines; `now` is wall time, for retries are no legal matter."""

    def __init__(
        self,
        store: TransferStore,
        blobs: BlobStore,
        journal: Journal,
        centre: Centre,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self.sent: dict[bytes, int] = {}  # what is on its way now, and how far
        self._store = store
        self._journal = journal
        self._centre = centre
        self._clock = clock
        self._entropy = entropy
        self._sender = Sender(blobs, clock)
        self._channels: dict[Lane, grpc.aio.Channel] = {}
        self._broken: set[Lane] = set()
        self._following = asyncio.Lock()
        self._seen: tuple[bytes, int] | None = None
        self._wake = asyncio.Event()
        self._totals = Totals(0, 0, 0)
        self._verified = 0

    # --- facts for the link's heartbeat ---

    def queue_bytes(self) -> int:
        """Blob bytes that the centre has not acknowledged as VERIFIED, as of the last step."""
        return 0 if self._centre.manifest_only() else self._totals.size_bytes

    def verified_blobs(self) -> int:
        """Blobs that the centre has verified since this program started."""
        return self._verified

    # --- work ---

    def wake(self) -> None:
        """Something changed (an entry was STORED, the link opened, a person asked): look now."""
        self._wake.set()

    async def step(self, now: datetime) -> int:
        """One round of both lanes; how many blobs were verified."""
        return sum(await asyncio.gather(self._round(SMALL, now), self._round(LARGE, now)))

    async def run(self, stop: asyncio.Event) -> None:
        """Drain until told to stop; what is under way is broken off and resumed later."""
        lanes = [asyncio.ensure_future(self._loop(lane)) for lane in (SMALL, LARGE)]
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({*lanes, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*lanes, stopping):
                task.cancel()
            results = await asyncio.gather(*lanes, return_exceptions=True)
            await self.close()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def close(self) -> None:
        """Let go of the channels."""
        for lane in list(self._channels):
            await self._hang_up(lane)

    async def _loop(self, lane: Lane) -> None:
        while True:
            try:
                moved = await self._round(lane, self._clock.wall())
            except FederationError as error:  # our own disk or database; the queue is as it was
                _LOG.warning("transfer.step_failed", code=error.code)
                moved = 0
            if not moved:
                await self._pause()

    async def _pause(self) -> None:
        waits = {
            asyncio.ensure_future(self._wake.wait()),
            asyncio.ensure_future(self._clock.sleep(STEP_SECONDS)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            self._wake.clear()

    async def _round(self, lane: Lane, now: datetime) -> int:
        await self.follow()
        if not self._centre.is_open():
            await self._hang_up(lane)
            return 0
        if self._centre.manifest_only():
            return 0
        epoch = self._journal.epoch
        stored = self._centre.stored_size(epoch)
        due = Due(now, lane.size_min, lane.size_max, epoch, stored)
        items = await self._store.due(due, lane.items)
        return await self._send_all(lane, items, now) if items else 0

    async def follow(self) -> None:
        """Queue what own entries announce; the journal knows nothing of it."""
        now = self._clock.wall()
        async with self._following:
            at = (self._journal.epoch, self._journal.head.size)
            if self._seen == at:
                return
            for epoch in await self._journal.epochs():
                await self._follow_epoch(epoch.epoch, now)
            self._seen = at
            self._totals = await self._store.totals()

    async def _follow_epoch(self, epoch: bytes, now: datetime) -> None:
        first = await self._store.followed(epoch)
        while rows := await self._journal.entries(
            first, first + TRANSFER_FOLLOW_ENTRIES, epoch=epoch
        ):
            announced = [one for row in rows for one in _announced(row)]
            first = rows[-1].index + 1
            await self._store.announce(epoch, first, announced, now)

    async def _send_all(self, lane: Lane, items: Sequence[Item], now: datetime) -> int:
        claims = [(one.item, self._next_time(one.attempts + 1, now)) for one in items]
        await self._store.claim(claims)
        waiting = iter(items)

        async def stream() -> int:
            return sum([await self._send(lane, item) for item in waiting])

        done = sum(await asyncio.gather(*(stream() for _ in range(lane.streams))))
        if lane in self._broken:
            await self._hang_up(lane)
        self._totals = await self._store.totals()
        return done

    async def _send(self, lane: Lane, item: Item) -> bool:
        self.sent[item.digest] = item.sent_bytes
        try:
            await self._sender.send(
                self._channel(lane),
                item.digest,
                item.size_bytes,
                lambda reached: self.sent.__setitem__(item.digest, reached),
            )
        except FederationError as error:
            if error.code == "FED-2299":
                self._broken.add(lane)
            await self._failed(item, error)
            return False
        else:
            await self._store.verified(item.item)
            self._verified += 1
            return True
        finally:
            del self.sent[item.digest]

    async def _failed(self, item: Item, error: FederationError) -> None:
        sent = self.sent[item.digest]
        if error.code == MISMATCH:
            sent = 0
            if not await self._sender.is_whole(item.digest):
                error = Refused(LOCAL_DAMAGE, "these bytes changed on this node's own disk")
        judgement = judge(error, item.refusals)
        now = self._clock.wall()
        next_time = self._next_time(item.attempts + 1, now, error.retry_after_seconds)
        failed = Failed(
            item.item, judgement.park, judgement.refusals, sent, next_time, cause_of(error)
        )
        await self._store.failed(failed)
        _LOG.warning(
            "transfer.failed",
            item=item.item,
            attempt=item.attempts + 1,
            code=error.code,
            parked=judgement.park,
        )

    def _next_time(
        self, attempts: int, now: datetime, asked_seconds: float | None = None
    ) -> datetime:
        jitter = self._entropy.uniform(0.0, wait_ceiling(attempts))
        return now + timedelta(seconds=wait_seconds(jitter, asked_seconds))

    def _channel(self, lane: Lane) -> grpc.aio.Channel:
        if lane not in self._channels:
            self._channels[lane] = self._centre.connect()
        return self._channels[lane]

    async def _hang_up(self, lane: Lane) -> None:
        """The next attempt opens a new connection, with the certificate of that time."""
        self._broken.discard(lane)
        channel = self._channels.pop(lane, None)
        if channel is not None:
            await channel.close()


def _announced(row: EntryRow) -> list[Announced]:
    if row.kind != "upload.accepted":
        return []
    record = UploadAccepted.FromString(decode_entry(row.data).payload)
    return [Announced(blob.digest, blob.size_bytes, row.index) for blob in record.blobs]
