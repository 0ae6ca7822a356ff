"""The way of sealed bytes and bundles: whose turn it is, how fast, and how fast it was.

Owns the token bucket over the configured windows, the turn of the two lanes, and the measured
rate. Rules: the limit covers blobs and bundles, never entries and heartbeats; the less urgent lane
gives way, but always keeps a share; a closed window ends what is on its way in order, and it goes
on where it stopped. Leaves out what a window is (`windows`) and which blob goes (`order`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from lpse.federation.limits import (
    ROAD_WAIT_SECONDS_MAX,
    TRANSFER_CHUNK_BYTES_MAX,
    TRANSFER_CHUNK_BYTES_MIN,
    TRANSFER_CHUNK_SECONDS,
    TRANSFER_RATE_FIRST_BYTES,
    TRANSFER_YIELD_SECONDS_MAX,
    TRANSFER_YIELD_SHARE,
)
from lpse.runtime.clock import Clock
from regional_node.transfer.order import LAST, Rank
from regional_node.transfer.windows import Bucket, Plan

_BUSY_SECONDS: Final = 0.25  # a lane that wrote so shortly ago writes again
_LOOK_SECONDS: Final = 0.05
_MEMORY_SECONDS: Final = 30.0


class Interrupted(Exception):
    """What is on its way makes room: the road closed, or something more urgent came."""


@dataclass
class _Lane:
    """What the road knows of one lane."""

    rank: Rank = LAST
    writing: bool = False
    last_write: float = float("-inf")
    sent_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RoadFacts:
    """For people: the limit that holds and the measured rate."""

    limit_kbit_per_second: int | None
    control_kbit_per_second: int
    until: datetime | None
    rate_bytes: float


class Road:
    """See the module's first lines; one per node."""

    def __init__(self, plan: Plan, zone: ZoneInfo, clock: Clock) -> None:
        self._plan = plan
        self._zone = zone
        self._clock = clock
        self._bucket = Bucket()
        self._lanes: dict[str, _Lane] = {}
        self.measurements = 0
        self._rate = 0.0
        self._weight = 0.0

    @property
    def rate_bytes(self) -> float:
        """Bytes a second as measured lately; a careful guess before that."""
        return self._rate or TRANSFER_RATE_FIRST_BYTES

    @property
    def is_closed(self) -> bool:
        """Whether the window that holds lets no sealed byte through."""
        return self._allowed() == 0

    def facts(self) -> RoadFacts:
        """What holds now."""
        local = self._local()
        limit = self._plan.limit(local)
        control = 0 if limit is None else self._plan.control(limit)
        return RoadFacts(limit, control, self._plan.until(local), self._rate)

    def chunk_bytes_max(self) -> int:
        """The largest chunk that does not keep the road longer than a chunk may."""
        allowed = self._allowed()
        if allowed is None:
            return TRANSFER_CHUNK_BYTES_MAX
        fitting = int(allowed * TRANSFER_CHUNK_SECONDS)
        return min(max(fitting, TRANSFER_CHUNK_BYTES_MIN), TRANSFER_CHUNK_BYTES_MAX)

    def message_bytes_max(self) -> int:
        """The largest message of whole blobs: as a chunk, at the rate measured lately."""
        fitting = int(self.rate_bytes * TRANSFER_CHUNK_SECONDS)
        return min(max(fitting, TRANSFER_CHUNK_BYTES_MIN), self.chunk_bytes_max())

    def measured(self, size: int, seconds: float) -> None:
        """So many bytes arrived in that time; older figures weigh less and less."""
        if size <= 0 or seconds <= 0:
            return
        self.measurements += 1
        weight = min(self._weight, _MEMORY_SECONDS)
        self._rate = (self._rate * weight + size) / (weight + seconds)
        self._weight = weight + seconds

    def begin(self, lane: str, rank: Rank) -> None:
        """A lane takes up something of this urgency."""
        self._lane(lane).rank = rank
        for one in self._lanes.values():
            one.sent_bytes = 0

    @asynccontextmanager
    async def turn(self, lane: str, size: int) -> AsyncIterator[None]:
        """Write `size` bytes inside; Interrupted where the road is closed."""
        mine = self._lane(lane)
        await self._give_way(mine)
        await self.pay(size)
        mine.writing = True
        try:
            yield
        finally:
            mine.writing = False
            mine.last_write = self._clock.monotonic()
            mine.sent_bytes += size

    async def pay(self, size: int) -> None:
        """Wait until the limit allows `size` bytes more; Interrupted where it allows none."""
        while (allowed := self._allowed()) is not None:
            if allowed <= 0:
                raise Interrupted
            now = self._clock.monotonic()
            self._bucket, wait = self._bucket.take(size, allowed, now)
            if not wait:
                return
            await self._clock.sleep(min(wait, ROAD_WAIT_SECONDS_MAX))

    async def _give_way(self, mine: _Lane) -> None:
        begun = self._clock.monotonic()
        while self._clock.monotonic() - begun < TRANSFER_YIELD_SECONDS_MAX:
            if not any(self._goes_first(other, mine) for other in self._lanes.values()):
                return
            await self._clock.sleep(_LOOK_SECONDS)

    def _goes_first(self, other: _Lane, mine: _Lane) -> bool:
        if other is mine or other.rank >= mine.rank:
            return False
        now = self._clock.monotonic()
        busy = other.writing or now - other.last_write < _BUSY_SECONDS
        return busy and mine.sent_bytes > other.sent_bytes * TRANSFER_YIELD_SHARE

    def _lane(self, name: str) -> _Lane:
        return self._lanes.setdefault(name, _Lane())

    def _allowed(self) -> float | None:
        return self._plan.bulk_bytes(self._local())

    def _local(self) -> datetime:
        return self._clock.wall().astimezone(self._zone)


def free_road(clock: Clock) -> Road:
    """A road without limits, for a node that configures none."""
    return Road(Plan(), ZoneInfo("UTC"), clock)


def joined(ranks: list[Rank]) -> Rank:
    """The rank of things that go together: that of the most urgent."""
    return min(ranks, default=LAST)
