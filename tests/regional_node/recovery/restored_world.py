"""A node's areas over one database, a random day in them, and their rows for comparison.

Owns the wiring of the areas that journal, the acts of a day, and the list of what must come back
from the journal alone. Times stand still within an act, so that rows and entries say the same to
the microsecond. Leaves out every assertion.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import structlog

from lpse.federation import kinds
from lpse.federation.acts import Deed, sign_act
from lpse.federation.commitments import SealedFile, SubmissionDetails
from lpse.federation.entries import decode_entry
from lpse.federation.errors import FederationError
from lpse.federation.receipts import Moment
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.federation.versions import parse_version
from lpse.runtime.clock import SeededEntropy
from lpse.runtime.sqlite import Transaction
from lpse.storage.blobs import BlobStore
from regional_node.clock.rules import Found, Sample, Step, Trust
from regional_node.clock.store import ClockStore
from regional_node.identity.escrow import EscrowKeys
from regional_node.intake.office import Office
from regional_node.intake.opening_store import OpeningStore, opening_in
from regional_node.intake.restore_store import IntakeRestorer
from regional_node.intake.sealing import Sealing
from regional_node.intake.store import IntakeStore
from regional_node.intake.submissions import Accepted, Attempted, Intake
from regional_node.intake.worker import JudgingWorker
from regional_node.officers.rules import ADD, REVOKE, addition_digest, revocation_digest
from regional_node.officers.store import Officers
from regional_node.outages.rules import Kind, ProbeState
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.recovery.restoring.table import Ingredients, Restorers, open_restorers
from regional_node.restored import MissingBlob, RestoredEntry
from regional_node.schedule.worker import rule_set_of
from regional_node.upgrades.rules import Reason, State, WantedRelease
from regional_node.upgrades.store import Step as UpgradeStep
from regional_node.upgrades.store import UpgradeStore
from tests.regional_node.schedule.world import KEY, PARTY, World, by_minute, package

ESCROW = EscrowKeys(bytes(range(32)))
PACKAGES = ("7781013", "7781014", "7781015")


class Areas(World):
    """The areas of one node; the base brings schedule and outages."""

    async def open(self, seed: int = 1) -> Areas:
        await super().open(seed)
        database, journal, clock = self.database, self.journal, self.clock
        self.entropy = SeededEntropy(seed + 1_000)
        self.officers = Officers(database, journal.append_in, clock, party=PARTY)
        self.intake_store = IntakeStore(database, journal, self.effective)
        self.returning = False
        self.openings = OpeningStore(
            database, journal, self.effective, self.officers, lambda _: self.returning
        )
        self.office = Office(self.signer, clock, self.entropy, self, self, escrow=ESCROW)
        sealing = Sealing(
            BlobStore(self.folder / "blobs"), self.entropy, self.intake_store.needs_blob
        )
        log = structlog.get_logger()
        self.intake = Intake(
            self.intake_store, sealing, self.office, log, upload_bytes_max=10**8, uploads_max=16
        )
        self.judging = JudgingWorker(self.openings, self, log)
        self.upgrades = UpgradeStore(database, journal)
        self.clock_store = ClockStore(database, journal)
        nothing: Callable[[], None] = lambda: None  # noqa: E731 - two of one kind
        self.runs = DecidedRuns(database, journal, clock, (nothing, nothing), software_version="1")
        self.restorers, self.intake_restorer = self.restoring(ESCROW)
        return self

    def restoring(self, escrow: EscrowKeys | None) -> tuple[Restorers, IntakeRestorer]:
        """The table over these areas."""
        return open_restorers(
            Ingredients(
                PARTY,
                self.database,
                escrow,
                self.packages,
                lambda name: rule_set_of(self.national.state, name),
                lambda: None,
            )
        )

    def moment(self) -> Moment:
        """The port `Moments`."""
        return Moment(self.clock.now(), self.clock.boot_id(), self.clock.monotonic(), 0.25)

    def newest(self) -> None:
        """The port `NationalHead`: nothing was heard yet."""

    async def own_entries(self, first: int = 0) -> list[RestoredEntry]:
        """Own entries as recovery hands them in."""
        epoch, found = self.journal.epoch, []
        for row in await self.journal.entries(first, self.journal.head.size):
            entry = decode_entry(row.data)
            record = kinds.record_of(entry.kind, entry.payload)
            found.append(
                RestoredEntry(
                    epoch, row.index, entry.kind, record, entry.entry_id, entry.record_time
                )
            )
        return found

    async def restore(self, entries: list[RestoredEntry], restorers: Restorers) -> None:
        """Take entries into the tables, a few per transaction."""
        for start in range(0, len(entries), 7):
            part = entries[start : start + 7]
            await self.database.write(_restoring(restorers, part))
        restorers.restored()

    async def upload(self, key: str, code: str, files: dict[str, bytes]) -> Accepted | None:
        """A submission; None where it was refused and the attempt recorded."""
        listed = tuple(SealedFile(name, len(data), b"") for name, data in files.items())
        details = SubmissionDetails(key, code, "", f"PT {key}", "direct", 0, listed, {"n": key})
        try:
            begun = await self.intake.begin(details)
            if isinstance(begun, Accepted):
                return begun
            for place, data in enumerate(files.values()):
                await begun.write(place, data)
            return await begun.finish()
        except Attempted:
            return None

    def _is_opened(self, tx: Transaction, code: str) -> bool:
        return opening_in(tx, code) is not None


def _restoring(
    restorers: Restorers, part: list[RestoredEntry]
) -> Callable[[Transaction], list[Sequence[MissingBlob]]]:
    return lambda tx: [restorers.restore_in(tx, one) for one in part]


class Day:
    """Random acts at a node, each of which journals something."""

    def __init__(self, areas: Areas, seed: int) -> None:
        self.areas = areas
        self.random = random.Random(seed)
        self.uploads = 0
        self.revision = 0
        self.acts: list[Callable[[], Awaitable[object]]] = [
            self.submit, self.submit, self.submit, self.refuse, self.declare, self.measure,
            self.decide, self.open, self.upgrade, self.register, self.reconcile, self.step_clock,
            self.reschedule,
        ]  # fmt: skip

    async def begin(self) -> None:
        """Packages and the first officer."""
        for place, code in enumerate(PACKAGES):
            await self.areas.load(package(code, f"2015-03-{27 + place} 10:00"))
        await self.areas.officers.add("budi", "admin", KEY.public_key().public_bytes_raw(), None)

    async def play(self, acts: int) -> None:
        """So many acts, with hours between them."""
        for _ in range(acts):
            later = timedelta(minutes=self.random.randint(1, 240))
            await self.areas.step(self.areas.clock.now() + later)
            await self.random.choice(self.acts)()
            await self.areas.step()

    async def end(self) -> None:
        """Every deadline passes; whatever is held is decided; what may be opened is opened."""
        areas = self.areas
        for code in PACKAGES:
            for _ in range(6):
                after = max(await areas.deadline(code), areas.clock.now()) + timedelta(hours=2)
                await areas.step(after)
                await areas.judging.step(areas.moment())
                await self.submit()
                await self._decide(code, records.DECISION_ACCEPT)
                await self._open(code)
                await areas.step()

    async def submit(self) -> None:
        """A bid with some files."""
        self.uploads += 1
        count = self.random.choice([1, 1, 2, 5, 40])
        files = {
            f"f{n}.rhs": self.random.randbytes(self.random.randint(1, 90)) for n in range(count)
        }
        await self.areas.upload(f"key-{self.uploads:08}", self.random.choice(PACKAGES), files)

    async def refuse(self) -> None:
        """An upload that ends before its last byte."""
        self.uploads += 1
        file = (SealedFile("a.rhs", 10, b""),)
        details = SubmissionDetails(
            f"key-{self.uploads:08}", PACKAGES[0], "", "PT Kurang", "direct", 0, file, {}
        )
        with suppress(Attempted):
            begun = await self.areas.intake.begin(details)
            assert not isinstance(begun, Accepted)
            await begun.write(0, b"short")
            await begun.finish()

    async def declare(self) -> None:
        """A national outage, or its next revision."""
        self.revision += 1
        now = self.areas.clock.now()
        start = now - timedelta(hours=self.random.randint(1, 30))
        self.areas.national.receive(by_minute(start, now, revision=self.revision))

    async def measure(self) -> None:
        """The service was away; perhaps an officer says that it counts."""
        areas, now = self.areas, self.areas.clock.now()
        kind = self.random.choice([Kind.SERVICE, Kind.LINK])
        state = ProbeState(3, now - timedelta(minutes=5), "no answer", False)
        started = await areas.outages.start(kind, state)
        assert started.open_number is not None
        areas.clock.advance(600)
        await areas.outages.end(started.open_number, started, areas.clock.now())
        if kind is Kind.SERVICE and self.random.random() < 0.6:
            statement = records.OutageConfirmed(
                outage=f"measured/{started.open_number}",
                cause=directives.OUTAGE_CAUSE_POWER,
                attribution=directives.OUTAGE_ATTRIBUTION_REGION,
                reason="listrik padam",
            )
            await areas.outages.confirm(statement, areas.clock.now())

    async def decide(self) -> None:
        """The Pokja decides whatever waits."""
        choices = [records.DECISION_ACCEPT, records.DECISION_CHANGE, records.DECISION_CHANGE]
        if self.random.random() < 0.1:
            choices = [records.DECISION_CANCEL]
        await self._decide(self.random.choice(PACKAGES), self.random.choice(choices))

    async def _decide(self, code: str, choice: records.Decision.ValueType) -> None:
        case = await self.areas.case(code)
        stage = next(one for one in case.package.stages if one.name.startswith("Upload"))
        changes = {stage.name: stage.end + timedelta(days=self.random.randint(1, 4))}
        own = choice == records.DECISION_CHANGE
        with suppress(FederationError):  # nothing waits, or it is provisional
            await self.areas.decide(code, choice, changes=changes if own else None)

    async def open(self) -> None:
        """A package is opened and perhaps handed over."""
        await self._open(self.random.choice(PACKAGES))

    async def _open(self, code: str) -> None:
        areas = self.areas
        await areas.judging.step(areas.moment())
        try:
            opened = await areas.openings.open(code, areas.moment(), None)
        except FederationError:
            return
        if self.random.random() < 0.7:
            await areas.openings.confirm(code, opened.submissions, areas.clock.now())

    async def upgrade(self) -> None:
        """An attempt from its beginning to its end."""
        areas, now = self.areas, self.areas.clock.now()
        digest = self.random.randbytes(32)
        wanted = WantedRelease(
            parse_version("3.6"), (), digest, 1_000, "rollouts/spse-3.6", True, 0, False, 0
        )
        attempt = await areas.upgrades.begin(wanted, parse_version("3.0"), "", now)
        held = UpgradeStep(State.HELD, Reason.DEADLINE, "why", now + timedelta(hours=1))
        steps = self.random.choice(
            [
                [held, UpgradeStep(State.WITHDRAWN, detail="another: release")],
                [UpgradeStep(State.FAILED, Reason.BUNDLE_REFUSED, "digest: differs")],
                [UpgradeStep(State.DOWNLOADING), UpgradeStep(State.FAILED, Reason.NO_SPACE)],
            ]
        )
        for step in steps:
            areas.clock.advance(1)
            attempt = await areas.upgrades.move(attempt, step, areas.clock.now())

    async def register(self) -> None:
        """An officer comes; another one goes."""
        areas, name = self.areas, f"officer-{self.random.randint(1, 4)}"
        key = bytes([len(name), int(name[-1])] * 16)
        with suppress(FederationError):  # registered and revoked before
            signed = self._signed(ADD, addition_digest(name, "pokja", key))
            await areas.officers.add(name, "pokja", key, signed)
            if self.random.random() < 0.4:
                areas.clock.advance(1)
                signed = self._signed(REVOKE, revocation_digest(name, "pindah"))
                await areas.officers.revoke(name, "pindah", signed)

    async def reconcile(self) -> None:
        """A run with one decision."""
        entry = records.ReconciliationEntry(
            object="blob", classification=records.CLASSIFICATION_CORRUPT, rule="R-BLOB/1"
        )
        trigger = records.RECONCILIATION_TRIGGER_SCRUB
        await self.areas.database.write(lambda tx: self.areas.runs.decided_in(tx, trigger, [entry]))

    async def step_clock(self) -> None:
        """Somebody set the clock."""
        now = self.areas.clock.now()
        before, after = (Sample("boot", now - timedelta(seconds=n), 1.0) for n in (5, 0))
        step = Step(before, after, Found.RUNNING)
        await self.areas.clock_store.stepped(step, Trust(after, None, 5.0))

    async def reschedule(self) -> None:
        """SPSE publishes a later end, or another title."""
        code = self.random.choice(PACKAGES)
        end = f"2015-04-{self.random.randint(1, 9):02} 10:00"
        given = dict(package(code, end))
        given["name"] = f"Pembangunan jembatan {self.random.randint(1, 3)}"
        with suppress(FederationError):  # held, opened, decided or cancelled
            await self.areas.load(given)

    def _signed(self, act: str, digest: bytes) -> SignedAct:
        deed = Deed(PARTY, act, digest)
        return sign_act(KEY, deed, actor="budi", role="admin", at=self.areas.clock.wall())


# What must come back, without what is this database's own: row numbers, versions, slots.
COMPARED = {
    "intake_submissions": "intake_key, package, commitment, salt, details, accept_time,"
    " clock_error, zone, receipt, verdict, deadline_time, schedule_revision, judged_revision,"
    " journal_epoch, journal_index, revealed, clock_offset",
    "intake_judgements": "(SELECT intake_key FROM intake_submissions s"
    " WHERE s.submission = intake_judgements.submission), schedule_revision, verdict,"
    " deadline_time",
    "intake_attempts": "intake_key, package, commitment, salt, details, reason, proof,"
    " journal_epoch, journal_index, revealed",
    "intake_blobs": "*",
    "intake_openings": "*",
    "intake_handovers": "*",
    "schedule_packages": "package, title, zone, rule_set, rule_document, revision, base_revision,"
    " stages, settled, accounted, import_digest, cancelled",
    "schedule_revisions": "*",
    "schedule_holds": "package, stage, due_time, outages, start_time, end_time, end_reason",
    "schedule_proposals": "*",
    "schedule_releases": "*",
    "outage_declared": "*",
    "outage_measured": "*",
    "upgrade_attempts": "attempt, rollout, version, from_version, bundle_digest, bundle_bytes,"
    " state, reason, detail, hold_until, received_time, changed_time, active",
    "upgrade_steps": "*",
    "officers": "*",
    "recon_runs": "*",
    "clock_steps": "before_time, after_time, before_boot_id, after_boot_id, found",
}


def rows_of(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every compared table of a node's database, sorted."""
    with closing(sqlite3.connect(folder / "node.db")) as connection:
        return {
            table: sorted(connection.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)
            for table, columns in COMPARED.items()
        }
