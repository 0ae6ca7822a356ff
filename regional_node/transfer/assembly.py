"""Puts the parts of transfers together for the composition root.

Owns which part is given which; nothing here decides or works. Leaves out what transfers ask of
other areas: the root hands it in through `Neighbours`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database
from lpse.storage.blobs import BlobStore
from lpse.storage.journal import Journal
from regional_node.transfer.following import Follower
from regional_node.transfer.freeing import FreeingWorker, KeptBlobs
from regional_node.transfer.freeing_store import FreeingStore
from regional_node.transfer.lanes import Parts
from regional_node.transfer.needs_store import NeedsStore
from regional_node.transfer.ports import Centre, Deadlines, LocalCopies, Needs, Suspect
from regional_node.transfer.queue import Queue
from regional_node.transfer.reporting import ParkedReporter
from regional_node.transfer.road import Road
from regional_node.transfer.service import TransfersService
from regional_node.transfer.store import TransferStore
from regional_node.transfer.windows import Plan
from regional_node.transfer.worker import DrainWorker


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What transfers ask of the machine and of other areas."""

    database: Database
    blobs: BlobStore
    journal: Journal
    centre: Centre
    needs: Needs
    deadlines: Deadlines
    clock: Clock
    entropy: Entropy
    suspect: Suspect | None = None


class Transfers:
    """Every part of transfers, over one database."""

    def __init__(self, neighbours: Neighbours, plan: Plan, zone: ZoneInfo) -> None:
        """`zone` is the node's own, in which the windows of the plan are read."""
        self._neighbours = neighbours
        one, clock = neighbours, neighbours.clock
        self.store = TransferStore(one.database)
        self.freed = FreeingStore(one.database, one.needs)
        self.road = Road(plan, zone, clock)
        wanting = NeedsStore(one.database), one.needs, one.deadlines
        follower = Follower(self.store, one.journal, wanting, clock, one.entropy)
        self.drain = DrainWorker(
            Parts(
                self.store,
                one.blobs,
                one.journal,
                one.centre,
                self.road,
                clock,
                one.entropy,
                one.suspect,
            ),
            follower,
        )
        self.queue = Queue(self.store, self.drain, one.centre, clock)
        self.reporter = ParkedReporter(self.store, self.drain, one.centre, clock)
        self.service = TransfersService(self.store, self.drain, self.freed, clock)
        self.kept_blobs = KeptBlobs(one.blobs, self.freed)

    def freeing(self, copies: LocalCopies, retention: timedelta) -> FreeingWorker:
        """The worker that gives up local copies; `copies` knows of uploads under way."""
        one = self._neighbours
        return FreeingWorker(self.freed, one.blobs, copies, one.centre, one.clock, retention)
