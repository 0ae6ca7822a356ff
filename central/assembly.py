"""The parts of the centre, joined: journal, people, plans, areas, ledger, link, upkeep.

Owns which part is made of which, and in which order they open. Rule: it opens nothing that is the
machine's own (disk, keys, clock, ports); those are given, so that a simulator can give others.
Leaves out listeners and the life of the daemon (`app`) and the areas that read journals (`areas`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Final

from structlog.typing import FilteringBoundLogger

from central.areas import Areas, Base, open_areas, serve_areas
from central.audit.challenging import Challenging
from central.audit.mending import Mending
from central.audit.wiring import AuditBase, open_audit
from central.branches.decisions import Resolved
from central.branches.store import BranchStore
from central.config import CentralSettings
from central.enrolment.admission import Admission
from central.enrolment.certificates import CentreFacts, Issuer
from central.enrolment.genesis import IDENTITY
from central.enrolment.recovering import RecoverApplier
from central.enrolment.store import EnrolmentStore
from central.ledger.ledger import PREFIX, Ledger
from central.ledger.projector import Projector
from central.link.enrolled import EnrolledDirectory, EnrolledKeys
from central.link.frames import NationalFrames
from central.link.ports import Parts
from central.link.ports import Settings as LinkSettings
from central.link.service import LinkService
from central.link.sessions import Sessions
from central.link.store import LinkStore
from central.link.witnesses import WitnessBook
from central.link.worker import LeaseWorker
from central.national.national import National
from central.national.worker import BeaconWorker
from central.operators.store import OperatorStore
from central.plans.store import PlanStore
from central.recovery.assembly import open_recovery
from central.scrub.asking import Asking
from central.scrub.store import CentralScrubStore
from central.witness.sampling import Sampling
from central.witness.wiring import Ground, open_witness, restorers
from lpse.federation.notes import Signer
from lpse.runtime import tls
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database
from lpse.storage.backup import clear_restored, is_restored
from lpse.storage.blobs import BlobStore
from lpse.storage.disk_care import DiskCare
from lpse.storage.journal import Journal
from lpse.storage.received import ReceivedJournals
from lpse.storage.scrub import Scrub
from lpse.storage.verify_pass import Pace
from lpse.terminal.daemon import (
    Work,
)

HEAD_FILE: Final = "national.head"


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine gives: settings, time, chance, the log, the key and the disk."""

    settings: CentralSettings
    clock: Clock
    entropy: Entropy
    log: FilteringBoundLogger
    signer: Signer
    database: Database
    blobs: BlobStore
    care: DiskCare

    @property
    def exercise(self) -> bool:
        """Whether legal time may be stepped."""
        return self.settings.environment == "exercise"


@dataclass(frozen=True, slots=True)
class People:
    """Who may do what: nodes and operators, and how they came in."""

    enrolment: EnrolmentStore
    operators: OperatorStore
    admission: Admission
    keys: EnrolledKeys
    issuer: Issuer
    facts: CentreFacts


@dataclass(frozen=True, slots=True)
class Centre:
    """Every part of an opened centre."""

    machine: Machine
    national: National
    people: People
    plans: PlanStore
    areas: Areas
    projector: Projector
    ledger: Ledger
    sessions: Sessions
    link: LinkService
    workers: Mapping[str, Work]


async def open_centre(machine: Machine) -> Centre:
    """Join everything over an opened machine; nothing listens and no worker runs yet."""
    journal, national, people = await _open_journal(machine)
    plans = PlanStore(
        machine.database, people.operators, expire_seconds=machine.settings.plans.expire_seconds
    )
    areas = open_areas(
        Base(
            database=machine.database,
            blobs=machine.blobs,
            clock=machine.clock,
            log=machine.log,
            journal=journal,
            signer=machine.signer,
            national=national,
            plans=plans,
            admission=people.admission,
            directory=EnrolledDirectory(people.enrolment),
        )
    )
    await areas.runs.open()
    received = ReceivedJournals(machine.database, PREFIX)
    projector = Projector(machine.database, received, areas.projections, machine.clock, machine.log)
    ledger = Ledger(machine.database, projector, people.keys, exercise=machine.exercise)
    await ledger.open()
    sessions, link, workers = _open_link(machine, national, ledger, people, areas)
    await serve_areas(areas, ledger, sessions)
    workers |= await _open_scrub(machine, sessions)
    _open_audit(machine, journal, ledger, people, areas)
    plans.register(RecoverApplier())
    decided = Resolved(areas.deciding.resolutions, BranchStore(machine.database))
    persons = (decided, areas.deciding.runs)
    keys = (people.keys, people.admission)
    areas.for_nodes.append(
        open_recovery(
            machine.database, ledger, sessions, keys, persons, (machine.signer, machine.clock)
        )
    )
    ground = Ground(
        machine.database, journal, national, ledger, *(people.admission, people.keys),
        machine.clock, machine.log,
    )  # fmt: skip
    taking_up = restorers(machine.settings.certificates.node_seconds, areas.deciding.handlers())
    assert areas.lost is not None, "the areas are served"
    for_nodes, for_operators = open_witness(ground, taking_up, areas.deciding.runs, areas.lost)
    areas.for_nodes.append(for_nodes.register)
    areas.for_operators.append(for_operators.register)
    return Centre(
        machine, national, people, plans, areas, projector, ledger, sessions, link, workers
    )


