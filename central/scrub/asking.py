"""Asking nodes for bytes again.

Owns what becomes of the centre's damaged copies. Rules: the damaged file is set aside as evidence
first, so that the receiver takes the blob in as if it had never been here; a node is asked once per
session and again when nothing came for a while; a copy counts as healed when it was re-read here,
never on a node's word. Leaves out receiving (`central.blobs`).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from central.scrub.store import CentralScrubStore
from lpse.federation.entries import timestamp
from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    BLOBS_WANTED_AGAIN_SECONDS,
    BLOBS_WANTED_MAX,
    SCRUB_FINDINGS_PER_STEP,
    SCRUB_IDLE_SECONDS,
    SCRUB_RETRY_SECONDS_MAX,
)
from lpse.federation.v1 import link_pb2 as link
from lpse.runtime.clock import Clock
from lpse.storage.blobs import BlobStore
from lpse.storage.scrub import Found, examine
from lpse.storage.scrub_store import PERSON, Finding


class Nodes(Protocol):
    """Who is present; implemented by the link's sessions."""

    def ask(self, node_id: str, wanted: link.BlobsWanted) -> bool:
        """Send the question; False where the node is not present."""


class Asking:
    """See the module's first lines."""

    def __init__(
        self,
        store: CentralScrubStore,
        blobs: BlobStore,
        nodes: Nodes,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._nodes = nodes
        self._clock = clock
        self._log = log

    async def step(self, now: datetime) -> int:
        """Take up the findings that are due; how many copies are whole again."""
        healed = 0
        wanted: dict[str, link.BlobsWanted] = defaultdict(link.BlobsWanted)
        asked: list[tuple[Finding, list[str]]] = []
        for one in await self._store.due(now, SCRUB_FINDINGS_PER_STEP):
            try:
                if await self._is_whole(one, now):
                    healed += 1
                    continue
            except FederationError as error:
                await self._again(one, now, error.code)
                continue
            announcers = await self._store.announcers(one.digest)
            if not announcers:
                await self._needs_person(one, now)
                continue
            asked.append((one, announcers))
            for node_id in announcers:
                _add(wanted[node_id], one)
        told = {node_id for node_id, frame in wanted.items() if self._nodes.ask(node_id, frame)}
        for one, announcers in asked:
            await self._asked(one, now, told.intersection(announcers))
        return healed

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            await self.step(self._clock.wall())
            await self._clock.sleep(SCRUB_IDLE_SECONDS)

    async def _is_whole(self, one: Finding, now: datetime) -> bool:
        found = await examine(self._blobs, one.digest, one.size_bytes)
        if found is Found.WHOLE:
            await self._store.healed(one, now)
            self._log.info("scrub.healed", size_bytes=one.size_bytes)
            return True
        if found is not Found.MISSING:
            await self._blobs.set_damaged_aside(one.digest)
        return False

    async def _asked(self, one: Finding, now: datetime, told: set[str]) -> None:
        """Nobody present: look again soon; else give the bytes time to come."""
        if not told:
            until = now + timedelta(seconds=SCRUB_IDLE_SECONDS)
            await self._store.postpone(one, until, "no node that has it is connected")
            return
        waits = min(BLOBS_WANTED_AGAIN_SECONDS, SCRUB_IDLE_SECONDS * 2.0 ** min(one.attempts, 30))
        await self._store.postpone(one, now + timedelta(seconds=waits), "asked of its node")

    async def _again(self, one: Finding, now: datetime, cause: str) -> None:
        until = now + timedelta(seconds=SCRUB_IDLE_SECONDS)
        await self._store.postpone(one, until, cause)

    async def _needs_person(self, one: Finding, now: datetime) -> None:
        again = now + timedelta(seconds=SCRUB_RETRY_SECONDS_MAX)
        if one.state != PERSON:
            self._log.error("scrub.no_good_copy", code="FED-7402", size_bytes=one.size_bytes)
        await self._store.needs_person(one, now, again)


def _add(frame: link.BlobsWanted, one: Finding) -> None:
    if len(frame.blobs) < BLOBS_WANTED_MAX:
        frame.blobs.add(digest=one.digest, found=one.found, find_time=timestamp(one.find_time))
