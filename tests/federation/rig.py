"""A centre and nodes in one process, over real mTLS gRPC, with real database files.

Owns the wiring that the composition roots do in production, for tests of the link alone: the
enrolment behind it is a table of keys. Leaves out every area that only reads journals.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc
import structlog
from google.protobuf.message import Message

from central.branches.ports import Decided, Decisions
from central.fleet.store import FleetStore
from central.ledger.ledger import PREFIX, Ledger
from central.ledger.ports import Projection, Source
from central.ledger.projector import Projector
from central.link.frames import NationalFrames
from central.link.ports import Parts as CentreParts
from central.link.ports import Settings as CentreSettings
from central.link.service import LinkService
from central.link.sessions import Sessions
from central.link.store import LinkStore
from central.link.witnesses import WitnessBook
from central.link.worker import LeaseWorker
from central.national.national import National as NationalJournal
from central.reconciliation.recorder import CentralRuns
from central.reconciliation.store import ReconciliationStore
from central.recovery.assembly import open_recovery
from lpse.federation import kinds
from lpse.federation.checkpoints import Head
from lpse.federation.desired_state import NodeFacts
from lpse.federation.entries import decode_entry
from lpse.federation.errors import NotFound
from lpse.federation.notes import Signer, Verifier
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime import tls
from lpse.runtime.channels import (
    SERVER_OPTIONS,
    ErrorInterceptor,
    Subject,
    open_channel,
    peer_subject,
)
from lpse.runtime.clock import SystemClock, SystemEntropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal
from lpse.storage.received import ReceivedJournals
from regional_node.clock.keeper import ClockKeeper
from regional_node.clock.store import ClockStore
from regional_node.link.ports import BundleHolder
from regional_node.link.ports import Parts as NodeParts
from regional_node.link.ports import Settings as NodeSettings
from regional_node.link.state import LinkState
from regional_node.link.stream import GrpcStream
from regional_node.link.worker import LinkWorker
from regional_node.national.national import National
from regional_node.reconciliation.facts import Moved
from regional_node.reconciliation.runs import Begin, Run, Runs

ROOT = Path(__file__).resolve().parents[2]
CENTRE_MIGRATIONS = ROOT / "central" / "migrations"
NODE_MIGRATIONS = ROOT / "regional_node" / "migrations"
CLOCK = SystemClock()
ENTROPY = SystemEntropy()
LOG = structlog.get_logger()
WAIT_SECONDS = 60.0

M = TypeVar("M", bound=Message)


async def eventually(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Return once `condition` holds; the limit only ends a test that has failed already."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.005)


@dataclass
class Authority:
    """The CA and the keys of everybody."""

    folder: Path
    centre: Signer = field(default_factory=lambda: Signer.from_seed("lkpp", ENTROPY.token(32)))
    nodes: dict[str, Signer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.issuer = tls.make_authority("test", CLOCK.wall(), 1)
        identity = self.folder / "centre-identity"
        identity.mkdir(parents=True)
        key = tls.new_tls_key()
        certificate = tls.issue_server(self.issuer, key.public_key(), CLOCK.wall(), 1)
        self._put(identity, key, certificate)
        self.centre_identity = identity

    def node(self, node_id: str) -> Path:
        """Keys and certificate of a node; the same signing key when asked again."""
        identity = self.folder / f"{node_id}-identity"
        if identity.exists():
            return identity
        identity.mkdir()
        signer = self.nodes[node_id] = Signer.from_seed(node_id, ENTROPY.token(32))
        key = tls.new_tls_key()
        request = tls.read_request(tls.make_request(key))
        validity = (CLOCK.wall(), timedelta(days=1))
        certificate = tls.issue_client(
            self.issuer, request, ("node", node_id), signer.public, validity
        )
        self._put(identity, key, certificate)
        return identity

    def _put(self, folder: Path, key: Any, certificate: Any) -> None:
        tls.write_private(folder / tls.TLS_KEY, tls.private_pem(key))
        tls.write_public(folder / tls.TLS_CERTIFICATE, tls.pem(certificate))
        tls.write_public(folder / tls.CA_CERTIFICATE, tls.pem(self.issuer.certificate))


class Enrolled:
    """The link's port `Admission` and the ledger's port `NodeKeys` over a table of keys."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self.subscribers: list[Callable[[Subject], None]] = []

    def require_node(self, context: Any) -> str:
        return peer_subject(context).name

    def on_revoked(self, subscriber: Callable[[Subject], None]) -> None:
        self.subscribers.append(subscriber)

    async def verifier(self, node_id: str) -> Verifier:
        if node_id not in self._authority.nodes:
            raise NotFound("FED-3030", "no such node")
        return self._authority.nodes[node_id].verifier

    async def signed_by(self, head: Head) -> Verifier:
        verifier = await self.verifier(head.party)
        head.verify(verifier)
        return verifier

    async def count(self) -> int:
        return len(self._authority.nodes)


