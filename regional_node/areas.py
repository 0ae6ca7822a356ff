"""The areas of a node, wired: intake, schedule, outages, upgrades, transfer, officers.

Owns the second half of the composition root: which services the local API offers and which workers
run. Rule: an area is given what it needs through its own ports and knows no other. Leaves out the
link, identity and storage (`app`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

import grpc

from lpse.federation.errors import FederationError
from lpse.federation.limits import BLOB_RESERVE_BYTES_MIN
from lpse.intake.v1 import (
    compensations_pb2_grpc,
    officers_pb2_grpc,
    outages_pb2_grpc,
    packages_pb2_grpc,
    submissions_pb2_grpc,
    transfers_pb2_grpc,
)
from lpse.runtime.sqlite import Transaction
from lpse.storage.scrub import Scrub
from lpse.terminal.daemon import Work
from regional_node.clock.worker import ClockWorker
from regional_node.config import NodeSettings
from regional_node.front import Counter, Front
from regional_node.intake.needs_store import SubmissionNeeds
from regional_node.intake.office import Office
from regional_node.intake.opening import Openings
from regional_node.intake.opening_store import OpeningStore, opening_in
from regional_node.intake.sealing import Sealing
from regional_node.intake.service import SubmissionsService
from regional_node.intake.store import IntakeStore
from regional_node.intake.submissions import Intake
from regional_node.intake.worker import JudgingWorker
from regional_node.machine import Machine
from regional_node.officers.service import OfficersService
from regional_node.officers.store import Officers
from regional_node.outages.ports import FactProbe
from regional_node.outages.probes import LinkProbe, ServiceProbe
from regional_node.outages.rules import Kind
from regional_node.outages.service import OutagesService
from regional_node.outages.store import OutageStore
from regional_node.outages.worker import DirectiveWorker, OutageWorker
from regional_node.reconciliation.attachments import Attachments
from regional_node.reconciliation.attachments_store import AttachmentStore
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.reconciliation.wiring import open_resolving
from regional_node.recovery.restoring.assembly import open_restoring
from regional_node.recovery.restoring.table import Restorers
from regional_node.recovery.store import RecoveryStore
from regional_node.schedule.deadlines import EffectiveDeadlines
from regional_node.schedule.effective import EffectiveSchedule
from regional_node.schedule.proposal_store import ProposalStore
from regional_node.schedule.service import CompensationsService, PackagesService
from regional_node.schedule.store import ScheduleStore
from regional_node.schedule.worker import ScheduleWorker
from regional_node.scrub.fetching import Fetching
from regional_node.scrub.healing import Healing
from regional_node.scrub.store import NodeScrubStore
from regional_node.scrub.upkeep import Upkeep
from regional_node.transfer.assembly import Neighbours, Transfers
from regional_node.transfer.fetching import BundleFetcher
from regional_node.transfer.ports import Suspect
from regional_node.transfer.windows import Plan
from regional_node.transfer.worker import DrainWorker
from regional_node.tus.worker import ExpiryWorker
from regional_node.upgrades.store import UpgradeStore
from regional_node.upgrades.watch import ServiceWatch
from regional_node.upgrades.worker import UpgradeSettings, UpgradeWorker
from regional_node.witness.bundles import GivingBundles
from regional_node.witness.wiring import BUNDLES, open_bundles

Register = Callable[[grpc.aio.Server], None]
_UPGRADE_STEP_SECONDS = 1.0


@dataclass
class Areas:
    """What the areas bring."""

    watch: ServiceWatch
    drain: DrainWorker
    upkeep: Upkeep
    bundles: GivingBundles
    front: Front | None = None  # the port for vendors; made with intake
    restorers: Restorers | None = None  # own entries that come back
    services: list[Register] = field(default_factory=list)
    service_names: list[str] = field(default_factory=list)
    workers: dict[str, Work] = field(default_factory=dict)
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def close(self) -> None:
        """Let go of what is held open."""
        for closer in self.closers:
            await closer()


class _Centre:
    """The other side as transfers know it: the link's state, the fold, a channel."""

    def __init__(self, machine: Machine, connect: Callable[[], grpc.aio.Channel]) -> None:
        self._machine = machine
        self.connect = connect

    def is_open(self) -> bool:
        session = self._machine.link.session
        return session is not None and not session.quarantine_code

    def stored_size(self, epoch: bytes) -> int:
        link = self._machine.link
        return link.stored_size if epoch == self._machine.journal.epoch else 0

    def manifest_only(self) -> bool:
        return self._machine.national.state.policy.manifest_only


