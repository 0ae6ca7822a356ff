"""A centre with releases and rollouts, persons and plans: real listeners, real files, no nodes.

Owns the wiring that the composition root does in production; what nodes would report is fed to the
projection as the ledger does. Leaves out every assertion.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import grpc

from central.blobs.receiving import Receiving
from central.blobs.store import BlobRows
from central.enrolment import genesis
from central.enrolment.admission import Admission
from central.enrolment.certificates import Issuer
from central.enrolment.service import EnrolmentService
from central.enrolment.store import EnrolmentStore
from central.fleet.store import FleetStore, NodeFactsRow
from central.ledger.ports import Source
from central.operators.store import OperatorStore
from central.plans.service import PlansService
from central.plans.store import PlanStore
from central.releases.service import ReleasesService
from central.releases.store import ReleaseStore
from central.rollouts.planning import RolloutApplier
from central.rollouts.reported import ReportedVersions
from central.rollouts.service import Parts, RolloutsService
from central.rollouts.store import RolloutStore
from central.rollouts.view import Viewer
from central.rollouts.worker import RolloutWorker
from lpse.federation.notes import Signer
from lpse.federation.v1 import enrolment_pb2_grpc
from lpse.federation.v1 import records_pb2 as records
from lpse.operator.v1 import plans_pb2_grpc, releases_pb2_grpc, rollouts_pb2_grpc
from lpse.runtime import channels, logs, tls
from lpse.runtime.clock import SystemClock, SystemEntropy
from lpse.runtime.sqlite import Database
from lpse.storage.blobs import BlobStore
from lpse.storage.journal import Journal
from tests.central.operators.centre import ROLE, Centre, Deed, lkppctl

__all__ = ["Office", "lkppctl", "running"]


class Outlook:
    """The port `ScheduleOutlook`: ends that a test sets."""

    def __init__(self) -> None:
        self.ends: dict[str, datetime | None] = {}

    async def next_ends(self, node_ids: Any, now: datetime) -> dict[str, datetime | None]:
        return {node: end for node, end in self.ends.items() if node in node_ids}


class Office(Centre):
    """The persons' centre, with everything of releases and rollouts at hand."""

    database: Database
    nodes: set[str]
    outlook: Outlook
    blobs: BlobStore
    releases: ReleaseStore
    rollouts: RolloutStore
    viewer: Viewer
    worker: RolloutWorker
    fleet: FleetStore
    steps = 0

    def now(self) -> datetime:
        """Wall time."""
        return SystemClock().wall()

    async def enter(self, home: Path, *names: str) -> None:
        """Contexts of persons on one machine; the first one is in use."""
        for name in names:
            ran = await lkppctl(
                home,
                *("context", "create", name, "--enrolment", self.enrolment, "--code", "-"),
                stdin=self.invitations[name],
            )
            assert ran.status == 0, ran.err

    async def step(self, node: str, state: str, **fields: Any) -> None:
        """A node's step, projected as the ledger does."""
        self.steps += 1
        step = records.UpgradeStepped(
            rollout=fields.pop("rollout", "rollouts/spse-3.6"),
            from_version="3.0",
            to_version="3.6",
            state=records.UpgradeState.Value(f"UPGRADE_STATE_{state}"),
        )
        if hold := fields.pop("hold", ""):
            step.hold_reason = records.HoldReason.Value(f"HOLD_REASON_{hold}")
        if until := fields.pop("until", None):
            step.hold_until_time.FromDatetime(until)
        if state == "APPLIED":
            step.reported_version = fields.pop("reported", "3.6")
        source = Source(node, b"e" * 16, self.steps, self.now(), bytes(16))
        await self.database.write(lambda tx: self.rollouts.apply_in(tx, source, step))

    async def report_version(self, node: str, version: str) -> None:
        """What the node's service says in a heartbeat."""
        now = self.now()
        row = NodeFactsRow(
            node, b"", "test", 1, version, 0, 0, 0, 0, 0.0, 0, False, None, now, now
        )  # fmt: skip
        await self.fleet.record(row)

    async def progress(self, name: str = "rollouts/spse-3.6", hours: float = 0) -> dict[str, str]:
        """How every node counts, now or some hours later."""
        view = await self.viewer.view(name, self.now() + timedelta(hours=hours))
        return {
            one.node.node_id: one.standing.progress.value for wave in view.waves for one in wave
        }


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Office]:
    """Serve until the block ends; a second time over the same folder it goes on."""
    clock, entropy, data = SystemClock(), SystemEntropy(), folder / "centre"
    made: Any = ()
    if not data.exists():
        made = await genesis.initialise(genesis.Founding(data, tuple(ROLE.items())), clock, entropy)
    identity = data / genesis.IDENTITY
    database = await Database.open(data / genesis.DATABASE, genesis.MIGRATIONS)
    signer = Signer("lkpp", tls.load_signing_key(identity / tls.SIGNING_KEY))
    journal = Journal(database, signer, clock, entropy)
    await journal.open()
    operators = OperatorStore(database, journal.append_in)
    plans = PlanStore(database, operators)
    invitations = {i.code.subject: i.text for i in made}
    office = Office(folder, operators, plans, Deed(journal), journal, invitations)
    office.database, office.nodes, office.outlook = database, set(), Outlook()
    servers = await _listen(office, identity)
    try:
        yield office
    finally:
        for server in servers:
            await server.stop(0)
        await database.close()


