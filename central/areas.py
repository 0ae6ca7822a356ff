"""The areas of the centre, wired: which projections, plans, workers and services they bring.

Owns the second half of the composition root: everything that reads the regional journals or writes
the national one. Rules: an area is given what it needs and knows no other; projections exist before
the ledger that feeds them, services after it. Leaves out the link, identity and storage (`app`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
from structlog.typing import FilteringBoundLogger

from central.audit.store import AuditProjection
from central.blobs.receiving import Receiving
from central.blobs.service import TransferService
from central.blobs.store import BlobRows
from central.blobs.worker import SweepWorker
from central.branches.decisions import check_histories_in
from central.calendars.service import CalendarsService
from central.calendars.store import CalendarStore
from central.enrolment.admission import Admission
from central.exercise.service import ExerciseService
from central.fleet.desired import DesiredVersions
from central.fleet.service import FleetService, Statuses
from central.fleet.store import FleetStore
from central.ledger.ledger import Ledger
from central.ledger.ports import Projection
from central.link.enrolled import EnrolledDirectory
from central.link.sessions import Sessions
from central.national.national import National
from central.outages.outlook import PackagesOutlook
from central.outages.packages_store import PackagesProjection
from central.outages.service import OutagesService
from central.outages.store import OutageStore
from central.plans.store import PlanStore
from central.reconciliation.service import LogParts, open_log
from central.reconciliation.store import ReconciliationStore
from central.reconciliation.wiring import Deciding, open_deciding
from central.releases.lost import LostBundles, Neighbours
from central.releases.service import ReleasesService
from central.releases.store import ReleaseStore
from central.rollouts.planning import RolloutApplier
from central.rollouts.reported import ReportedVersions
from central.rollouts.service import Parts, RolloutsService
from central.rollouts.store import RolloutStore
from central.rollouts.view import Viewer
from central.rollouts.worker import RolloutWorker
from central.scrub.store import CentralScrubStore
from central.uploads.announcements import LedgerAnnouncements
from central.uploads.parked_store import ParkedStore
from central.uploads.service import TransfersService
from central.uploads.store import UploadsStore
from lpse.federation.notes import Signer
from lpse.federation.v1 import transfer_pb2_grpc
from lpse.operator.v1 import (
    calendars_pb2_grpc,
    exercise_pb2_grpc,
    fleet_pb2_grpc,
    outages_pb2_grpc,
    reconciliations_pb2_grpc,
    releases_pb2_grpc,
    rollouts_pb2_grpc,
    transfers_pb2_grpc,
)
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database
from lpse.storage.blobs import BlobStore
from lpse.storage.journal import Journal
from lpse.terminal.daemon import Work

Register = Callable[[grpc.aio.Server], None]


@dataclass(frozen=True, slots=True)
class Base:
    """What every area may use."""

    database: Database
    blobs: BlobStore
    clock: Clock
    log: FilteringBoundLogger
    journal: Journal
    signer: Signer
    national: National
    plans: PlanStore
    admission: Admission
    directory: EnrolledDirectory


@dataclass
class Areas:
    """The stores of the areas, and what they bring once they are served."""

    base: Base
    fleet: FleetStore
    uploads: UploadsStore
    runs: ReconciliationStore
    releases: ReleaseStore
    rollouts: RolloutStore
    packages: PackagesProjection
    outages: OutageStore
    deciding: Deciding
    lost: LostBundles | None = None  # made with the services
    for_nodes: list[Register] = field(default_factory=list)
    for_operators: list[Register] = field(default_factory=list)
    workers: dict[str, Work] = field(default_factory=dict)

    def has_access(self, node_id: str) -> bool:
        """Whether the node may connect now."""
        return self.base.admission.node(node_id) is not None

    @property
    def projections(self) -> list[Projection]:
        """Every read model that follows regional journals."""
        return [self.uploads, self.runs, self.rollouts, self.packages, AuditProjection()]


def open_areas(base: Base) -> Areas:
    """Make the stores, and register what may be planned."""
    database, national = base.database, base.national
    packages = PackagesProjection()
    outages = OutageStore(
        database, national, lambda _: base.admission.nodes(), packages, base.clock
    )
    for applier in outages.appliers():
        base.plans.register(applier)
    return Areas(
        base,
        fleet=FleetStore(database),
        uploads=UploadsStore(database),
        runs=ReconciliationStore(database),
        releases=ReleaseStore(database, national.append_in),
        rollouts=RolloutStore(database, national, base.clock),
        packages=packages,
        outages=outages,
        deciding=open_deciding(
            database, national, base.plans, base.clock, base.log, check_histories_in
        ),
    )


async def serve_areas(areas: Areas, ledger: Ledger, sessions: Sessions) -> None:
    """Add the services and workers; recovers what a crash left of transfers."""
    base = areas.base
    receiving = Receiving(base.blobs, BlobRows(base.database), base.clock)
    await receiving.open()
    announcements = LedgerAnnouncements(areas.uploads, ledger)
    parked = ParkedStore(base.database)
    areas.lost = _lost_bundles(areas, sessions)
    areas.workers["lost_bundles"] = areas.lost.run
    transfer = TransferService(
        receiving, base.admission, announcements, areas.lost, parked, base.log
    )
    areas.workers["transfers"] = SweepWorker(receiving, base.log).run
    areas.for_nodes.append(
        lambda server: transfer_pb2_grpc.add_TransferServicer_to_server(transfer, server)
    )
    statuses = Statuses(
        base.directory, sessions, ledger, areas.fleet, DesiredVersions(base.journal), base.national
    )
    fleet = FleetService(statuses, base.national, base.admission, base.clock)
    parts = LogParts(base.database, base.journal, base.signer, base.clock)
    runs, national_runs = open_log(parts, areas.runs, ledger, base.admission)
    areas.workers["national_runs"] = national_runs.run
    releases = ReleasesService(areas.releases, receiving, base.admission, base.log)
    transfers = TransfersService(parked, base.admission, base.clock)
    exercise = ExerciseService(base.admission, base.clock)
    areas.for_operators += [
        lambda server: fleet_pb2_grpc.add_FleetServicer_to_server(fleet, server),
        lambda server: reconciliations_pb2_grpc.add_ReconciliationsServicer_to_server(runs, server),
        lambda server: releases_pb2_grpc.add_ReleasesServicer_to_server(releases, server),
        lambda server: transfers_pb2_grpc.add_TransfersServicer_to_server(transfers, server),
        lambda server: exercise_pb2_grpc.add_ExerciseServicer_to_server(exercise, server),
    ]
    areas.for_operators.append(areas.deciding.serve(base.plans, receiving, base.admission))
    areas.workers["findings"] = areas.deciding.runs.run
    areas.workers["findings.closing"] = areas.deciding.runs.run_closing
    _serve_rollouts(areas)
    _serve_outages(areas)


def _lost_bundles(areas: Areas, sessions: Sessions) -> LostBundles:
    base = areas.base
    return LostBundles(
        Neighbours(
            database=base.database,
            releases=areas.releases,
            blobs=base.blobs,
            scrub=CentralScrubStore(base.database),
            nodes=sessions,
            versions=ReportedVersions(areas.fleet).versions,
            runs=areas.deciding.runs,
            clock=base.clock,
            log=base.log,
        )
    )


def _serve_rollouts(areas: Areas) -> None:
    base, store = areas.base, areas.rollouts
    versions = ReportedVersions(areas.fleet)
    viewer = Viewer(store, versions, areas.has_access)
    applier = RolloutApplier(store, areas.releases, areas.has_access, base.clock)
    base.plans.register(applier)
    parts = Parts(
        store=store,
        applier=applier,
        viewer=viewer,
        plans=base.plans,
        releases=areas.releases,
        versions=versions,
        outlook=PackagesOutlook(base.database, areas.packages),
    )
    service = RolloutsService(parts, base.admission, base.clock)
    areas.for_operators.append(
        lambda server: rollouts_pb2_grpc.add_RolloutsServicer_to_server(service, server)
    )
    areas.workers["rollouts"] = RolloutWorker(store, viewer, base.clock, base.log).run


def _serve_outages(areas: Areas) -> None:
    base = areas.base
    outages = OutagesService(areas.outages, base.plans, base.admission, base.clock)
    calendars = CalendarsService(
        CalendarStore(base.database, base.national.append_in), base.admission, base.clock
    )
    areas.for_operators += [
        lambda server: outages_pb2_grpc.add_OutagesServicer_to_server(outages, server),
        lambda server: calendars_pb2_grpc.add_CalendarsServicer_to_server(calendars, server),
    ]