class Undecided:
    """The port `Decisions` where nobody can decide: every branch waits."""

    async def decided(self, node_id: str, branch: str, since: str) -> Decided | None:
        """Nothing."""
        return None


class Recorder:
    """A projection with a table: what is applied twice breaks its primary key."""

    name = "recorder"

    def __init__(self) -> None:
        self.poison: Callable[[Message], bool] = lambda _: False
        self._database: Database | None = None

    async def open(self, database: Database) -> None:
        """Make the table."""
        self._database = database
        await database.write(
            lambda tx: tx.run(
                "CREATE TABLE IF NOT EXISTS test_seen (node_id TEXT, epoch BLOB, idx INTEGER,"
                " kind TEXT, record BLOB, PRIMARY KEY (node_id, epoch, idx))"
            )
        )

    def apply_in(self, tx: Transaction, source: Source, record: Message) -> None:
        if self.poison(record):
            raise ValueError("poisoned")
        kind = kinds.kind_of(record)
        row = (source.node_id, source.epoch, source.index, kind, record.SerializeToString())
        tx.run("INSERT INTO test_seen VALUES (?, ?, ?, ?, ?)", row)

    async def seen(self, message: type[M]) -> list[M]:
        """Every record of one kind that is projected, in order."""
        assert self._database is not None
        kind = kinds.kind_of(message())
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT record FROM test_seen WHERE kind = ? ORDER BY rowid", (kind,)
            )
        )
        return [message.FromString(data) for (data,) in rows]


class Centre:
    """A running centre; `port` stays the same over restarts of the same object."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.authority = authority
        self.folder = folder
        self.port = 0
        self.recorder = Recorder()
        self.more_projections: list[Projection] = []
        self.lease_seconds = 60
        self.heartbeat_seconds = 20
        self.decisions: Decisions = Undecided()
        self.tells_readings = False
        self.further: list[Callable[[Centre], Callable[[grpc.aio.Server], None]]] = []

    async def start(self) -> None:
        """Open everything and listen."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.database = await Database.open(self.folder / "central.db", CENTRE_MIGRATIONS)
        self.enrolled = Enrolled(self.authority)
        self.journal = Journal(self.database, self.authority.centre, CLOCK, ENTROPY)
        await self.journal.open()
        head_file = self.folder / "national.head"
        self.national = NationalJournal(
            self.database, self.journal, head_file, self.enrolled.count, CLOCK, LOG
        )
        await self.national.open()
        received = ReceivedJournals(self.database, PREFIX)
        await self.recorder.open(self.database)
        self.runs = ReconciliationStore(self.database)
        projections: list[Projection] = [self.recorder, self.runs, *self.more_projections]
        self.projector = Projector(self.database, received, projections, CLOCK, LOG)
        self.ledger = Ledger(self.database, self.projector, self.enrolled, exercise=False)
        await self.ledger.open()
        await self._serve()

    async def _serve(self) -> None:
        store = LinkStore(self.database)
        self.witnesses = WitnessBook(store, CLOCK, LOG)
        self.frames = NationalFrames(self.national)
        self.findings = CentralRuns(
            self.database, self.national, CLOCK, LOG, software_version="test"
        )
        parts = CentreParts(
            ledger=self.ledger,
            national=self.national,
            frames=self.frames,
            fleet=FleetStore(self.database),
            store=store,
            witnesses=self.witnesses,
            keys=self.enrolled,
            signer=self.authority.centre,
            clock=CLOCK,
            entropy=ENTROPY,
            log=LOG,
            settings=CentreSettings("test", False, self.lease_seconds, self.heartbeat_seconds),
            findings=self.findings,
        )
        self.parts = parts
        self.sessions = Sessions(store, CLOCK, self.lease_seconds, LOG)
        self.service = LinkService(parts, self.sessions, self.enrolled)
        self.server = grpc.aio.server(options=SERVER_OPTIONS, interceptors=[ErrorInterceptor(LOG)])
        self.service.register(self.server)
        keys, witness = (self.enrolled, self.enrolled), (self.authority.centre, CLOCK)
        persons = (self.decisions, self.findings if self.tells_readings else None)
        open_recovery(self.database, self.ledger, self.sessions, keys, persons, witness)(
            self.server
        )
        for made in self.further:
            made(self)(self.server)
        credentials = tls.server_credentials(self.authority.centre_identity, clients=True)
        self.port = self.server.add_secure_port(f"127.0.0.1:{self.port}", credentials)
        await self.server.start()
        workers = [
            self.national.run(),
            self.projector.run(),
            self.witnesses.run(),
            self.findings.run(),
            LeaseWorker(self.sessions, CLOCK, self.lease_seconds).run(),
        ]
        self.tasks = [asyncio.create_task(one) for one in workers]

    async def stop(self, grace: float | None = 0) -> None:
        """Stop at once; what was acknowledged stays."""
        await self.server.stop(grace)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.database.close()

    async def found(self) -> list[records.ReconciliationRecorded]:
        """Runs of the centre's own findings, as journalled nationally."""
        entries = await self.journal.entries(0, 10_000)
        return [
            records.ReconciliationRecorded.FromString(decode_entry(one.data).payload)
            for one in entries
            if one.kind == "reconciliation.recorded"
        ]

    def copy_database(self, target: Path) -> None:
        """A copy of the closed database, without the head file."""
        target.mkdir(parents=True, exist_ok=True)
        for path in self.folder.glob("central.db*"):
            shutil.copy(path, target / path.name)

    def stored(self, node_id: str) -> int:
        """Entries of that node's present epoch that are durable here."""
        position = self.ledger.current(node_id)
        return position.tree.size if position else 0


