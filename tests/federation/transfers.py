"""A centre with its Transfer service and a node that drains into it, on top of the link's rig.

Owns the wiring that the composition roots do in production. The Transfer service has a listener of
its own here, so that a test can cut bytes and leave entries alone. Leaves out every assertion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import grpc
from google.protobuf.message import Message

from central.blobs.receiving import Receiving
from central.blobs.service import TransferService
from central.blobs.store import BlobRows
from central.ledger.ports import Source
from central.uploads.announcements import LedgerAnnouncements
from central.uploads.parked_store import ParkedStore
from central.uploads.store import UploadsStore
from lpse.federation.v1 import transfer_pb2_grpc
from lpse.federation.v1.records_pb2 import SealedBlob, UploadAccepted
from lpse.federation.v1.transfer_pb2_grpc import TransferServicer
from lpse.runtime import tls
from lpse.runtime.channels import SERVER_OPTIONS, ErrorInterceptor, open_channel
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.blobs import BlobStore
from regional_node.intake.needs_store import SubmissionNeed
from regional_node.transfer.following import Follower
from regional_node.transfer.lanes import Parts
from regional_node.transfer.needs_store import NeedsStore
from regional_node.transfer.ports import Deadlines, Need, Needs
from regional_node.transfer.queue import Queue
from regional_node.transfer.road import Road, free_road
from regional_node.transfer.store import TransferStore
from regional_node.transfer.windows import Plan
from regional_node.transfer.worker import DrainWorker
from tests.federation.rig import CLOCK, ENTROPY, LOG, Authority, Centre, Node, Recorder

JAKARTA = ZoneInfo("Asia/Jakarta")


class Shelf:
    """The port `Bundles`: what nodes may fetch."""

    def __init__(self) -> None:
        self.sizes: dict[bytes, int] = {}

    async def offered_size(self, digest: bytes) -> int | None:
        return self.sizes.get(digest)

    def coming(self, node_id: str, digest: bytes) -> None:
        """No bundle is lost here."""


class UploadsToo(Recorder):
    """The rig's projection, and behind it the real one of uploads."""

    async def open(self, database: Database) -> None:
        await super().open(database)
        self._uploads = UploadsStore(database)

    def apply_in(self, tx: Transaction, source: Source, record: Message) -> None:
        super().apply_in(tx, source, record)
        self._uploads.apply_in(tx, source, record)


