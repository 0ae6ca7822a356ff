"""Rows of submissions and attempts, made again from what was handed out.

Owns the reading of a receipt, of the proof of an attempt, and of an opening's reveal as rows. Rule:
what a row says stands in the signed text or in the journal, nothing is guessed; where the text
itself is lost its place stays empty until the vendor's copy comes. Leaves out every statement
(`restore_store`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from lpse.federation.commitments import SubmissionDetails, open_commitment
from lpse.federation.limits import CLOCK_UNMEASURED_SECONDS, INTAKE_KEY_CHARACTERS_MAX
from lpse.federation.receipts import Commitment, ReadReceipt, ReceiptInvalid
from lpse.federation.v1.records_pb2 import RefusalReason, Reveal, Verdict
from lpse.runtime.sqlite.instants import to_micros

NO_TEXT: Final = b""  # the receipt or proof itself is not here
_TWIN_CHARACTERS: Final = 12


@dataclass(frozen=True, slots=True)
class SubmissionRow:
    """What one row of `intake_submissions` says beside its place in the journal; times are µs."""

    details: SubmissionDetails
    commitment: Commitment
    accept_time: int
    clock_error: float
    clock_offset: float
    zone: str
    receipt: bytes
    verdict: int
    deadline_time: int
    revision: int


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """What one row of `intake_attempts` says beside its place in the journal."""

    details: SubmissionDetails
    commitment: Commitment
    reason: int
    proof: bytes


def submission_row(text: bytes, read: ReadReceipt) -> SubmissionRow:
    """A row from the receipt; ReceiptInvalid (FED-5101) where a field is missing."""
    document = read.document
    try:
        return SubmissionRow(
            read.details,
            read.commitment,
            _micros(document, "accept_time"),
            float(document["clock_error_seconds"]),
            float(document.get("clock_offset_seconds", 0.0)),
            str(document["zone"]),
            text,
            Verdict.Value(f"VERDICT_{document['verdict']}"),
            _micros(document, "deadline_time"),
            int(document["schedule_revision"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ReceiptInvalid("its fields are missing or malformed") from error


def attempt_row(text: bytes, read: ReadReceipt) -> AttemptRow:
    """A row from the proof; ReceiptInvalid (FED-5101) where a field is missing."""
    try:
        reason = RefusalReason.Value(f"REFUSAL_REASON_{read.document['reason']}")
    except (KeyError, ValueError, TypeError) as error:
        raise ReceiptInvalid("its fields are missing or malformed") from error
    return AttemptRow(read.details, read.commitment, reason, text)


def revealed(reveal: Reveal) -> tuple[Commitment, SubmissionDetails]:
    """What an opening tells of one commitment; CommitmentInvalid (FED-5103) where it lies."""
    details = open_commitment(reveal.commitment, reveal.salt, reveal.details)
    return Commitment(reveal.details, reveal.salt, reveal.commitment), details


def unread_submission_row(
    told: tuple[Commitment, SubmissionDetails], accept_time: int, opening: tuple[str, int, int]
) -> SubmissionRow:
    """A row from a reveal alone; `opening` is its zone, deadline and schedule revision."""
    commitment, details = told
    zone, deadline, revision = opening
    return SubmissionRow(
        details,
        commitment,
        accept_time,
        CLOCK_UNMEASURED_SECONDS,
        0.0,
        zone,
        NO_TEXT,
        Verdict.VERDICT_UNDETERMINED,  # until the verdict's own entry, which comes before
        deadline,
        revision,
    )


def twin_key(intake_key: str, commitment: bytes) -> str:
    """The key of a second submission that was accepted under a key, after a node had lost one."""
    mark = sha256(commitment).hexdigest()[:_TWIN_CHARACTERS]
    return f"{intake_key[: INTAKE_KEY_CHARACTERS_MAX - _TWIN_CHARACTERS - 1]}.{mark}"


def _micros(document: Mapping[str, Any], key: str) -> int:
    return to_micros(datetime.fromisoformat(document[key]))
