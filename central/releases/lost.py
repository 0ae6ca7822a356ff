"""Lost bundles come back: nodes that hold one are asked for it, one at a time.

Owns the searches of the present program. Rules: only the node that is asked may bring a bundle, and
it brings exactly the published size; all nodes continue one part, so that the disk never holds more
than the bundle; what counts is the digest as re-read from the disk (Invariant 1), and then the row,
the scrub's finding and the run are one transaction. Bytes with another digest leave nothing, and
who brought them alone is not asked again. Leaves out the bytes (`central.blobs`) and the choice of
nodes (`lost_rules`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from central.releases.lost_rules import (
    Asked,
    Lost,
    Search,
    missing,
    next_node,
    returned,
    trigger,
    whole_again,
)
from central.releases.lost_store import lost_bundles
from central.releases.store import ReleaseStore
from central.scrub.store import CentralScrubStore
from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    BUNDLE_LOOK_SECONDS,
    BUNDLE_LOST_LOOK_SECONDS,
    BUNDLES_ASKED_MAX,
    MISSING_BUNDLES_MAX,
)
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.blobs import BlobStore
from lpse.storage.scrub import Found, examine

_NEVER: Final = float("inf")  # a time after which nobody asks again


class Nodes(Protocol):
    """Who is present; implemented by the link's sessions."""

    def sound(self) -> Sequence[str]:
        """Nodes whose entries flow now, by id."""

    def ask_bundle(self, node_id: str, wanted: link.BundleWanted) -> bool:
        """Send the question; False where the node is not present."""


class Runs(Protocol):
    """Who writes down what the centre found; implemented by `central.reconciliation`."""

    def record_in(
        self,
        tx: Transaction,
        node_id: str,
        trigger: records.ReconciliationTrigger.ValueType,
        entries: Sequence[records.ReconciliationEntry],
    ) -> bool:
        """Journal a run in the caller's transaction, once per distinct finding."""


