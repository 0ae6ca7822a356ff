"""Intake's values as wire messages of `lpse.intake.v1`, and the names that callers give.

Owns the translation both ways. Rules: a submission's journal index stays hidden until its package
was opened; a warning never repeats a file's name. Leaves out the handlers (`service`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from lpse.federation.commitments import (
    CHANNEL_BIDDING_ROOM,
    CHANNEL_DIRECT,
    SealedFile,
    SubmissionDetails,
    read_details,
)
from lpse.federation.errors import NotFound, Refused
from lpse.intake.v1 import submissions_pb2 as wire
from regional_node.intake.details import check_key, read_vendor_details
from regional_node.intake.judgement_store import Judgement
from regional_node.intake.opening import Released
from regional_node.intake.opening_store import Opened
from regional_node.intake.ports import QueueItem
from regional_node.intake.rows import StoredAttempt, StoredSubmission
from regional_node.intake.submissions import Accepted

EMPTY_FILE: Final = "EMPTY_FILE"
_QUEUE_NAME = re.compile(r"queue/([0-9a-f]{64})")
_CHANNELS = {wire.CHANNEL_DIRECT: CHANNEL_DIRECT, wire.CHANNEL_BIDDING_ROOM: CHANNEL_BIDDING_ROOM}
# Canonical details without these have nothing to say here, and need not be understood.
_TELLING: Final = (b'"bytes":0,', b'"replaces":')


def details_of(begin: wire.BeginSubmission) -> SubmissionDetails:
    """What the uploader declared; digests may still be missing."""
    vendor, extra = read_vendor_details(begin.details_json)
    return SubmissionDetails(
        intake_key=begin.intake_key,
        package=begin.package,
        stage=begin.stage,
        vendor=vendor,
        channel=_CHANNELS.get(begin.channel, ""),
        seat=begin.seat,
        files=tuple(SealedFile(file.name, file.size_bytes, file.sha256) for file in begin.files),
        extra=extra,
        replaces=begin.replaces,
    )


def submission_message(
    stored: StoredSubmission, judgements: Sequence[Judgement] = ()
) -> wire.Submission:
    """One submission; `judgements` in a hand-over only."""
    message = wire.Submission(
        name=f"submissions/{stored.intake_key}",
        receipt=stored.receipt,
        commitment=stored.commitment.digest,
        verdict=stored.verdict,
        schedule_revision=stored.revision,
        judged=stored.judged,
        zone=stored.zone,
        judgements=map(_judgement_message, judgements),
    )
    message.accept_time.FromDatetime(stored.accept_time)
    message.deadline_time.FromDatetime(stored.deadline)
    if stored.revealed:
        message.journal_index = stored.journal_index
    if any(mark in stored.commitment.details for mark in _TELLING):
        details = read_details(stored.commitment.details)
        message.replaces = details.replaces
        message.warnings.extend(warnings_of(details))
    return message


def warnings_of(details: SubmissionDetails) -> list[wire.SubmissionWarning]:
    """What the vendor should look at although everything is accepted."""
    return [
        wire.SubmissionWarning(
            code=EMPTY_FILE,
            file=number,
            message=f"file {number + 1} is empty; it was accepted as it is",
        )
        for number, file in enumerate(details.files)
        if not file.size_bytes
    ]


def accepted_message(accepted: Accepted) -> wire.Submission:
    """The answer to an upload."""
    message = submission_message(accepted.stored)
    message.repeated = accepted.repeated
    return message


def header_message(opened: Opened) -> wire.ReleasedPackage:
    """The first word of a hand-over."""
    header = wire.ReleasedPackage(
        package=opened.package,
        schedule_revision=opened.revision,
        zone=opened.zone,
        submissions=opened.submissions,
        attempts=opened.attempts,
        waiting=opened.waiting,
    )
    header.open_time.FromDatetime(opened.open_time)
    if opened.clock is not None:
        header.clock_offset_seconds, header.clock_error_seconds = opened.clock
    header.deadline_time.FromDatetime(opened.deadline)
    return header


def released_message(released: Released) -> wire.ReleasedSubmission:
    """One submission of a hand-over; its files follow."""
    commitment = released.stored.commitment
    return wire.ReleasedSubmission(
        submission=submission_message(released.stored, released.judgements),
        details=commitment.details,
        salt=commitment.salt,
    )


def attempt_message(attempt: StoredAttempt) -> wire.ReleasedAttempt:
    """One refused attempt of a hand-over."""
    return wire.ReleasedAttempt(
        proof=attempt.proof,
        details=attempt.commitment.details,
        salt=attempt.commitment.salt,
    )


def queue_message(item: QueueItem) -> wire.QueueItem:
    """Sealed bytes on their way."""
    message = wire.QueueItem(
        name=f"queue/{item.digest.hex()}",
        size_bytes=item.size_bytes,
        sent_bytes=item.sent_bytes,
        state=wire.QueueState.Value(f"QUEUE_STATE_{item.state}"),
        attempts=item.attempts,
        last_cause=item.last_cause,
    )
    message.store_time.FromDatetime(item.store_time)
    if item.next_attempt_time is not None:
        message.next_attempt_time.FromDatetime(item.next_attempt_time)
    return message


def key_of(name: str) -> str:
    """The intake key in a submission's name."""
    prefix, _, key = name.partition("/")
    if prefix != "submissions":
        raise Refused("FED-5005", "the name of a submission is submissions/<intake key>")
    check_key(key)
    return key


def digest_of(name: str) -> bytes:
    """The digest in the name of a queued item; whatever else was given names nothing here."""
    match = _QUEUE_NAME.fullmatch(name)
    if match is None:
        raise NotFound(
            "FED-5032",
            "no item has that name; it is queue/ and the 64 hexadecimal digits of a digest",
            remedy="copy the name from: lpse-node queue list",
        )
    return bytes.fromhex(match[1])


def _judgement_message(judgement: Judgement) -> wire.Judgement:
    message = wire.Judgement(schedule_revision=judgement.revision, verdict=judgement.verdict)
    message.deadline_time.FromDatetime(judgement.deadline)
    return message
