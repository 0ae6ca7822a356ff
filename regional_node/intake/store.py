"""Accepted submissions, refused attempts and the sealed blobs that they need: all their SQL.

Owns the tables `intake_submissions`, `intake_attempts` and `intake_blobs`, and knows which blobs
and parts resumable files (regional_node/tus) still need. Rules: a submission, its receipt and its
journal entry are one transaction (Invariant 1); the window is read again in that
transaction, so that a schedule that moved meanwhile judges the upload, not a stale copy; a key
stands for one submission for ever. Leaves out judging and opening (`opening_store`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import Message

from lpse.federation.commitments import SubmissionDetails
from lpse.federation.entries import timestamp
from lpse.federation.limits import REFUSED_ATTEMPTS_PER_PACKAGE_MAX
from lpse.federation.receipts import Commitment, Moment
from lpse.federation.v1.records_pb2 import (
    RefusalReason,
    SealedBlob,
    UploadAccepted,
    UploadRefused,
    Verdict,
)
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from lpse.storage.journal import Journal
from regional_node.intake import vouching
from regional_node.intake.joined import Joined, OpenedMeanwhile
from regional_node.intake.ports import EffectiveSchedule
from regional_node.intake.rows import StoredAttempt, StoredSubmission
from regional_node.intake.windows import Window

SELECT_SUBMISSIONS = (
    "SELECT submission, intake_key, package, commitment, salt, details, accept_time, clock_error,"
    " zone, receipt, verdict, deadline_time, schedule_revision, judged_revision, journal_epoch,"
    " journal_index, revealed, clock_offset FROM intake_submissions"
)
_REFERENCE = (
    "INSERT INTO intake_blobs VALUES (?, ?, 1, ?, ?) ON CONFLICT (digest) DO UPDATE SET"
    " reference_count = reference_count + 1,"
    " least_deadline = min(least_deadline, excluded.least_deadline)"
)
SELECT_ATTEMPTS = (
    "SELECT commitment, salt, details, reason, proof, revealed, journal_index FROM intake_attempts"
)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A submission whose bytes are durable under their digests, ready to be accepted."""

    details: SubmissionDetails
    commitment: Commitment
    durable: Moment
    submit_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict by one window, the receipt that says so, and the receipt under the escrow key."""

    window: Window
    verdict: Verdict.ValueType
    receipt: bytes
    sealed: bytes = b""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An attempt to be recorded; `proof` is signed already."""

    details: SubmissionDetails
    commitment: Commitment
    reason: RefusalReason.ValueType
    received_bytes: int
    begin: datetime
    refused: datetime
    proof: bytes
    sealed: bytes = b""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is known when an upload wants to begin; `window` is None where the key is taken."""

    accepted: StoredSubmission | None
    window: Window | None
    submissions: int
    opened: bool = False


class IntakeStore:
    """See the module's first lines."""

    def __init__(self, database: Database, journal: Journal, schedule: EffectiveSchedule) -> None:
        self._database = database
        self._journal = journal
        self._schedule = schedule

    async def beginning(
        self, intake_key: str, package: str, stage: str | None, now: datetime
    ) -> Beginning:
        """The submission of this key, or else the package's window at `now`."""
        return await self._database.read(
            lambda tx: self.beginning_in(tx, intake_key, package, stage, now)
        )

    def beginning_in(
        self, tx: Transaction, intake_key: str, package: str, stage: str | None, now: datetime
    ) -> Beginning:
        """See `beginning`, inside the caller's transaction."""
        accepted = submission_in(tx, intake_key)
        if accepted is not None:
            return Beginning(accepted, None, 0)
        window = self._schedule.submission_window_in(tx, package, stage, now)
        counted = tx.execute(
            "SELECT count(*) FROM intake_submissions WHERE package = ? AND revealed = 0",
            (package,),
        )
        return Beginning(None, window, int(counted[0][0]), _is_opened(tx, package))

    async def accept(
        self,
        sealed: Sealed,
        first: Judged,
        judge: Callable[[Window], Judged],
        joined: Joined | None = None,
    ) -> StoredSubmission | None:
        """Entry, row, blobs and receipt at once; None where the key was taken meanwhile.

        `first` was judged before the transaction; `judge` is asked again only if the window moved.
        """
        blobs = [
            SealedBlob(digest=file.sha256, size_bytes=file.size_bytes)
            for file in sealed.details.files
        ]
        record = UploadAccepted(commitment=sealed.commitment.digest, blobs=blobs)
        record.accept_time.CopyFrom(timestamp(sealed.durable.time))

        def work(tx: Transaction) -> StoredSubmission:
            if joined is not None:
                if joined.sealed and _is_opened(tx, sealed.details.package):
                    raise OpenedMeanwhile
                joined.write(tx)
            return self._accept(tx, sealed, first, judge, record)

        try:
            return await self._database.write(work)
        except _KeyTaken:
            return None

    async def refuse(
        self, refusal: Refusal, joined: Callable[[Transaction, bytes], None] | None = None
    ) -> bytes:
        """Record an attempt and return its proof; a repeated attempt gets its first proof again.

        Beyond the limit of a package the proof is given without an entry of its own. `joined` is
        given the proof inside the transaction.
        """
        record = UploadRefused(
            commitment=refusal.commitment.digest,
            received_bytes=refusal.received_bytes,
            reason=refusal.reason,
            sealed_details=refusal.sealed,
        )
        record.begin_time.FromDatetime(refusal.begin)
        record.refuse_time.FromDatetime(refusal.refused)

        def work(tx: Transaction) -> bytes:
            proof = self._refuse(tx, refusal, record)
            if joined is not None:
                joined(tx, proof)
            return proof

        return await self._database.write(work)

    async def window(self, package: str, stage: str | None, now: datetime) -> Window:
        """The effective upload window; NotFound FED-4101, Refused FED-4102."""
        return await self._database.read(
            lambda tx: self._schedule.submission_window_in(tx, package, stage, now)
        )

    async def submission(self, intake_key: str) -> StoredSubmission | None:
        """The accepted submission of a key."""
        return await self._database.read(lambda tx: submission_in(tx, intake_key))

    async def newest_attempt(self, intake_key: str) -> StoredAttempt | None:
        """The last refused attempt of a key."""

        def work(tx: Transaction) -> StoredAttempt | None:
            rows = tx.execute(
                SELECT_ATTEMPTS + " WHERE intake_key = ? ORDER BY attempt DESC LIMIT 1",
                (intake_key,),
            )
            return attempt_of(rows[0]) if rows else None

        return await self._database.read(work)

    async def vouched_digests(self) -> frozenset[bytes]:
        """Every blob that some accepted submission has, or a whole file that may become one."""
        return await self._database.read(vouching.digests_in)

    async def unfinished_parts(self) -> dict[str, int]:
        """The parts of resumable files with their durable sizes."""
        return await self._database.read(vouching.parts_in)

    async def whole_files(self) -> dict[str, tuple[bytes, int]]:
        """The resumable files that are whole and may still be parts."""
        return await self._database.read(vouching.whole_in)

    async def needs_blob(self, digest: bytes) -> bool:
        """Whether some accepted submission or some whole file has these bytes."""
        return await self._database.read(lambda tx: vouching.is_needed_in(tx, digest))

    def _accept(
        self,
        tx: Transaction,
        sealed: Sealed,
        first: Judged,
        judge: Callable[[Window], Judged],
        record: UploadAccepted,
    ) -> StoredSubmission:
        details, commitment, now = sealed.details, sealed.commitment, sealed.durable.time
        window = self._schedule.submission_window_in(tx, details.package, details.stage, now)
        judged = first if window == first.window else judge(window)
        record.sealed_details = judged.sealed
        index = self._journal.append_in(tx, record)
        epoch = self._journal.epoch
        inserted = tx.run(
            "INSERT INTO intake_submissions (intake_key, package, commitment, salt, details,"
            " accept_time, clock_error, zone, receipt, verdict, deadline_time, schedule_revision,"
            " journal_epoch, journal_index, clock_offset)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (intake_key) DO NOTHING",
            (
                details.intake_key,
                details.package,
                commitment.digest,
                commitment.salt,
                commitment.details,
                to_micros(now),
                sealed.durable.error_seconds,
                window.zone,
                judged.receipt,
                judged.verdict,
                to_micros(window.deadline),
                window.revision,
                epoch,
                index,
                sealed.durable.offset_seconds,
            ),
        )
        if not inserted:
            raise _KeyTaken
        self._reference(tx, details, now, window.deadline)
        return StoredSubmission(
            number=0,
            intake_key=details.intake_key,
            package=details.package,
            commitment=commitment,
            accept_time=now,
            clock_error_seconds=sealed.durable.error_seconds,
            zone=window.zone,
            receipt=judged.receipt,
            verdict=judged.verdict,
            deadline=window.deadline,
            revision=window.revision,
            judged=False,
            journal_epoch=epoch,
            journal_index=index,
            revealed=False,
            clock_offset_seconds=sealed.durable.offset_seconds,
        )

    @staticmethod
    def _reference(
        tx: Transaction, details: SubmissionDetails, now: datetime, deadline: datetime
    ) -> None:
        stored, least = to_micros(now), to_micros(deadline)
        for file in details.files:
            tx.run(_REFERENCE, (file.sha256, file.size_bytes, stored, least))

    def _refuse(self, tx: Transaction, refusal: Refusal, record: UploadRefused) -> bytes:
        known = tx.execute(
            "SELECT proof FROM intake_attempts WHERE intake_key = ? AND reason = ? AND details = ?"
            " ORDER BY attempt LIMIT 1",
            (refusal.details.intake_key, refusal.reason, refusal.commitment.details),
        )
        if known:
            return bytes(known[0][0])
        package = refusal.details.package
        counted = tx.execute("SELECT count(*) FROM intake_attempts WHERE package = ?", (package,))
        if counted[0][0] < REFUSED_ATTEMPTS_PER_PACKAGE_MAX:
            self._insert_attempt(tx, refusal, record)
        return refusal.proof

    def _insert_attempt(self, tx: Transaction, refusal: Refusal, record: Message) -> None:
        index = self._journal.append_in(tx, record)
        tx.run(
            "INSERT INTO intake_attempts (intake_key, package, commitment, salt, details, reason,"
            " proof, journal_epoch, journal_index) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                refusal.details.intake_key,
                refusal.details.package,
                refusal.commitment.digest,
                refusal.commitment.salt,
                refusal.commitment.details,
                refusal.reason,
                refusal.proof,
                self._journal.epoch,
                index,
            ),
        )


