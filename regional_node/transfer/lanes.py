"""The two lanes of the queue: small blobs in groups, large ones one at a time.

Owns one round of a lane: choose, claim, send, record. Rules: every attempt is recorded before it
begins; one bad item never blocks another (Invariant 10); what makes room is no failed attempt; a
lost road is no item's fault, so the lane waits and its items stay due. A large blob makes room for
one that is clearly more urgent, an aged one after its slice. Leaves out the loops and the facts for
others (`worker`), the order (`order`) and the conversations.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import grpc
import structlog

from lpse.federation.errors import FederationError, Refused
from lpse.federation.limits import (
    BLOB_BYTES_MAX,
    RETRY_AFTER_SECONDS_MAX,
    TRANSFER_AGED_SLICE_BYTES,
    TRANSFER_DEADLINES_SECONDS,
    TRANSFER_RETRY_SECONDS_MAX,
    TRANSFER_SMALL_BYTES_MAX,
    TRANSFER_SMALL_STREAMS,
    TRANSFER_STEP_ITEMS,
)
from lpse.runtime.clock import Clock, Entropy
from lpse.storage.blobs import BlobStore
from lpse.storage.journal import Journal
from regional_node.transfer.grouping import GroupSender
from regional_node.transfer.order import Pick, Rank, picks, rank, takes_over
from regional_node.transfer.ports import Centre, Suspect
from regional_node.transfer.road import Interrupted, Road, joined
from regional_node.transfer.rules import (
    LOCAL_DAMAGE,
    MISMATCH,
    blames_nobody,
    cause_of,
    judge,
    wait_ceiling,
    wait_seconds,
)
from regional_node.transfer.sending import Sender, Way
from regional_node.transfer.store import Due, Failed, Item, TransferStore

_LOG: Final = structlog.get_logger("lpse.node.transfer")
_CANDIDATES_PER_KIND: Final = 2 * TRANSFER_STEP_ITEMS
_NO_ROAD: Final = "FED-2299"
_LOST: Final = 4  # attempts that lengthen the wait after a lost process: many were the road's fault


@dataclass(frozen=True, slots=True)
class Lane:
    """Blobs of some sizes, and how many items one round takes up."""

    name: str
    size_min: int
    size_max: int
    items: int


SMALL: Final = Lane("small", 0, TRANSFER_SMALL_BYTES_MAX, TRANSFER_STEP_ITEMS)
LARGE: Final = Lane("large", TRANSFER_SMALL_BYTES_MAX + 1, BLOB_BYTES_MAX, 1)
LANES: Final = (SMALL, LARGE)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a lane needs; made by the worker."""

    store: TransferStore
    blobs: BlobStore
    journal: Journal
    centre: Centre
    road: Road
    clock: Clock
    entropy: Entropy
    suspect: Suspect | None = None