async def open_areas(machine: Machine, connect: Callable[[], grpc.aio.Channel]) -> Areas:
    """Make every area over its own tables, and recover what a crash left."""
    database, journal, clock = machine.database, machine.journal, machine.clock
    officers = Officers(database, journal.append_in, clock, party=machine.me.node_id)
    outages = OutageStore(database, journal, ZoneInfo(machine.me.zone))
    packages = ScheduleStore(database, journal, _is_opened)
    proposals = ProposalStore(database, journal, packages, outages.known_in, _is_opened)
    effective = EffectiveSchedule(database, packages, proposals, lambda: _hold_after(machine))
    centre = _Centre(machine, connect)
    deadlines = EffectiveDeadlines(database, packages, effective)

    async def suspect(digest: bytes) -> None:
        await upkeep.suspect(digest)  # made below, for it wakes the transfers

    transfers = _transfers(machine, centre, deadlines, suspect)
    drain = transfers.drain
    upgrades = _upgrades(
        machine,
        effective,
        BundleFetcher(
            machine.settings.data / BUNDLES,
            centre,
            transfers.road,
            reserve_bytes=BLOB_RESERVE_BYTES_MIN,
        ),
    )
    watch = ServiceWatch(upgrades)
    upkeep = _upkeep(machine, centre, drain)
    bundles = open_bundles(machine, centre, transfers.road)
    areas = Areas(watch, drain, upkeep, bundles)
    areas.workers |= {
        "newest": machine.newest.follow,
        "watch": lambda: watch.run(clock),
        "upgrades": lambda: _run_upgrades(machine, upgrades),
        "transfer": lambda: drain.run(asyncio.Event()),
        "parked": transfers.reporter.run,
        "bundles": bundles.run,
        "ballast": machine.care.watch(),
        **upkeep.workers,
    }
    areas.closers.append(drain.close)
    _follow_outages(areas, machine, outages, packages, proposals)
    await _open_intake(areas, machine, effective, officers, transfers)
    _serve_schedule(areas, machine, outages, (packages, proposals, effective), officers)
    return areas


def _transfers(
    machine: Machine, centre: _Centre, deadlines: EffectiveDeadlines, suspect: Suspect
) -> Transfers:
    neighbours = Neighbours(
        database=machine.database,
        blobs=machine.blobs,
        journal=machine.journal,
        centre=centre,
        needs=SubmissionNeeds(machine.database),
        deadlines=deadlines,
        clock=machine.clock,
        entropy=machine.entropy,
        suspect=suspect,
    )
    return Transfers(neighbours, road_plan(machine.settings), ZoneInfo(machine.me.zone))


def road_plan(settings: NodeSettings) -> Plan:
    """The limits of the link, as transfers reckon with them."""
    windows = tuple(one.window() for one in settings.link.windows)
    return Plan(windows, settings.link.kbit_per_second, settings.link.control_kbit_per_second)


def _upkeep(machine: Machine, centre: _Centre, drain: DrainWorker) -> Upkeep:
    """Passes over stored bytes, and the ways to good copies."""
    runs = DecidedRuns(
        machine.database,
        machine.journal,
        machine.clock,
        (lambda: machine.link.stored_head, lambda: machine.national.head),
        software_version=version("lpse-federation"),
    )
    store = NodeScrubStore(machine.database, runs)
    settings, blobs = machine.settings, machine.blobs
    scrub = Scrub(
        store,
        blobs,
        machine.clock,
        machine.log,
        bytes_per_second=settings.scrub.megabytes_per_second * 1e6,
        every=timedelta(days=settings.scrub.every_days),
    )
    other = (centre.is_open, drain.wake)
    fetching = Fetching(blobs, centre.connect)
    healing = Healing(store, blobs, fetching, other, machine.clock, machine.log)
    return Upkeep(machine.care.ballast, store, scrub, healing)


def _is_opened(tx: Transaction, package: str) -> bool:
    return opening_in(tx, package) is not None


def _hold_after(machine: Machine) -> timedelta:
    return timedelta(seconds=machine.national.state.policy.stage_hold_after_seconds)


def _upgrades(machine: Machine, guard: EffectiveSchedule, fetcher: BundleFetcher) -> UpgradeWorker:
    settings = machine.settings
    return UpgradeWorker(
        UpgradeSettings(
            root=settings.data / "upgrades",
            service_port=settings.service.port,
            expected_seconds=settings.upgrades.expected_seconds,
            soak_seconds=settings.upgrades.soak_seconds,
            host=machine.host,
        ),
        UpgradeStore(machine.database, machine.journal),
        lambda: machine.national.state.release,
        guard,
        fetcher,
        machine.clock,
    )


