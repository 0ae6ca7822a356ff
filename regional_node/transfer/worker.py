"""Drains the queue: entries first, then bytes, by least slack, small ones before large ones.

Owns `step`, its loops, and what others may know of the queue. Rules: a blob goes only when its
entry is STORED at the centre, so entries and control always go first; losing the centre changes
nothing here but the time of the next attempt (Invariant 4). Leaves out one round of a lane
(`lanes`), what fills the queue (`following`) and what the queue shows (`queue`).
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

import structlog

from lpse.federation.errors import FederationError
from regional_node.transfer.following import Follower
from regional_node.transfer.lanes import LANES, LaneRound, Parts
from regional_node.transfer.road import RoadFacts

_LOG: Final = structlog.get_logger("lpse.node.transfer")
STEP_SECONDS: Final = 0.5
_WATCH_SECONDS: Final = 0.02  # three numbers in memory are compared


class DrainWorker:
    """See the module's first lines; `now` is wall time, for retries are no legal matter."""

    def __init__(self, parts: Parts, follower: Follower) -> None:
        self.sent: dict[bytes, int] = {}  # what is on its way now, and how far
        self._parts = parts
        self._follower = follower
        self._rounds = [LaneRound(lane, parts, self.sent) for lane in LANES]
        self._wakes = [asyncio.Event() for _ in LANES]

    # --- facts for the link's heartbeat and for people ---

    def queue_bytes(self) -> int:
        """Blob bytes that the centre has not acknowledged as VERIFIED, as of the last step."""
        return 0 if self._parts.centre.manifest_only() else self._follower.totals.size_bytes

    def verified_blobs(self) -> int:
        """Blobs that the centre has verified since this program started."""
        return sum(one.verified_count for one in self._rounds)

    def parked_count(self) -> int:
        """Items that wait for a person, as of the last step."""
        return self._follower.totals.parked

    def road(self) -> RoadFacts:
        """The limit that holds now and the measured rate."""
        return self._parts.road.facts()

    # --- work ---

    def wake(self) -> None:
        """The link opened, a blob was healed, a person asks: go now, whatever was waited for."""
        for one in self._rounds:
            one.forget_wait()
        self._look_now()

    def look_again(self) -> None:
        """Own entries came back: what they announce is queued at once."""
        self._follower.look_again()
        self._look_now()

    def _look_now(self) -> None:
        for wake in self._wakes:
            wake.set()

    async def follow(self) -> None:
        """Bring the queue and its order up to date."""
        await self._follower.follow()

    async def step(self, now: datetime) -> int:
        """One round of both lanes; how many blobs were verified."""
        return sum(await asyncio.gather(*(self._round(one, now) for one in self._rounds)))

    async def run(self, stop: asyncio.Event) -> None:
        """Drain until told to stop; what is under way is broken off and resumed later."""
        pairs = zip(self._rounds, self._wakes, strict=True)
        work = [asyncio.ensure_future(self._loop(one, wake)) for one, wake in pairs]
        work += [asyncio.ensure_future(self._look()), asyncio.ensure_future(self._watch())]
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({*work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*work, stopping):
                task.cancel()
            results = await asyncio.gather(*work, return_exceptions=True)
            await self.close()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def close(self) -> None:
        """Let go of the channels."""
        for one in self._rounds:
            await one.hang_up()

    async def _loop(self, one: LaneRound, wake: asyncio.Event) -> None:
        while True:
            try:
                moved = await self._round(one, self._parts.clock.wall())
            except FederationError as error:  # our own disk or database; the queue is as it was
                _LOG.warning("transfer.step_failed", code=error.code)
                moved = 0
            if not moved and not one.made_room:
                await self._pause(wake)

    async def _pause(self, wake: asyncio.Event) -> None:
        waits = {
            asyncio.ensure_future(wake.wait()),
            asyncio.ensure_future(self._parts.clock.sleep(STEP_SECONDS)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            wake.clear()

    async def _watch(self) -> None:
        """An entry was STORED or the link opened: the bytes follow at once."""
        seen: object = None
        was_open = False
        while True:
            centre, journal = self._parts.centre, self._parts.journal
            is_open = centre.is_open()
            now = (is_open, journal.head.size, centre.stored_size(journal.epoch))
            if is_open and not was_open:
                self.wake()
            elif now != seen:
                self._look_now()
            seen, was_open = now, is_open
            await self._parts.clock.sleep(_WATCH_SECONDS)

    async def _look(self) -> None:
        """New deadlines and more urgent blobs are seen while a large one is on its way."""
        while True:
            await self._parts.clock.sleep(STEP_SECONDS)
            try:
                if self.sent:
                    await self._follower.follow()
                    for one in self._rounds:
                        await one.look(self._parts.clock.wall())
            except FederationError as error:
                _LOG.warning("transfer.step_failed", code=error.code)

    async def _round(self, one: LaneRound, now: datetime) -> int:
        await self._follower.follow()
        moved = await one.round(now)
        if one.taken_up:
            await self._follower.count()
        return moved