class TransferCentre(Centre):
    """The rig's centre with uploads projected and blobs received."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        super().__init__(authority, folder)
        self.transfer_port = 0
        self.shelf = Shelf()
        self.recorder = UploadsToo()

    @property
    def uploads(self) -> UploadsStore:
        """What nodes have announced, over the database that is open now."""
        return UploadsStore(self.database)

    async def _serve(self) -> None:
        await super()._serve()
        self.blobs = BlobStore(self.folder / "blobs")
        self.receiving = Receiving(self.blobs, BlobRows(self.database), CLOCK)
        await self.receiving.open()
        announcements = LedgerAnnouncements(self.uploads, self.ledger)
        self.parked = ParkedStore(self.database)
        service = self.transfer_service(announcements)
        self.transfer_server = grpc.aio.server(
            options=SERVER_OPTIONS, interceptors=[ErrorInterceptor(LOG)]
        )
        self.offer(service, self.transfer_server)
        credentials = tls.server_credentials(self.authority.centre_identity, clients=True)
        self.transfer_port = self.transfer_server.add_secure_port(
            f"127.0.0.1:{self.transfer_port}", credentials
        )
        await self.transfer_server.start()

    def transfer_service(self, announcements: LedgerAnnouncements) -> TransferServicer:
        """The service that is offered; a test may offer an older one."""
        return TransferService(
            self.receiving, self.enrolled, announcements, self.shelf, self.parked, LOG
        )

    def offer(self, service: TransferServicer, server: grpc.aio.Server) -> None:
        """Register the calls that this centre knows."""
        transfer_pb2_grpc.add_TransferServicer_to_server(service, server)

    async def stop(self, grace: float | None = 0) -> None:
        await self.transfer_server.stop(grace)
        await super().stop(grace)

    def bytes_of(self, digest: bytes) -> bytes | None:
        """The stored blob, as the disk gives it back."""
        path = self.blobs.path_of(digest)
        return path.read_bytes() if path.exists() else None


class Told:
    """The ports `Needs` and `Deadlines`: each blob with a deadline has a package of its own."""

    def __init__(self, node: DrainingNode) -> None:
        self._node = node

    async def after(self, submission: int, limit: int) -> Sequence[Need]:
        digests = list(self._node.deadlines)[submission : submission + limit]
        return [
            SubmissionNeed(number, digest.hex(), (digest,))
            for number, digest in enumerate(digests, submission + 1)
        ]

    def newest_in(self, tx: Transaction) -> int:
        return len(self._node.deadlines)

    def handed_over_in(self, tx: Transaction, package: str) -> datetime | None:
        return self._node.handed_over.get(bytes.fromhex(package))

    def token(self) -> object:
        return dict(self._node.deadlines)

    async def of(self, packages: Sequence[str], now: datetime) -> dict[str, datetime | None]:
        return {package: self._node.deadlines.get(bytes.fromhex(package)) for package in packages}


class DrainingNode(Node):
    """The rig's node with a blob store, the queue and its worker."""

    def __init__(self, authority: Authority, folder: Path, node_id: str, centre: Centre) -> None:
        super().__init__(authority, folder, node_id, centre.port)
        assert isinstance(centre, TransferCentre)
        self.transfer_port = centre.transfer_port
        self.kept_here = False
        self.paused = False
        self.plan: Plan | None = None
        self.handed_over: dict[bytes, datetime] = {}
        self.deadlines: dict[
            bytes, datetime | None
        ] = {}  # of blobs; each stands for its own package

    async def start(self) -> None:
        await super().start()
        self.blobs = BlobStore(self.folder / "blobs")
        self.store = TransferStore(self.database)
        self.road = free_road(CLOCK) if self.plan is None else Road(self.plan, JAKARTA, CLOCK)
        self.suspected: list[bytes] = []

        async def suspect(digest: bytes) -> None:
            self.suspected.append(digest)

        parts = Parts(
            self.store, self.blobs, self.journal, self, self.road, CLOCK, ENTROPY, suspect
        )
        follower = Follower(self.store, self.journal, self.wanting(), CLOCK, ENTROPY)
        self.drain = DrainWorker(parts, follower)
        self.queue = Queue(self.store, self.drain, self, CLOCK)
        self.leave = asyncio.Event()
        self.draining: asyncio.Task[None] | None = None

    def wanting(self) -> tuple[NeedsStore, Needs, Deadlines]:
        """Who needs the blobs, and until when."""
        told = Told(self)
        return NeedsStore(self.database), told, told

    async def stop(self) -> None:
        await self._stop_draining()
        await super().stop()

    async def kill(self) -> None:
        await self._stop_draining()
        await super().kill()

    def begin_draining(self) -> None:
        """Run the worker as a daemon does."""
        self.draining = asyncio.create_task(self.drain.run(self.leave))

    async def _stop_draining(self) -> None:
        self.leave.set()
        if self.draining is not None:
            await self.draining
        await self.drain.close()

    async def accept(self, *contents: bytes) -> list[bytes]:
        """What intake does: bytes first, then the entry."""
        name = f"upload-{sha256(b''.join(contents)).hexdigest()[:16]}"
        digests = []
        for number, content in enumerate(contents):
            part = await self.blobs.begin(f"{name}-{number}", len(content))
            for at in range(0, len(content), 1 << 20):
                await part.append(content[at : at + (1 << 20)], at)
            digests.append((await part.complete(None, len(content))).digest)
        await self.announce([(d, len(c)) for d, c in zip(digests, contents, strict=True)])
        return digests

    async def announce(self, blobs: Sequence[tuple[bytes, int]]) -> None:
        """The entry alone."""
        sealed = [SealedBlob(digest=digest, size_bytes=size) for digest, size in blobs]
        await self.journal.append(UploadAccepted(commitment=bytes(32), blobs=sealed))

    async def drained(self) -> bool:
        """Everything announced was queued, and nothing waits any more."""
        if await self.store.followed(self.journal.epoch) < self.journal.head.size:
            return False
        return (await self.store.totals()).count == 0 and not self.drain.sent

    # --- the port `Centre` of transfers ---

    def is_open(self) -> bool:
        return self.state.session is not None and not self.paused

    def stored_size(self, epoch: bytes) -> int:
        head = self.state.stored_head
        return head.size if head is not None and head.epoch == epoch else 0

    def manifest_only(self) -> bool:
        return self.kept_here

    def connect(self) -> grpc.aio.Channel:
        return open_channel(
            f"127.0.0.1:{self.transfer_port}",
            tls.client_credentials(self.identity),
            server_name=tls.CENTRE_SERVER_NAME,
        )