class _KeyTaken(Exception):
    """Another upload with this key was accepted first; the unit is taken back."""


def _is_opened(tx: Transaction, package: str) -> bool:
    return bool(tx.execute("SELECT 1 FROM intake_openings WHERE package = ?", (package,)))


def submission_in(tx: Transaction, intake_key: str) -> StoredSubmission | None:
    """The accepted submission of a key, inside the caller's transaction."""
    rows = tx.execute(SELECT_SUBMISSIONS + " WHERE intake_key = ?", (intake_key,))
    return submission_of(rows[0]) if rows else None


def submission_of(row: Row) -> StoredSubmission:
    """A row of `SELECT_SUBMISSIONS`."""
    return StoredSubmission(
        number=row[0],
        intake_key=row[1],
        package=row[2],
        commitment=Commitment(details=row[5], salt=row[4], digest=row[3]),
        accept_time=from_micros(row[6]),
        clock_error_seconds=row[7],
        zone=row[8],
        receipt=row[9],
        verdict=row[10],
        deadline=from_micros(row[11]),
        revision=row[12],
        judged=row[13] > 0,
        journal_epoch=row[14],
        journal_index=row[15],
        revealed=bool(row[16]),
        clock_offset_seconds=row[17],
    )


def attempt_of(row: Row) -> StoredAttempt:
    """A row of `SELECT_ATTEMPTS`."""
    return StoredAttempt(
        commitment=Commitment(details=row[2], salt=row[1], digest=row[0]),
        reason=row[3],
        proof=row[4],
        revealed=bool(row[5]),
        journal_index=row[6],
    )
