"""A node's intake with real parts: SQLite, journal, blobs and gRPC on a Unix socket.

Owns the wiring that the composition root makes in production, with a schedule, officers and a queue
that implement the same ports from memory. Leaves out every assertion.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import structlog
from google.protobuf.message import Message
from structlog.typing import FilteringBoundLogger

from lpse.federation.entries import decode_entry
from lpse.federation.errors import Denied, NotFound
from lpse.federation.kinds import record_of
from lpse.federation.notes import Signer
from lpse.federation.receipts import Moment, NationalWitness
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.intake.v1 import submissions_pb2_grpc as grpc_wire
from lpse.runtime.channels import SERVER_OPTIONS, ErrorInterceptor, open_local_channel
from lpse.runtime.clock import Entropy, ManualClock, SystemEntropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.blobs import BlobStore
from lpse.storage.journal import Journal
from regional_node.clock.keeper import ClockKeeper
from regional_node.intake.office import Office
from regional_node.intake.opening import Openings
from regional_node.intake.opening_store import OpeningStore
from regional_node.intake.ports import Opening, QueueItem, QueuePage, Window
from regional_node.intake.sealing import Sealing
from regional_node.intake.service import SubmissionsService
from regional_node.intake.store import IntakeStore
from regional_node.intake.submissions import Intake
from regional_node.intake.worker import JudgingWorker

MIGRATIONS = Path(__file__).parents[3] / "regional_node" / "migrations"
START = datetime(2015, 3, 26, 1, 0, tzinfo=UTC)
DEADLINE = datetime(2015, 3, 27, 3, 0, tzinfo=UTC)
STAGE = "Upload Dokumen Penawaran"
CODE = "7781013"
WITNESS = NationalWitness("lkpp/00\n4\nAAAA\n", bytes(32), 3)


@dataclass
class Plan:
    """A schedule in memory; a hold begins when its deadline falls due."""

    window: Window = field(
        default_factory=lambda: Window(CODE, STAGE, "Asia/Jakarta", START, DEADLINE, 1)
    )
    codes: tuple[str, ...] = (CODE,)

    def change(self, **fields: Any) -> None:
        """Another revision."""
        self.window = replace(self.window, **fields)

    def submission_window_in(
        self, tx: Transaction, package: str, stage: str | None, now: datetime
    ) -> Window:
        if package not in self.codes:
            raise NotFound("FED-4101", "this package is not known here")
        held = self.window.held and now >= self.window.deadline
        return replace(self.window, package=package, held=held)

    def opening_in(self, tx: Transaction, package: str, now: datetime) -> Opening:
        window = self.submission_window_in(tx, package, None, now)
        return Opening(
            package,
            window.zone,
            window.deadline,
            window.revision,
            window.held,
            window.hold_reason,
            window.cancelled,
        )


class Clocks(ManualClock):
    """A driven clock with an error bound."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self.error = 0.0
        self.offset = 0.0
        self.keeper: ClockKeeper | None = None  # where a test measures for real

    def set(self, moment: datetime) -> None:
        """Step to a moment."""
        self.advance((moment - self.now()).total_seconds())

    def moment(self) -> Moment:
        if self.keeper is not None:
            return self.keeper.moment()
        return Moment(self.now(), self.boot_id(), self.monotonic(), self.error, self.offset)


@dataclass
class National:
    """A fixed national head, or none."""

    witness: NationalWitness | None = WITNESS

    def newest(self) -> NationalWitness | None:
        return self.witness


class Officers:
    """Accepts the acts of one person."""

    def verify_in(
        self,
        tx: Transaction,
        signed: SignedAct,
        *,
        act: str,
        digest: bytes,
        roles: Collection[str],
    ) -> object:
        if signed.actor != "ani" or signed.act != act or signed.subject_digest != digest:
            raise Denied("FED-3101", "not this officer's act")
        return signed.actor