async def _run_upgrades(machine: Machine, upgrades: UpgradeWorker) -> None:
    first = machine.settings.upgrades.first_bundle
    if first is not None:
        try:
            await upgrades.install_first(first)
        except (FederationError, OSError) as error:
            code = error.code if isinstance(error, FederationError) else type(error).__name__
            machine.log.error("service.not_installed", code=code)
    await upgrades.run(asyncio.Event(), every_seconds=_UPGRADE_STEP_SECONDS)


def _follow_outages(
    areas: Areas,
    machine: Machine,
    outages: OutageStore,
    packages: ScheduleStore,
    proposals: ProposalStore,
) -> None:
    service, clock = machine.settings.service, machine.clock
    probes: dict[Kind, FactProbe] = {
        Kind.SERVICE: ServiceProbe(
            areas.watch, service.probe_timeout_seconds, areas.watch.is_upgrading
        ),
        Kind.LINK: LinkProbe(lambda: machine.link.session is not None),
    }
    probing = OutageWorker(
        outages,
        probes,
        clock,
        probe_seconds=service.probe_seconds,
        failures_min=service.failures_min,
    )
    directives = DirectiveWorker(outages, machine.national, lambda: machine.link.away_below)
    schedule = ScheduleWorker(packages, proposals, outages, directives, machine.national, clock)
    areas.workers |= {"probes": probing.run, "schedule": schedule.run}

    def wake() -> None:
        packages.changes += 1
        outages.changes += 1
        probing.look_again()
        areas.drain.look_again()

    restoring = open_restoring(machine, packages, wake)
    areas.restorers = restoring.restorers
    areas.workers["restoring"] = restoring.work
    areas.services.append(restoring.register)


async def _open_intake(
    areas: Areas,
    machine: Machine,
    effective: EffectiveSchedule,
    officers: Officers,
    transfers: Transfers,
) -> None:
    database, journal, clock, log = machine.database, machine.journal, machine.clock, machine.log
    store = IntakeStore(database, journal, effective)
    recovery = RecoveryStore(database)
    openings = OpeningStore(database, journal, effective, officers, recovery.is_returning_in)
    office = Office(
        machine.signer,
        clock,
        machine.entropy,
        machine.keeper,
        machine.newest,
        machine.exercise,
        machine.escrow,
    )
    sealing = Sealing(machine.blobs, machine.entropy, store.needs_blob)
    intake = Intake(
        store,
        sealing,
        office,
        log,
        upload_bytes_max=machine.settings.intake.upload_bytes_max,
        uploads_max=machine.settings.intake.uploads_max,
    )
    front = areas.front = Front(machine, Counter(intake, sealing, office, effective))
    await intake.recover()
    await front.files.recover()
    opened = Openings(openings, transfers.kept_blobs, office, log, areas.upkeep.suspect)
    service = SubmissionsService(intake, store, opened, transfers.queue, office)
    kept, suspect = AttachmentStore(database), areas.upkeep.suspect
    attachments = Attachments(kept, machine.blobs, sealing.claims, suspect, clock, machine.entropy)
    freeing = transfers.freeing(
        sealing.claims, timedelta(days=machine.settings.disk.retention_days)
    )
    areas.workers["freeing"] = freeing.run
    areas.services += [
        lambda server: submissions_pb2_grpc.add_SubmissionsServicer_to_server(service, server),
        lambda server: transfers_pb2_grpc.add_TransfersServicer_to_server(
            transfers.service, server
        ),
        front.register(),
        open_resolving(database, journal, clock, officers, attachments),
    ]
    expiry = ExpiryWorker(front.files, log)
    areas.workers["expiry"] = lambda: expiry.run(clock)
    judging = JudgingWorker(openings, machine.keeper, log)
    looking = ClockWorker(machine.keeper, log)
    areas.workers["clock"] = lambda: looking.run(clock)
    areas.workers["judging"] = lambda: judging.run(clock)
    areas.closers.append(intake.close)


def _serve_schedule(
    areas: Areas,
    machine: Machine,
    outages: OutageStore,
    schedule: tuple[ScheduleStore, ProposalStore, EffectiveSchedule],
    officers: Officers,
) -> None:
    clock, zone = machine.clock, machine.me.zone
    packages, proposals, effective = schedule
    listed = PackagesService(packages, proposals, effective, machine.national, clock, zone=zone)
    owed = CompensationsService(proposals, officers, clock)
    seen = OutagesService(outages, proposals.affected_by, officers, clock, zone=zone)
    people = OfficersService(officers)
    areas.services += [
        lambda server: packages_pb2_grpc.add_PackagesServicer_to_server(listed, server),
        lambda server: compensations_pb2_grpc.add_CompensationsServicer_to_server(owed, server),
        lambda server: outages_pb2_grpc.add_OutagesServicer_to_server(seen, server),
        lambda server: officers_pb2_grpc.add_OfficersServicer_to_server(people, server),
    ]