class Figures:
    """The node's ports `ServiceFacts`, `BlobFacts` and `DiskFacts`: fixed figures."""

    def service(self) -> tuple[wire.ServiceState.ValueType, str]:
        return wire.SERVICE_STATE_NORMAL, "3.0"

    def queue_bytes(self) -> int:
        return 0

    def verified_blobs(self) -> int:
        return 0

    def given_up(self) -> bool:
        return False

    def damaged(self) -> int:
        return 0

    async def wanted(self, asked: wire.BlobsWanted) -> None:
        raise AssertionError("nothing is damaged here")


class CountedRuns(Runs):
    """The node's runs, and how many have begun and are not yet written down."""

    going = 0

    async def begin(self, begin: Begin) -> Run:
        """As it is; counted before anything is awaited."""
        self.going += 1
        try:
            return await super().begin(begin)
        except BaseException:
            self.going -= 1
            raise

    async def finish(self, run: Run, moved: Moved, *, cause: str = "") -> None:
        """As it is; counted until the record is journalled."""
        try:
            await super().finish(run, moved, cause=cause)
        finally:
            self.going -= 1


class Node:
    """A running node; its road may lead over a proxy."""

    def __init__(self, authority: Authority, folder: Path, node_id: str, port: int) -> None:
        self.authority = authority
        self.folder = folder
        self.node_id = node_id
        self.port = port
        self.identity = authority.node(node_id)
        self.restored = False
        self.bundles: BundleHolder | None = None

    async def start(self) -> None:
        """Open everything and begin to connect."""
        self.folder.mkdir(parents=True, exist_ok=True)
        signer = self.authority.nodes[self.node_id]
        self.database = await Database.open(self.folder / "node.db", NODE_MIGRATIONS)
        self.journal = Journal(self.database, signer, CLOCK, ENTROPY)
        self.state = LinkState(self.database, self.journal)
        await self.state.open()
        await self.journal.open(restored=self.restored, stored=self.state.stored_head)
        me = NodeFacts(self.node_id, "ID-JI", "Asia/Jakarta")
        self.national = National(self.database, self.journal, self.authority.centre.verifier, me)
        await self.national.open()
        self.runs = CountedRuns(self.database, self.journal, CLOCK, LOG, software_version="test")
        await self.runs.open()
        self.keeper = ClockKeeper(ClockStore(self.database, self.journal), CLOCK, LOG)
        await self.keeper.open()
        parts = NodeParts(
            journal=self.journal,
            national=self.national,
            runs=self.runs,
            state=self.state,
            service=Figures(),
            blobs=Figures(),
            disk=Figures(),
            free_bytes=lambda: 1 << 30,
            signer=signer,
            clock=CLOCK,
            entropy=ENTROPY,
            log=LOG,
            settings=NodeSettings("loopback", "test", False, ENTROPY.token(16)),
            measuring=self.keeper,
            bundles=self.bundles,
        )
        self.parts = parts
        self.worker = LinkWorker(parts, self._connect, first_seconds=0.02, max_seconds=0.2)
        self.task = asyncio.create_task(self.worker.run())

    async def stop(self) -> None:
        """Leave in order."""
        await self.worker.stop()
        async with asyncio.timeout(WAIT_SECONDS):
            await self.task
        await self.database.close()

    async def kill(self) -> None:
        """Leave without a word, as far as one process can."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.database.close()

    def _connect(self) -> GrpcStream:
        credentials = tls.client_credentials(self.identity)
        return GrpcStream(
            lambda: open_channel(
                f"127.0.0.1:{self.port}", credentials, server_name=tls.CENTRE_SERVER_NAME
            )
        )

    def settled(self) -> bool:
        """Present, and nothing is outstanding; it stays so until somebody does something.

        The record of a run makes the node ahead once more, and the centre projects after it stored.
        """
        applied = self.state.row.applied_size == self.journal.head.size
        return self.holds_nothing_back() and self.runs.going == 0 and applied

    def holds_nothing_back(self) -> bool:
        """Present, and the centre holds what is written; the record of the run may yet come."""
        return self.state.session is not None and self.state.queue_entries == 0


@asynccontextmanager
async def running(*parties: Centre | Node) -> AsyncIterator[None]:
    """Start in the given order and stop in the other one."""
    started: list[Centre | Node] = []
    try:
        for party in parties:
            await party.start()
            started.append(party)
        yield
    finally:
        for party in reversed(started):
            with suppress(ValueError):
                await party.stop()