async def _listen(office: Office, identity: Path) -> list[grpc.aio.Server]:
    clock, log = SystemClock(), logs.configure(stream=StringIO(), json=True)
    enrolments = EnrolmentStore(office.database, office.journal.append_in, office.operators)
    admission = Admission(enrolments, office.operators, log)
    await admission.open()
    servers = []
    for clients in (True, False):
        server = grpc.aio.server(
            interceptors=[channels.ErrorInterceptor(log)], options=channels.SERVER_OPTIONS
        )
        credentials = tls.server_credentials(identity, clients=clients)
        port = server.add_secure_port("127.0.0.1:0", credentials)
        setattr(office, "endpoint" if clients else "enrolment", f"127.0.0.1:{port}")
        servers.append(server)
    facts = genesis.centre_facts(identity, ("-", office.endpoint, office.enrolment), 3_600)
    issuer = Issuer(tls.load_authority(identity))
    registry = (enrolments, office.operators)
    service = EnrolmentService(registry, admission, issuer, facts, clock, log)
    enrolment_pb2_grpc.add_EnrolmentServicer_to_server(service, servers[1])
    plans = PlansService(office.plans, admission, clock)
    plans_pb2_grpc.add_PlansServicer_to_server(plans, servers[0])
    await _add_areas(office, admission, servers[0], log)
    for server in servers:
        await server.start()
    return servers


async def _add_areas(office: Office, admission: Any, server: Any, log: Any) -> None:
    clock = SystemClock()
    office.blobs = BlobStore(office.folder / "blobs")
    receiving = Receiving(office.blobs, BlobRows(office.database), clock)
    await receiving.open()
    office.releases = ReleaseStore(office.database, office.journal.append_in)
    office.rollouts = RolloutStore(office.database, office.journal, clock)
    office.fleet = FleetStore(office.database)
    versions = ReportedVersions(office.fleet)
    has_access = lambda node: node in office.nodes  # noqa: E731 - a port that is one function
    office.viewer = Viewer(office.rollouts, versions, has_access)
    office.worker = RolloutWorker(office.rollouts, office.viewer, clock, log)
    applier = RolloutApplier(office.rollouts, office.releases, has_access, clock)
    office.plans.register(applier)
    releases = ReleasesService(office.releases, receiving, admission, log)
    parts = Parts(
        store=office.rollouts,
        applier=applier,
        viewer=office.viewer,
        plans=office.plans,
        releases=office.releases,
        versions=versions,
        outlook=office.outlook,
    )
    rollouts = RolloutsService(parts, admission, clock)
    releases_pb2_grpc.add_ReleasesServicer_to_server(releases, server)
    rollouts_pb2_grpc.add_RolloutsServicer_to_server(rollouts, server)