def _open_audit(
    machine: Machine, journal: Journal, ledger: Ledger, people: People, areas: Areas
) -> None:
    """Look again at what is stored, and let nodes compare with it."""
    audit, findings = machine.settings.audit, areas.deciding.runs
    opened = open_audit(
        AuditBase(
            machine.database,
            journal,
            ledger,
            Mending(areas.packages, areas.rollouts),
            people.admission,
            machine.clock,
            machine.entropy,
            machine.log,
            findings,
            people.keys.signed_by,
            Pace(audit.entries_per_second, timedelta(hours=audit.every_hours)),
        )
    )
    areas.for_nodes.append(opened.register)
    areas.workers.update(opened.workers)
    machine.care.more_notes.append(opened.notes)


async def _open_journal(machine: Machine) -> tuple[Journal, National, People]:
    settings, database = machine.settings, machine.database
    journal = Journal(
        database, machine.signer, machine.clock, machine.entropy, exercise=machine.exercise
    )
    # A restored centre goes on in its epoch: the gate waits until nodes showed their heads.
    await journal.open()
    if is_restored(settings.data):
        clear_restored(settings.data)
    counted: list[EnrolledKeys] = []  # the gate counts nodes that it lets be enrolled
    head_file = settings.data / HEAD_FILE

    async def enrolled() -> int:
        return await counted[0].count()

    national = National(database, journal, head_file, enrolled, machine.clock, machine.log)
    operators = OperatorStore(database, national.append_in)
    enrolment = EnrolmentStore(database, national.append_in, operators)
    admission = Admission(enrolment, operators, machine.log)
    await admission.open()
    counted.append(EnrolledKeys(admission, enrolment))
    await national.open()
    issuer = Issuer(
        tls.load_authority(settings.data / IDENTITY),
        node_seconds=settings.certificates.node_seconds,
        operator_seconds=settings.certificates.operator_seconds,
    )
    public = settings.public
    facts = issuer.facts(
        machine.signer.public,
        (public.nodes, public.operators, public.enrolment),
        settings.certificates.code_seconds,
    )
    return journal, national, People(enrolment, operators, admission, counted[0], issuer, facts)


def _open_link(
    machine: Machine, national: National, ledger: Ledger, people: People, areas: Areas
) -> tuple[Sessions, LinkService, dict[str, Work]]:
    lease_seconds = machine.settings.link.lease_seconds
    store = LinkStore(machine.database)
    sampling = Sampling(machine.entropy)
    witnesses = WitnessBook(store, machine.clock, machine.log, took=sampling.took)
    parts = Parts(
        ledger=ledger,
        national=national,
        frames=NationalFrames(national),
        fleet=areas.fleet,
        store=store,
        witnesses=witnesses,
        witnessed=sampling,
        findings=areas.deciding.runs,
        challenges=Challenging(areas.deciding.runs, machine.clock, machine.entropy, machine.log),
        keys=people.keys,
        signer=machine.signer,
        clock=machine.clock,
        entropy=machine.entropy,
        log=machine.log,
        settings=LinkSettings(
            software_version=version("lpse-federation"),
            exercise=machine.exercise,
            lease_seconds=round(lease_seconds),
            heartbeat_seconds=max(1, round(machine.settings.link.heartbeat_seconds)),
        ),
    )
    sessions = Sessions(store, machine.clock, lease_seconds, machine.log)
    beacon = BeaconWorker(
        national,
        machine.clock,
        machine.entropy,
        machine.log,
        every_seconds=machine.settings.beacon_seconds,
    )
    lease = LeaseWorker(sessions, machine.clock, lease_seconds)
    workers: dict[str, Work] = {
        "witnesses": witnesses.run,
        "beacon": beacon.run,
        "leases": lease.run,
    }
    return sessions, LinkService(parts, sessions, people.admission), workers


async def _open_scrub(machine: Machine, sessions: Sessions) -> dict[str, Work]:
    """Re-read what is stored; ask nodes for what went bad; hold room for the day it is needed."""
    store, settings = CentralScrubStore(machine.database), machine.settings
    await machine.care.verify_blobs(machine.blobs, store)
    scrub = Scrub(
        store,
        machine.blobs,
        machine.clock,
        machine.log,
        bytes_per_second=settings.scrub.megabytes_per_second * 1e6,
        every=timedelta(days=settings.scrub.every_days),
    )
    asking = Asking(store, machine.blobs, sessions, machine.clock, machine.log)
    return {"scrub": scrub.run, "asking": asking.run, "ballast": machine.care.watch()}