class LaneRound:
    """One lane with its channel; `sent` is what is on its way now, and how far."""

    def __init__(self, lane: Lane, parts: Parts, sent: dict[bytes, int]) -> None:
        self.verified_count = 0
        self.taken_up = 0  # items of the last round
        self.made_room = False  # whether one of them was broken off, so that there is more to do
        self._lane = lane
        self._parts = parts
        self._sent = sent
        self._sender = Sender(parts.blobs, parts.road, parts.clock)
        self._groups = GroupSender(parts.blobs, parts.road)
        self._grouping = True  # until a centre says that it does not know groups
        self._picked = 0
        self._channel: grpc.aio.Channel | None = None
        self._broken = False
        self._lost: FederationError | None = None  # why this round lost the road
        self._losses = 0  # rounds in a row that lost it
        self._due_time: datetime | None = None
        self._looked = 0.0
        self._better: Rank | None = None

    async def round(self, now: datetime) -> int:
        """Send what goes next; how many blobs were verified."""
        parts = self._parts
        self.taken_up, self.made_room = 0, False
        if not parts.centre.is_open():
            self.forget_wait()
            await self.hang_up()
            return 0
        if parts.centre.manifest_only() or parts.road.is_closed or self._waits(now):
            return 0
        chosen = await self._choose(now)
        if not chosen:
            return 0
        before, self.taken_up = self.verified_count, len(chosen)
        items = await parts.store.items([pick.waiting.item for pick in chosen])
        await parts.store.claim(
            [(n, self._next_time(min(one.attempts, _LOST), now)) for n, one in items.items()]
        )
        parts.road.begin(self._lane.name, joined([pick.rank for pick in chosen]))
        ordered = [(pick, items[pick.waiting.item]) for pick in chosen]
        await self._send_all(ordered)
        if self._broken:
            await self.hang_up()
        self._note_road(verified=self.verified_count > before)
        return self.verified_count - before

    def forget_wait(self) -> None:
        """The road is another one now, or a person asks: the next round begins at once."""
        self._losses, self._due_time = 0, None

    async def hang_up(self) -> None:
        """The next attempt opens a new connection, with the certificate of that time."""
        self._broken, self._grouping = False, True
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def _choose(self, now: datetime) -> list[Pick]:
        parts, legal = self._parts, self._parts.clock.now()
        found = await parts.store.candidates(self._due(now, legal), _CANDIDATES_PER_KIND)
        chosen = picks(found, self._picked, legal, parts.road.rate_bytes, self._lane.items)
        self._picked += len(chosen)
        self._better = None
        return chosen

    def _due(self, now: datetime, legal: datetime) -> Due:
        epoch, lane = self._parts.journal.epoch, self._lane
        stored = self._parts.centre.stored_size(epoch)
        return Due(now, legal, lane.size_min, lane.size_max, epoch, stored)

    async def _send_all(self, chosen: Sequence[tuple[Pick, Item]]) -> None:
        largest = self._groups.blob_bytes_max if self._grouping and self._lane is SMALL else -1
        grouped = [item for _, item in chosen if item.size_bytes <= largest]
        ended = await self._send_groups(grouped) if grouped else set[int]()
        alone = iter([one for one in chosen if one[1].item not in ended])

        async def stream() -> None:
            for pick, item in alone:
                if self._lost is None:
                    await self._send(pick, item)
                else:
                    await self._parts.store.broken_off(
                        item.item, item.sent_bytes, self._parts.clock.wall()
                    )

        streams = TRANSFER_SMALL_STREAMS if self._lane is SMALL else 1
        await asyncio.gather(*(stream() for _ in range(streams)))

    async def _send_groups(self, items: Sequence[Item]) -> set[int]:
        """The items that are through with this round; the others go alone."""
        clock, begun, ended = self._parts.clock, self._parts.clock.monotonic(), set[int]()

        async def verified(done: Sequence[Item]) -> None:
            await self._verified(done)
            ended.update(item.item for item in done)

        async def failed(item: Item, error: FederationError) -> None:
            await self._failed(item, error)
            ended.add(item.item)

        self._sent.update({item.digest: item.sent_bytes for item in items})
        before = self.verified_count
        try:
            await self._groups.send(self._open(), self._lane.name, items, verified, failed)
        except FederationError as error:
            left = [item for item in items if item.item not in ended]
            if not blames_nobody(error):
                self._grouping = False  # one of them, or the centre is older: each by itself
                return ended
            await self._lose(left, error)
        finally:
            for item in items:
                self._sent.pop(item.digest, None)
        if self.verified_count > before:
            size = sum(item.size_bytes for item in items if item.item in ended)
            self._parts.road.measured(size, clock.monotonic() - begun)
        for item in items if self._lost is None else ():
            if item.item not in ended:
                self.made_room = True
                await self._parts.store.broken_off(item.item, item.sent_bytes, clock.wall())
        return {item.item for item in items}

    async def _send(self, pick: Pick, item: Item) -> None:
        parts, begun = self._parts, self._parts.clock.monotonic()
        self._sent[item.digest] = first = item.sent_bytes
        way = Way(
            self._lane.name,
            lambda reached: self._sent.__setitem__(item.digest, reached),
            lambda sent: self._makes_room(pick, sent),
        )
        try:
            await self._sender.send(self._open(), item.digest, item.size_bytes, way)
        except Interrupted:
            self.made_room = True
            await parts.store.broken_off(item.item, self._sent[item.digest], parts.clock.wall())
        except FederationError as error:
            await self._failed(item, error)
        else:
            parts.road.measured(item.size_bytes - first, parts.clock.monotonic() - begun)
            await self._verified([item])
        finally:
            self._sent.pop(item.digest, None)

    def _makes_room(self, pick: Pick, sent: int) -> bool:
        if pick.aged:
            return sent >= TRANSFER_AGED_SLICE_BYTES
        return self._better is not None and takes_over(self._better, pick.rank)

    async def look(self, now: datetime) -> None:
        """While a large blob is on its way: whether one that is more urgent has come."""
        parts, at = self._parts, self._parts.clock.monotonic()
        if self._lane is not LARGE or at - self._looked < TRANSFER_DEADLINES_SECONDS:
            return
        self._looked = at
        legal = parts.clock.now()
        found = await parts.store.candidates(self._due(now, legal), _CANDIDATES_PER_KIND)
        ranks = [rank(one, legal, parts.road.rate_bytes) for one in found]
        self._better = min(ranks, default=None)

    async def _verified(self, items: Sequence[Item]) -> None:
        await self._parts.store.verified([item.item for item in items])
        self.verified_count += len(items)

    async def _lose(self, items: Sequence[Item], error: FederationError) -> None:
        """The road, or the centre for all: these items stay due, and the lane waits."""
        parts = self._parts
        self._lost, self._broken = error, True
        reached = [(one.item, self._sent.get(one.digest, one.sent_bytes)) for one in items]
        await parts.store.left(reached, cause_of(error), parts.clock.wall())
        _LOG.warning("transfer.road_lost", items=len(items), code=error.code)

    def _note_road(self, *, verified: bool) -> None:
        lost, self._lost = self._lost, None
        self._losses = 0 if verified else self._losses
        if lost is not None:
            self._losses += 1
            wall = self._parts.clock.wall()
            self._due_time = self._next_time(self._losses, wall, lost.retry_after_seconds)

    def _waits(self, now: datetime) -> bool:
        """Whether the lane is not due; a clock that was set back makes nobody wait for it."""
        longest = timedelta(seconds=TRANSFER_RETRY_SECONDS_MAX + RETRY_AFTER_SECONDS_MAX)
        return self._due_time is not None and now < self._due_time <= now + longest

    async def _failed(self, item: Item, error: FederationError) -> None:
        parts, sent = self._parts, self._sent.get(item.digest, item.sent_bytes)
        if error.code == _NO_ROAD:
            await self._lose([item], error)
            return
        if error.code == MISMATCH:
            sent = 0
            if not await self._sender.is_whole(item.digest):
                error = Refused(LOCAL_DAMAGE, "these bytes changed on this node's own disk")
        judgement, now = judge(error, item.refusals), parts.clock.wall()
        next_time = self._next_time(item.attempts + 1, now, error.retry_after_seconds)
        failed = Failed(
            item.item, judgement.park, judgement.refusals, sent, next_time, cause_of(error)
        )
        await parts.store.failed(failed)
        if error.code == LOCAL_DAMAGE and parts.suspect is not None:
            await parts.suspect(item.digest)
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
        jitter = self._parts.entropy.uniform(0.0, wait_ceiling(attempts))
        return now + timedelta(seconds=wait_seconds(jitter, asked_seconds))

    def _open(self) -> grpc.aio.Channel:
        if self._channel is None:
            self._channel = self._parts.centre.connect()
        return self._channel
