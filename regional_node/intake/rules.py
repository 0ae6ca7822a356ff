"""What the clock says about an upload and about opening: pure decisions.

Owns the verdicts. Rules (domain.md, stage hold and secrecy): an upload is judged by the moment at
which its last byte was durable; one begun in time is never thrown away; during a hold the verdict
is PENDING; where the clock's error straddles the deadline people decide (UNDETERMINED); the
deadline's own moment is late. Leaves out where deadlines come from.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Final

from lpse.federation.acts import subject_digest
from lpse.federation.receipts import Moment
from lpse.federation.v1.records_pb2 import Verdict
from regional_node.intake.windows import Opening, Window

OPEN: Final = "package.open"
OPENERS: Final = ("pokja",)


class Admission(Enum):
    """Whether an upload may begin."""

    ADMITTED = "admitted"
    NOT_YET = "not_yet"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Release(Enum):
    """Whether a package's bids may be read."""

    DUE = "due"
    NOT_DUE = "not_due"
    HELD = "held"
    CANCELLED = "cancelled"


def admit(window: Window, begun: Moment) -> Admission:
    """Refuse only what is certain: a doubtful beginning is admitted and judged afterwards."""
    if window.cancelled:
        return Admission.CANCELLED
    if window.held:
        return Admission.ADMITTED
    if is_before(begun, window.start) is True:
        return Admission.NOT_YET
    if is_before(begun, window.deadline) is False:
        return Admission.CLOSED
    return Admission.ADMITTED


def moment_of(durable: Moment, submit: Moment, *, opened: bool) -> Moment:
    """The moment that judges a submission whose bytes were here before it was handed in.

    Its last byte counts; but once the package was opened, whoever submits knows more than others
    did, and could still have kept the bytes back: then only the submit counts.
    """
    return submit if opened else durable


def judge(window: Window, durable: Moment) -> Verdict.ValueType:
    """The verdict of an admitted upload whose bytes were durable at `durable`."""
    if window.held:
        return Verdict.VERDICT_PENDING
    return judge_by(window.deadline, durable)


def judge_by(deadline: datetime, durable: Moment) -> Verdict.ValueType:
    """The verdict by a deadline that has passed outside any hold."""
    match is_before(durable, deadline):
        case True:
            return Verdict.VERDICT_ON_TIME
        case False:
            return Verdict.VERDICT_LATE
        case None:
            return Verdict.VERDICT_UNDETERMINED


def release(opening: Opening, now: Moment) -> Release:
    """Bids are read only when the deadline has certainly passed, and never during a hold."""
    if opening.cancelled:
        return Release.CANCELLED
    if opening.held:
        return Release.HELD
    passed = is_before(now, opening.deadline) is False
    return Release.DUE if passed else Release.NOT_DUE


def is_before(moment: Moment, limit: datetime) -> bool | None:
    """Whether a moment lies before `limit` (exclusive); None where its interval straddles it."""
    if moment.latest < limit:
        return True
    if moment.earliest >= limit:
        return False
    return None


def open_subject(package: str) -> bytes:
    """What an officer signs to open a package: the digest of {"package": code}."""
    return subject_digest({"package": package})