Versions = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whom the searches work with; `versions` tells what the services of nodes run."""

    database: Database
    releases: ReleaseStore
    blobs: BlobStore
    scrub: CentralScrubStore
    nodes: Nodes
    versions: Versions
    runs: Runs
    clock: Clock
    log: FilteringBoundLogger


class LostBundles:
    """See the module's first lines; also the port `Bundles` of the Transfer service."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._with = neighbours
        self._searches: dict[bytes, Search] = {}
        self._looking = asyncio.Lock()
        self._wake = asyncio.Event()

    async def step(self) -> int:
        """Look what is lost and ask for it; how many bundles are lost."""
        async with self._looking:
            lost = await lost_bundles(self._with.database, MISSING_BUNDLES_MAX)
            await self._compare(lost)
            now = self._with.clock.monotonic()
            for search in self._searches.values():
                if not search.waits(now):
                    await self._ask(search, now)
            return len(self._searches)

    async def run(self) -> None:
        """For ever; sooner where an asked node has answered."""
        while True:
            self._wake.clear()
            seconds = BUNDLE_LOST_LOOK_SECONDS
            try:
                if not await self.step():
                    seconds = BUNDLE_LOOK_SECONDS
            except FederationError as error:  # the database; the next look tries again
                self._with.log.warning("release.bundles_not_looked", code=error.code)
            pause = asyncio.ensure_future(self._with.clock.sleep(seconds))
            woken = asyncio.ensure_future(self._wake.wait())
            try:
                await asyncio.wait({pause, woken}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
                woken.cancel()

    def look(self) -> None:
        """Releases came back that may lack their bundles: look now."""
        self._wake.set()

    async def _compare(self, lost: Sequence[Lost]) -> None:
        """Searches end with their loss, and begin with it."""
        present = {one.digest: one for one in lost}
        for digest, search in list(self._searches.items()):
            if present.get(digest) != search.lost and not _is_coming(search):
                del self._searches[digest]
                if digest not in present:
                    await self._found_again(search.lost)
        for digest, one in present.items():
            if digest not in self._searches and await self._is_lost(one):
                self._searches[digest] = Search(one)
                self._with.log.error("release.bundle_lost", code="FED-2464", release=one.version)
                await self._record(missing(one), one)

    async def _is_lost(self, one: Lost) -> bool:
        """A bad copy is read again, and set aside before a good one takes its name."""
        if not one.find_micros:
            return True
        found = await examine(self._with.blobs, one.digest, one.size)
        if found is Found.WHOLE:
            now = self._with.clock.wall()
            await self._with.database.write(
                lambda tx: self._with.scrub.close_in(tx, one.digest, now)
            )
            return False
        if found is not Found.MISSING:
            await self._with.blobs.set_damaged_aside(one.digest)
        return True

    async def _found_again(self, one: Lost) -> None:
        """Somebody else brought it, unless the release was withdrawn: the question is settled."""
        if await examine(self._with.blobs, one.digest, one.size) is Found.WHOLE:
            await self._record(whole_again(one), one)

    async def _record(self, entry: records.ReconciliationEntry, one: Lost) -> None:
        await self._with.database.write(
            lambda tx: self._with.runs.record_in(tx, "", trigger(one), [entry])
        )

    async def _ask(self, search: Search, now: float) -> None:
        nodes = self._with.nodes
        former, search_now = search.asked, self._busy(search)
        if former is None and len(search_now) >= BUNDLES_ASKED_MAX:
            return
        present = nodes.sound()
        versions = await self._with.versions(present)
        chosen = next_node(search, present, search_now, versions, now)
        if former is not None and former.node_id != chosen:
            search.tried[former.node_id] = now
            search.asked = None
        wanted = link.BundleWanted(digest=search.lost.digest, size_bytes=search.lost.size)
        if chosen is None or not nodes.ask_bundle(chosen, wanted):
            return
        same = former is not None and former.node_id == chosen
        first, here = (former.first_time, former.now) if same and former else (now, 0)
        search.asked = Asked(chosen, first, now, here, here)
        self._with.log.info("release.bundle_asked", node=chosen, release=search.lost.version)

    def _busy(self, but: Search) -> set[str]:
        searches = self._searches.values()
        return {one.asked.node_id for one in searches if one is not but and one.asked is not None}

    # --- what nodes fetch and bring ---

    async def offered_size(self, digest: bytes) -> int | None:
        """Size of the bundle of a release that is offered."""
        return await self._with.releases.offered_size(digest)

    def declined(self, node_id: str, digest: bytes) -> None:
        """It has none, or cannot bring it now."""
        search = self._asked_of(node_id, digest)
        if search is not None:
            search.tried[node_id] = self._with.clock.monotonic()
            search.asked = None
            self._wake.set()

    def coming(self, node_id: str, digest: bytes) -> Coming | None:
        """The bundle that this node was asked for and brings now; None for anything else."""
        search = self._asked_of(node_id, digest)
        return Coming(self, search, node_id) if search is not None else None

    def _asked_of(self, node_id: str, digest: bytes) -> Search | None:
        search = self._searches.get(digest)
        asked = search.asked if search is not None else None
        return search if asked is not None and asked.node_id == node_id else None

    def now(self) -> float:
        """The time by which nodes' patience is measured."""
        return self._with.clock.monotonic()

    # --- what became of it ---

    def returned_in(self, tx: Transaction, search: Search, node_id: str) -> None:
        """Its row is being written: close the finding and write it down."""
        lost = search.lost
        self._with.scrub.close_in(tx, lost.digest, self._with.clock.wall())
        self._with.runs.record_in(tx, node_id, trigger(lost), [returned(lost, node_id)])

    def came(self, search: Search, node_id: str) -> None:
        """It is whole, durable and vouched for."""
        self._searches.pop(search.lost.digest, None)
        self._with.log.warning("release.bundle_returned", node=node_id, release=search.lost.version)
        self._wake.set()

    def false(self, search: Search, node_id: str) -> None:
        """What was here had another digest, and is gone."""
        alone = search.brought_by <= {node_id}
        now = self._with.clock.monotonic()
        # Of several who continued one part nobody knows who was wrong: the last begins again alone.
        for one in search.brought_by - {node_id}:
            search.tried[one] = now
        search.brought_by.clear()
        if alone:
            search.tried[node_id] = _NEVER
        search.asked = None
        self._with.log.error(
            "release.bundle_false", code="FED-2463", node=node_id, release=search.lost.version
        )
        self._wake.set()


class Coming:
    """One stream of the asked node; implements the port `Returned` of the Transfer service."""

    def __init__(self, bundles: LostBundles, search: Search, node_id: str) -> None:
        assert search.asked is not None, "somebody was asked"
        self.size = search.lost.size
        self._bundles = bundles
        self._search = search
        self._asked = search.asked
        self._node_id = node_id

    def returned_in(self, tx: Transaction) -> None:
        """In the transaction that vouches for the bundle."""
        self._bundles.returned_in(tx, self._search, self._node_id)

    def begun(self, offset: int) -> None:
        """The stream goes on from there."""
        self._asked.streams += 1
        self._asked.reached = self._asked.now = offset
        by = self._search.brought_by
        if not offset:
            by.clear()
        elif not by:
            by.add("")  # somebody, before this program started
        by.add(self._node_id)

    def ended(self, offset: int) -> None:
        """The stream is over; `offset` bytes had come."""
        self._asked.streams -= 1
        self._asked.now = offset
        self._asked.time = self._bundles.now()

    def came(self) -> None:
        """The bundle is here."""
        self._bundles.came(self._search, self._node_id)

    def false(self) -> None:
        """The bytes were others."""
        self._bundles.false(self._search, self._node_id)


def _is_coming(search: Search) -> bool:
    return search.asked is not None and search.asked.streams > 0
