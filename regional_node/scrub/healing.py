"""Healing damaged copies: this node's from the centre, the centre's from this node.

Owns the order of steps. Rules: a damaged copy is set aside as evidence before a good one takes its
name; good is only what was re-read with the right digest; the centre gets bytes again only where
this node's own copy is whole; where nobody has good bytes, that is written down as an open entry
that needs a person, and looked at again now and then (Invariant 10: one bad blob stops nothing).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import FederationError, NotFound
from lpse.federation.limits import (
    BLOBS_WANTED_MAX,
    SCRUB_FINDINGS_PER_STEP,
    SCRUB_IDLE_SECONDS,
    SCRUB_RETRY_SECONDS_MAX,
)
from lpse.federation.v1 import link_pb2 as link
from lpse.runtime.clock import Clock
from lpse.storage.blobs import BlobMismatch, BlobStore
from lpse.storage.scrub import Found, examine
from lpse.storage.scrub_store import HEALED, Finding
from lpse.storage.scrub_store import PERSON as STATE_PERSON
from regional_node.scrub.rules import (
    FETCHED,
    OTHER,
    OWN,
    PERSON,
    SENT_AGAIN,
    WHOLE_AGAIN,
    Damage,
    decision,
    wait_seconds,
)
from regional_node.scrub.store import NodeScrubStore

_QUEUED = "queued for the centre again"


class Fetcher(Protocol):
    """The way to read an own blob back from the centre."""

    async def fetch(self, digest: bytes, size: int) -> None:
        """Returns when the blob is here and whole."""


class Healing:
    """See the module's first lines."""

    def __init__(
        self,
        store: NodeScrubStore,
        blobs: BlobStore,
        fetcher: Fetcher,
        centre: tuple[Callable[[], bool], Callable[[], None]],
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        """`centre`: whether a session is open, and what wakes the queue."""
        self._store = store
        self._blobs = blobs
        self._fetcher = fetcher
        self._is_open, self._wake = centre
        self._clock = clock
        self._log = log
        self.unhealed = 0  # findings that are open or need a person, as of the last step

    async def wanted(self, asked: link.BlobsWanted) -> None:
        """The centre found copies damaged; digests that no submission has are passed over."""
        now = self._clock.wall()
        for one in asked.blobs[:BLOBS_WANTED_MAX]:
            size = await self._store.size_of(one.digest)
            if size is None:
                continue
            found = one.found if one.found in (Found.MISSING, Found.UNREADABLE) else Found.CORRUPT
            if await self._store.found((one.digest, size), OTHER, found, now):
                self._log.warning("scrub.centre_damaged", code="FED-7401", found=found)

    async def suspect(self, digest: bytes) -> None:
        """Look at one of the node's own blobs; what is not whole is healed from now on."""
        size = await self._store.kept_size(digest)
        if size is None:
            return
        found = await examine(self._blobs, digest, size)
        if found is not Found.WHOLE:
            await self._store.found((digest, size), OWN, found, self._clock.wall())
            self._log.error("scrub.damaged", code="FED-7401", found=found, size_bytes=size)

    async def step(self, now: datetime) -> int:
        """Take up the findings that are due; how many were healed."""
        due = await self._store.due(now, SCRUB_FINDINGS_PER_STEP)
        healed = sum([await self._take_up(one, now) for one in due])
        totals = await self._store.totals()
        self.unhealed = totals.open + totals.person
        return healed

    async def run(self) -> None:
        """Heal for ever."""
        while True:
            await self.step(self._clock.wall())
            await self._clock.sleep(SCRUB_IDLE_SECONDS)

    async def _take_up(self, one: Finding, now: datetime) -> bool:
        try:
            return await (self._heal_own(one) if one.side == OWN else self._heal_other(one))
        except FederationError as error:
            until = now + timedelta(seconds=wait_seconds(one.attempts))
            await self._store.postpone(one, until, f"{error.code} {error.message}"[:200])
            return False

    # --- the node's own copy ---

    async def _heal_own(self, one: Finding) -> bool:
        found = await examine(self._blobs, one.digest, one.size_bytes)
        if found is Found.WHOLE:  # the same content was handed in again, or the disk came back
            return await self._whole(one, WHOLE_AGAIN)
        if found is not Found.MISSING:
            await self._blobs.set_damaged_aside(one.digest)
        if not self._is_open():
            return await self._wait(one, "the link to the centre is down")
        try:
            await self._fetcher.fetch(one.digest, one.size_bytes)
        except (NotFound, BlobMismatch) as error:
            return await self._needs_person(one, f"{error.code} {error.message}")
        return await self._whole(one, FETCHED)

    async def _whole(self, one: Finding, outcome: str) -> bool:
        """The own copy is good: a transfer that waited for it goes on."""
        if await self._store.queue_healed(one.digest):
            self._wake()
        return await self._healed(one, outcome)

    # --- the centre's copy ---

    async def _heal_other(self, one: Finding) -> bool:
        if one.cause == _QUEUED:
            if await self._store.queue_state(one.digest) == "VERIFIED":
                return await self._healed(one, SENT_AGAIN)
            return await self._wait(one, _QUEUED)
        found = await examine(self._blobs, one.digest, one.size_bytes)
        if found is not Found.WHOLE:
            if not await self._store.is_named(one.digest):
                return await self._needs_person(one, "this node gave its copy up after hand-over")
            blob, now = (one.digest, one.size_bytes), self._clock.wall()
            await self._store.found(blob, OWN, found, now, "the centre's copy is damaged too")
            return await self._needs_person(one, "this node's copy is not whole either")
        await self._store.queue_again(one.digest)
        self._wake()
        return await self._wait(one, _QUEUED)

    # --- outcomes ---

    async def _wait(self, one: Finding, cause: str) -> bool:
        until = self._clock.wall() + timedelta(seconds=wait_seconds(one.attempts))
        await self._store.postpone(one, until, cause)
        return False

    async def _healed(self, one: Finding, outcome: str) -> bool:
        now = self._clock.wall()
        told = decision(_damage(one, one.cause), outcome)
        await self._store.decide(one, HEALED, told, (now, now))
        self._log.info("scrub.healed", side=one.side, size_bytes=one.size_bytes)
        return True

    async def _needs_person(self, one: Finding, cause: str) -> bool:
        now = self._clock.wall()
        again = now + timedelta(seconds=SCRUB_RETRY_SECONDS_MAX)
        await self._store.postpone(one, again, cause)
        if one.state == STATE_PERSON:
            return False  # said already
        told = decision(_damage(one, cause), PERSON)
        await self._store.decide(one, STATE_PERSON, told, (now, again))
        self._log.error("scrub.no_good_copy", code="FED-7402", side=one.side)
        return False


def _damage(one: Finding, cause: str) -> Damage:
    return Damage(one.digest, one.side, one.size_bytes, one.found, one.find_time, cause)