@dataclass
class Queue:
    """A queue of one item."""

    item_: QueueItem = field(default_factory=lambda: QueueItem(bytes(32), 10, 4, "WAITING", START))

    async def page(self, *, after: str, limit: int) -> QueuePage:
        return QueuePage((self.item_,)[:limit], "", 1, 6)

    async def item(self, digest: bytes) -> QueueItem:
        if digest != self.item_.digest:
            raise NotFound("FED-5020", "these bytes are not queued")
        return self.item_

    async def retry(self, digest: bytes) -> QueueItem:
        return await self.item(digest)


@dataclass
class Node:
    """The running parts."""

    folder: Path
    database: Database
    journal: Journal
    blobs: BlobStore
    signer: Signer
    plan: Plan
    clock: Clocks
    store: IntakeStore
    opening_store: OpeningStore
    intake: Intake
    openings: Openings
    judging: JudgingWorker
    service: SubmissionsService

    @property
    def socket(self) -> Path:
        return self.folder / "intake.sock"


@asynccontextmanager
async def start_node(
    folder: Path,
    *,
    plan: Plan | None = None,
    clock: Clocks | None = None,
    log: FilteringBoundLogger | None = None,
    upload_bytes_max: int = 500_000_000,
    uploads_max: int = 16,
    idle_seconds: float = 20.0,
    national: National | None = None,
) -> AsyncIterator[Node]:
    """Open everything in `folder`, as a start of the daemon does."""
    plan = plan or Plan()
    clock = clock or Clocks(START + timedelta(hours=1))
    log = log or structlog.get_logger()
    entropy: Entropy = SystemEntropy()
    signer = Signer.from_seed("lpse-pacitan", bytes(range(32)))
    database = await Database.open(folder / "node.db", MIGRATIONS)
    journal = Journal(database, signer, clock, entropy)
    await journal.open()
    blobs = BlobStore(folder / "blobs")
    store = IntakeStore(database, journal, plan)
    opening_store = OpeningStore(database, journal, plan, Officers())
    office = Office(signer, clock, entropy, clock, national or National())
    sealing = Sealing(blobs, entropy, store.needs_blob)
    intake = Intake(
        store, sealing, office, log, upload_bytes_max=upload_bytes_max, uploads_max=uploads_max
    )
    await intake.recover()
    openings = Openings(opening_store, blobs, office, log)
    judging = JudgingWorker(opening_store, clock, log)
    service = SubmissionsService(
        intake, store, openings, Queue(), office, idle_seconds=idle_seconds
    )
    yield Node(
        folder, database, journal, blobs, signer, plan, clock, store, opening_store,
        intake, openings, judging, service,
    )  # fmt: skip
    await intake.close()
    await database.close()


@asynccontextmanager
async def serve(node: Node) -> AsyncIterator[grpc_wire.SubmissionsAsyncStub]:
    """The real service on a Unix socket, and a stub for it."""
    log = structlog.get_logger()
    server = grpc.aio.server(interceptors=[ErrorInterceptor(log)], options=SERVER_OPTIONS)
    grpc_wire.add_SubmissionsServicer_to_server(node.service, server)
    server.add_insecure_port(f"unix:{node.socket}")
    await server.start()
    try:
        async with open_local_channel(node.socket) as channel:
            yield grpc_wire.SubmissionsStub(channel)
    finally:
        await server.stop(None)


async def journalled(node: Node, kind: str) -> list[Message]:
    """The records of one kind in the node's journal, oldest first."""
    found = []
    for row in await node.journal.entries(0, node.journal.head.size):
        entry = decode_entry(row.data)
        if entry.kind == kind and (record := record_of(kind, entry.payload)) is not None:
            found.append(record)
    return found


def stored_files(node: Node) -> list[Path]:
    """Every file of the blob store, parts too; what a start has set aside is none of it."""
    aside = node.blobs.folder / "aside"
    found = (path for path in node.blobs.folder.rglob("*") if aside not in path.parents)
    return sorted(path for path in found if path.is_file())
