"""A node's accept path, wired as the composition root does it, with submissions ready to be taken.

Owns the real parts (SQLite file, journal, schedule, intake, signing key) and a year of packages
whose deadlines lie ahead. Leaves out the daemon around them and everything measured.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from lpse.federation.commitments import CHANNEL_DIRECT, SealedFile, SubmissionDetails
from lpse.federation.notes import Signer
from lpse.federation.receipts import Moment, NationalWitness
from lpse.federation.rule_sets import BUILT_IN
from lpse.federation.stages import Stage
from lpse.runtime.clock import Clock, SystemClock, SystemEntropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.blobs import BlobStore
from lpse.storage.journal import Journal
from regional_node.intake.office import Office
from regional_node.intake.sealing import Sealing
from regional_node.intake.store import IntakeStore
from regional_node.intake.submissions import Intake, Upload
from regional_node.outages.rules import KnownOutage
from regional_node.schedule.effective import EffectiveSchedule
from regional_node.schedule.proposal_store import ProposalStore
from regional_node.schedule.rules import Imported
from regional_node.schedule.store import ScheduleStore

MIGRATIONS = Path(__file__).parents[2] / "regional_node" / "migrations"
PACKAGES = 80
STAGE = "Upload Dokumen Penawaran"


class _Surroundings:
    """The ports `Moments`, `NationalHead` and the officers of a quiet node."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def moment(self) -> Moment:
        clock = self._clock
        return Moment(clock.now(), clock.boot_id(), clock.monotonic())

    def newest(self) -> NationalWitness | None:
        return NationalWitness("lkpp/00\n4\nAAAA\n", bytes(32), 3)


@dataclass
class AcceptPath:
    """Open parts; `ready` gives sealed uploads that only have to be accepted."""

    database: Database
    intake: Intake
    numbers: itertools.count[int]

    @classmethod
    async def open(cls, folder: Path) -> AcceptPath:
        """A new node in `folder` with a year of packages imported."""
        clock, entropy = SystemClock(), SystemEntropy()
        signer = Signer.from_seed("lpse-bench", bytes(range(32)))
        database = await Database.open(folder / "node.db", MIGRATIONS)
        journal = Journal(database, signer, clock, entropy)
        await journal.open()
        packages = ScheduleStore(database, journal, _never_opened)
        proposals = ProposalStore(database, journal, packages, _no_outages, _never_opened)
        schedule = EffectiveSchedule(database, packages, proposals, lambda: timedelta(minutes=5))
        now = clock.now()
        await packages.import_packages(_packages(now), BUILT_IN.__getitem__, now)
        store = IntakeStore(database, journal, schedule)
        around = _Surroundings(clock)
        office = Office(signer, clock, entropy, around, around)
        sealing = Sealing(BlobStore(folder / "blobs"), entropy, store.needs_blob)
        log = (
            structlog.get_logger().bind()
        )  # as in production: what is below its level costs nothing
        intake = Intake(store, sealing, office, log, upload_bytes_max=1 << 30, uploads_max=10_000)
        return cls(database, intake, itertools.count())

    async def begin(self, size: int) -> Upload:
        """A submission of one file of `size` bytes, admitted."""
        number = next(self.numbers)
        file = SealedFile("penawaran.rhs", size, b"")
        details = SubmissionDetails(
            intake_key=f"bench-{number:08}",
            package=f"{7_000_000 + number % PACKAGES}",
            stage=STAGE,
            vendor=f"vendor-{number}",
            channel=CHANNEL_DIRECT,
            seat=0,
            files=(file,),
            extra={},
        )
        upload = await self.intake.begin(details)
        assert isinstance(upload, Upload)
        return upload

    async def ready(self, count: int) -> list[tuple[Upload, tuple[SealedFile, ...]]]:
        """Uploads whose bytes are taken as sealed already."""
        listed: list[tuple[Upload, tuple[SealedFile, ...]]] = []
        for _ in range(count):
            upload = await self.begin(4_096)
            digest = hashlib.sha256(upload.details.intake_key.encode()).digest()
            listed.append((upload, (SealedFile("penawaran.rhs", 4_096, digest),)))
            self.intake.leave(upload.details.vendor)
        return listed


def _never_opened(tx: Transaction, package: str) -> bool:
    return False


def _no_outages(tx: Transaction) -> list[KnownOutage]:
    return []


def _packages(now: datetime) -> list[Imported]:
    start = now.astimezone(UTC) - timedelta(days=1)
    stages = (
        Stage(STAGE, start, start + timedelta(days=8)),
        Stage("Pembukaan Dokumen Penawaran", start + timedelta(days=8), start + timedelta(days=9)),
    )
    return [
        Imported(f"{7_000_000 + n}", "", "Asia/Jakarta", "perka-1-2015", stages, bytes([n]) * 32)
        for n in range(PACKAGES)
    ]
