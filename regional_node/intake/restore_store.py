"""Submissions, attempts, openings and hand-overs made again from own entries: all their SQL.

Rules: an entry whose details cannot be read is never lost: it stands in `restore_sealed`, its bytes
are vouched for, and it becomes a row with the vendor's own receipt, with the recovery code, or with
the opening that revealed it; two submissions under one key are both kept, the earlier one under the
key itself; restoring twice has the effect of once (Invariant 3). Leaves out what rows say
(`restored_rows`) and which entry comes here (recovery).

Not restored: judgements that were not journalled yet (the clock makes them again).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lpse.federation.commitments import SubmissionDetails
from lpse.federation.entries import moment
from lpse.federation.errors import FederationError
from lpse.federation.receipts import Commitment, read_receipt
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros
from regional_node.intake import restored_rows as made
from regional_node.intake import sealed_store as sealed
from regional_node.restored import (
    DONE,
    KEPT_BOTH,
    WAITING,
    MissingBlob,
    Note,
    Restored,
    RestoredEntry,
)

# Zone and newest revision of a package's schedule; None while the package is not here.
StandingIn = Callable[[Transaction, str], tuple[str, int] | None]

_WAITS = Note(WAITING, "the details of a submission are not known here; its bytes and entry are")
_TWIN = Note(KEPT_BOTH, "two submissions were accepted under one intake key; both are kept")


class Opens(Protocol):
    """The escrow keys of this node."""

    def unseal(self, commitment: bytes, sealed: bytes) -> bytes:
        """What was handed out; EscrowInvalid (FED-2430)."""


class IntakeRestorer:
    """See the module's first lines; `escrow` is None where there is no key at all."""

    def __init__(self, escrow: Opens | None, standing_in: StandingIn) -> None:
        self._escrow = escrow
        self._standing_in = standing_in

    def use(self, escrow: Opens) -> None:
        """Open with these keys from now on."""
        self._escrow = escrow

    def accepted_in(self, tx: Transaction, entry: RestoredEntry) -> Restored:
        """A submission with its receipt; without its details it waits for them."""
        record = entry.record
        assert isinstance(record, records.UploadAccepted)
        blobs = tuple(MissingBlob(one.digest, one.size_bytes) for one in record.blobs)
        row = self._submission(record)
        if row is None:
            if sealed.number_of_in(tx, record.commitment) is not None:
                return Restored(blobs)
            accepted = to_micros(moment(record.accept_time))
            if sealed.park_in(tx, entry, record.commitment, accepted, refused=False):
                sealed.reference_in(tx, record.blobs, accepted, accepted)
                return Restored(blobs, (_WAITS,))
            return Restored(blobs)
        if sealed.knows_submission_in(tx, row):
            return Restored(blobs)
        twin = sealed.insert_submission_in(tx, row, (entry.epoch, entry.index))
        sealed.reference_in(tx, record.blobs, row.accept_time, row.deadline_time)
        return Restored(blobs, (_TWIN,) if twin else (), known=(record.commitment,))

    def refused_in(self, tx: Transaction, entry: RestoredEntry) -> Restored:
        """An attempt with its proof; without its details it waits for them."""
        record = entry.record
        assert isinstance(record, records.UploadRefused)
        row = self._attempt(record)
        if row is None:
            refused = to_micros(moment(record.refuse_time))
            sealed.park_in(tx, entry, record.commitment, refused, refused=True)
        elif not sealed.knows_attempt_in(tx, row):
            sealed.insert_attempt_in(tx, row, (entry.epoch, entry.index))
        return DONE

    def judged_in(self, tx: Transaction, entry: RestoredEntry) -> Restored:
        """A verdict waits for the opening that comes right behind it and tells whose it is."""
        record = entry.record
        assert isinstance(record, records.UploadJudged)
        number = sealed.number_of_in(tx, record.commitment)
        if number is None:
            return Restored(later=record.commitment)
        deadline = to_micros(moment(record.deadline_time))
        sealed.judge_in(tx, number, record.schedule_revision, record.verdict, deadline)
        return DONE

    def opened_in(self, tx: Transaction, entry: RestoredEntry) -> Restored:
        """The opening, and what it revealed; whoever waited for details has them now."""
        record = entry.record
        assert isinstance(record, records.PackageOpened)
        standing = self._standing_in(tx, record.package)
        if standing is None:
            return Restored(later=record.package.encode())
        zone, revision = standing
        deadline = to_micros(moment(record.deadline_time))
        opened = to_micros(moment(record.open_time))
        actor = record.act.actor if record.HasField("act") else ""
        clock: tuple[float | None, float | None] = (None, None)
        if record.HasField("clock_offset_seconds"):
            clock = record.clock_offset_seconds, record.clock_error_seconds
        sealed.open_in(tx, (record.package, opened, deadline, revision, zone, actor, *clock))
        blank = (zone, deadline, revision)
        for reveal in record.reveals:
            told = made.revealed(reveal)
            if not sealed.reveal_in(tx, *told):
                self._complete_from_reveal_in(tx, told, blank)
        known = tuple(bytes(reveal.commitment) for reveal in record.reveals)
        return Restored(known=(*known, record.package.encode()))

    def handed_over_in(self, tx: Transaction, entry: RestoredEntry) -> Restored:
        """SPSE holds everything of a package."""
        record = entry.record
        assert isinstance(record, records.HandoverConfirmed)
        confirmed = to_micros(moment(record.confirm_time))
        if sealed.hand_over_in(tx, record.package, record.submissions, confirmed):
            return DONE
        return Restored(later=record.package.encode())

    def moved_in(self, tx: Transaction, entry: RestoredEntry) -> None:
        """An entry of this node has another place in its journal now."""
        record, place = entry.record, (entry.epoch, entry.index)
        if isinstance(record, records.UploadAccepted):
            row = self._submission(record)
            key = row.details.intake_key if row is not None else None
            sealed.move_in(tx, "intake_submissions", record.commitment, key, place)
        elif isinstance(record, records.UploadRefused):
            attempt = self._attempt(record)
            key = attempt.details.intake_key if attempt is not None else None
            sealed.move_in(tx, "intake_attempts", record.commitment, key, place)

    def complete_in(self, tx: Transaction, text: bytes) -> bytes | None:
        """Make what waits for this receipt or proof whole; its commitment, None if nothing waits.

        The text is one that the caller trusts: from the escrow, or with a signature that fits.
        """
        read = read_receipt(text)
        parked = sealed.parked_in(tx, read.commitment.digest)
        if parked is None:
            if read.accepted:
                done = sealed.fill_in(tx, made.submission_row(text, read))
            else:
                done = sealed.fill_attempt_in(tx, made.attempt_row(text, read))
            return read.commitment.digest if done else None
        if parked.refused == read.accepted:
            return None
        if read.accepted:
            sealed.insert_submission_in(tx, made.submission_row(text, read), parked.place)
        else:
            sealed.insert_attempt_in(tx, made.attempt_row(text, read), parked.place)
        sealed.unpark_in(tx, read.commitment.digest)
        return read.commitment.digest

    def _complete_from_reveal_in(
        self,
        tx: Transaction,
        told: tuple[Commitment, SubmissionDetails],
        opening: tuple[str, int, int],
    ) -> None:
        parked = sealed.parked_in(tx, told[0].digest)
        if parked is None:
            return
        if parked.refused:
            reason = records.UploadRefused.FromString(parked.record).reason
            row = made.AttemptRow(told[1], told[0], reason, made.NO_TEXT)
            sealed.insert_attempt_in(tx, row, parked.place)
        else:
            submission = made.unread_submission_row(told, parked.accept_time, opening)
            sealed.insert_submission_in(tx, submission, parked.place)
        sealed.unpark_in(tx, told[0].digest)
        sealed.reveal_in(tx, *told)

    def _submission(self, record: records.UploadAccepted) -> made.SubmissionRow | None:
        text = self._text(record.commitment, record.sealed_details)
        return made.submission_row(text, read_receipt(text)) if text else None

    def _attempt(self, record: records.UploadRefused) -> made.AttemptRow | None:
        text = self._text(record.commitment, record.sealed_details)
        return made.attempt_row(text, read_receipt(text)) if text else None

    def _text(self, commitment: bytes, sealed_details: bytes) -> bytes:
        """What was handed out, where a key of this node opens it."""
        if not sealed_details or self._escrow is None:
            return b""
        try:
            return self._escrow.unseal(commitment, sealed_details)
        except FederationError:
            return b""
