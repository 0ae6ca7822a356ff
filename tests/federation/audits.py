"""A centre and a node that audit each other over mTLS, with rows and entries of a small office.

Owns the wiring of the audit around the rig of the link, and a day's records written as the areas
write them: row and entry in one transaction. Leaves out the areas themselves.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import grpc

from central.audit.mending import Mending
from central.audit.store import AuditProjection
from central.audit.wiring import AuditBase, open_audit
from central.outages.packages_store import PackagesProjection
from central.rollouts.store import RolloutStore
from central.uploads.store import UploadsStore
from lpse.federation.checkpoints import Head
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime import tls
from lpse.runtime.channels import SERVER_OPTIONS, ErrorInterceptor, open_channel
from lpse.runtime.sqlite import Transaction
from lpse.storage.verify_pass import Pace
from regional_node.audit.comparing import Comparing
from regional_node.audit.healing import Healing, Rebuilding
from regional_node.audit.proofs import CentreProofs
from regional_node.audit.store import AuditStore
from regional_node.audit.worker import AuditWorker
from regional_node.reconciliation.decided import DecidedRuns
from tests.federation.rig import (
    CLOCK,
    ENTROPY,
    LOG,
    Authority,
    Centre,
    Node,
    eventually,
    running,
)

NODE = "lpse-pacitan"
MORNING = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


class Written:
    """The centre's findings, as they would be journalled."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, list[records.ReconciliationEntry]]] = []

    async def record(
        self, node_id: str, _trigger: object, entries: Sequence[records.ReconciliationEntry]
    ) -> None:
        self.runs.append((node_id, list(entries)))


class AuditedCentre(Centre):
    """The rig's centre with the read models of uploads, packages and outages, and the audit."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        super().__init__(authority, folder)
        self.audit_port = 0
        self.written = Written()

    async def start(self) -> None:
        """Open everything, then serve the audit beside the link."""
        self.packages = PackagesProjection()
        uploads = UploadsStore(None)  # type: ignore[arg-type] # a projection works in transactions
        self.more_projections = [uploads, self.packages, AuditProjection()]
        await super().start()
        rollouts = RolloutStore(self.database, self.national, CLOCK)
        base = AuditBase(
            self.database,
            self.journal,
            self.ledger,
            Mending(self.packages, rollouts),
            self.enrolled,
            CLOCK,
            ENTROPY,
            LOG,
            self.written,
            self._check,
            Pace(1e9, timedelta(hours=24)),
        )
        self.audit = open_audit(base)
        await self.audit.backlog.run()
        self.audit_server = grpc.aio.server(
            options=SERVER_OPTIONS, interceptors=[ErrorInterceptor(LOG)]
        )
        self.audit.register(self.audit_server)
        credentials = tls.server_credentials(self.authority.centre_identity, clients=True)
        address = f"127.0.0.1:{self.audit_port}"
        self.audit_port = self.audit_server.add_secure_port(address, credentials)
        await self.audit_server.start()

    async def _check(self, head: Head) -> None:
        head.verify(self.authority.nodes[head.party].verifier)

    async def stop(self, grace: float | None = 0) -> None:
        """The audit first."""
        await self.audit_server.stop(0)
        await super().stop(grace)


def audit_worker(
    node: Node, centre: AuditedCentre, rebuilding: Rebuilding | None = None
) -> AuditWorker:
    """The node's audit, as its composition root makes it."""
    credentials = tls.client_credentials(node.identity)

    def connect() -> grpc.aio.Channel:
        address = f"127.0.0.1:{centre.audit_port}"
        return open_channel(address, credentials, server_name=tls.CENTRE_SERVER_NAME)

    def stored() -> Head | None:
        return node.state.stored_head

    heads = (stored, lambda: node.national.head)
    runs = DecidedRuns(node.database, node.journal, CLOCK, heads, software_version="test")
    healing = Healing(node.database, node.journal, rebuilding, CLOCK)
    return AuditWorker(
        AuditStore(node.database, runs),
        (
            Comparing(node.database, node.journal, healing, CLOCK),
            CentreProofs(node.journal, node.national, stored, ENTROPY),
        ),
        (connect, lambda: node.state.session is not None),
        (CLOCK, ENTROPY, timedelta(hours=24)),
        LOG,
    )


@asynccontextmanager
async def audited(
    folder: Path, uploads: int
) -> AsyncIterator[tuple[AuditedCentre, Node, AuditWorker]]:
    """A running pair; the node has so many uploads, three packages, two outages, all projected."""
    authority = Authority(folder)
    centre = AuditedCentre(authority, folder / "centre")
    async with running(centre):
        node = Node(authority, folder / "node", NODE, centre.port)
        async with running(node):
            await work_a_day(node, uploads)
            await eventually(lambda: projected(centre, node))
            await eventually(node.settled)
            yield centre, node, audit_worker(node, centre)


async def projected(centre: Centre, node: Node) -> bool:
    """Whether the centre has projected everything that the node wrote."""
    head = node.journal.head
    applied = await centre.ledger.applied(node.node_id, head.epoch)
    return applied.size == head.size


async def work_a_day(node: Node, uploads: int) -> None:
    """Rows and entries of a day, each pair in one transaction."""

    def write(tx: Transaction) -> None:
        for one in range(3):
            schedule_in(node, tx, one)
        for one in range(uploads):
            accept_in(node, tx, one)
        for one in range(2):
            measure_in(node, tx, one + 1)

    await node.database.write(write)


def commitment_of(number: int) -> bytes:
    """The commitment of one of the day's uploads."""
    return sha256(b"commitment %d" % number).digest()


def digest_of(number: int) -> bytes:
    """The digest of its one file."""
    return sha256(b"file %d" % number).digest()


def accept_in(node: Node, tx: Transaction, number: int) -> None:
    """One accepted submission."""
    record = records.UploadAccepted(commitment=commitment_of(number))
    record.blobs.add(digest=digest_of(number), size_bytes=1_000 + number)
    moment = MORNING + timedelta(seconds=number)
    record.accept_time.FromDatetime(moment)
    index = node.journal.append_in(tx, record)
    micros = int(moment.timestamp()) * 1_000_000
    tx.run(
        "INSERT INTO intake_submissions (intake_key, package, commitment, salt, details,"
        " accept_time, clock_error, zone, receipt, verdict, deadline_time, schedule_revision,"
        " journal_epoch, journal_index) VALUES (?, 'p', ?, x'00', x'00', ?, 0, 'Asia/Jakarta',"
        " x'00', 1, 0, 1, ?, ?)",
        (f"key-{number}", record.commitment, micros, node.journal.epoch, index),
    )
    tx.run(
        "INSERT INTO transfer_blobs (digest, size_bytes, store_time, epoch, idx, shuffle, state)"
        " VALUES (?, ?, 0, ?, ?, 0, 'WAITING')",
        (digest_of(number), 1_000 + number, node.journal.epoch, index),
    )


def schedule_in(node: Node, tx: Transaction, number: int) -> None:
    """One package with two stages."""
    stages = [
        ("Upload Dokumen Penawaran", MORNING, MORNING + timedelta(days=7)),
        ("Pembukaan Dokumen Penawaran", MORNING + timedelta(days=7), MORNING + timedelta(days=8)),
    ]
    record = records.PackageScheduled(package=f"{number}01", revision=1, zone="Asia/Jakarta")
    for name, start, end in stages:
        stage = record.stages.add(stage=name)
        stage.start_time.FromDatetime(start)
        stage.end_time.FromDatetime(end)
    node.journal.append_in(tx, record)
    kept = [
        [name, int(start.timestamp()) * 1_000_000, int(end.timestamp()) * 1_000_000]
        for name, start, end in stages
    ]
    tx.run(
        "INSERT INTO schedule_packages (package, title, zone, rule_set, rule_document, revision,"
        " base_revision, stages, settled, accounted, import_digest, version)"
        " VALUES (?, '', 'Asia/Jakarta', '', '', 1, 1, ?, '[]', '[]', x'00', 1)",
        (record.package, json.dumps(kept)),
    )


def measure_in(node: Node, tx: Transaction, number: int) -> None:
    """One measured outage that has ended."""
    start, end = MORNING, MORNING + timedelta(hours=number)
    record = records.OutageMeasured(outage=f"measured/{number}")
    record.kind = records.MEASURED_KIND_SERVICE
    record.start_time.FromDatetime(start)
    record.end_time.FromDatetime(end)
    node.journal.append_in(tx, record)
    tx.run(
        "INSERT INTO outage_measured (number, kind, start_time, end_time, probes_failed, evidence,"
        " during_upgrade) VALUES (?, 1, ?, ?, 1, '', 0)",
        (number, int(start.timestamp()) * 1_000_000, int(end.timestamp()) * 1_000_000),
    )
