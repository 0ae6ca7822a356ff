"""What an outage is at one node, which ones count, and what probes make of answers: pure decisions.

Rules (domain.md): declared outages that apply here count unless withdrawn, measured *service*
outages count once an officer confirmed them, link outages never (uploads go on). Declared and
measured stay two records. Leaves out what follows for
packages (`regional_node.schedule`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from lpse.federation.errors import Conflict, Refused
from lpse.federation.intervals import Interval
from lpse.federation.limits import REASON_CHARACTERS_MAX
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records

CONFIRM: Final = "outage.confirm"  # the act that an officer signs
CONFIRMING_ROLES: Final = ("admin", "pokja")
DECLARED: Final = "declared"
MEASURED: Final = "measured"


class Kind(StrEnum):
    """Which of a node's two facts was out."""

    SERVICE = "SERVICE"
    LINK = "LINK"


WIRE_KIND: Final = {
    Kind.SERVICE: records.MEASURED_KIND_SERVICE,
    Kind.LINK: records.MEASURED_KIND_LINK,
}


@dataclass(frozen=True, slots=True)
class KnownOutage:
    """An outage as the schedule sees it: a name, a span, and whether its time is given back.

    `holds` is true for those that hold a stage which falls due inside: counting ones, and measured
    service outages that nobody confirmed yet, if they lasted longer than the policy says.
    """

    name: str
    interval: Interval
    counts: bool
    measured: bool


def holds_at(
    outage: KnownOutage, due: datetime, now: datetime, hold_after: timedelta, *, begins: bool
) -> bool:
    """Whether a transition that fell due at `due` falls into the outage.

    A stage that ends exactly when an outage begins has lost nothing; one that begins there has
    (`begins`). A counting outage holds whatever its length. A measured service outage that nobody
    confirmed holds once it has lasted longer than `hold_after`.
    """
    span = outage.interval
    if not span.holds(due) or (span.start == due and not begins):
        return False
    if outage.counts:
        return True
    return outage.measured and span.closed_at(now).duration() > hold_after


def confirmation_subject(
    outage: str, cause: int, attribution: int, reason: str
) -> dict[str, object]:
    """What an officer signs when confirming a measured outage."""
    return {
        "outage": outage,
        "cause": directives.OutageCause.Name(directives.OutageCause.ValueType(cause)),
        "attribution": directives.OutageAttribution.Name(
            directives.OutageAttribution.ValueType(attribution)
        ),
        "reason": reason,
    }


def check_confirmation(kind: Kind, cause: int, attribution: int, reason: str) -> None:
    """Raise Refused for a link outage (FED-4204) or an incomplete statement (FED-4205)."""
    if kind is Kind.LINK:
        raise Refused(
            "FED-4204",
            "a link outage never counts: uploads go on while the centre is away",
            remedy="confirm outages of the service only",
        )
    known = cause in directives.OutageCause.values() and (
        attribution in directives.OutageAttribution.values()
    )
    if not known or not cause or not attribution:
        raise Refused("FED-4205", "a confirmation names a cause and an attribution")
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise Refused(
            "FED-4205",
            "a confirmation needs a reason",
            remedy=f"say why, in at most {REASON_CHARACTERS_MAX} characters",
        )


def check_unconfirmed(confirmed: bool, same: bool) -> None:
    """An outage is confirmed once; Conflict (FED-4206) for another statement afterwards."""
    if confirmed and not same:
        raise Conflict(
            "FED-4206",
            "this outage was confirmed already, in other words",
            remedy="outage get shows the confirmation",
        )


# --- probes --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What one probe saw; `evidence` in words, without addresses of vendors."""

    good: bool
    evidence: str = ""
    during_upgrade: bool = False


@dataclass(frozen=True, slots=True)
class ProbeState:
    """What is known of one fact between two probes."""

    failures: int = 0
    first_failure: datetime | None = None
    evidence: str = ""
    during_upgrade: bool = False
    open_number: int | None = None  # the outage that lasts now


class ProbeEvent(StrEnum):
    """What follows from one answer."""

    NOTHING = "NOTHING"
    STARTED = "STARTED"
    ENDED = "ENDED"


def after_probe(
    state: ProbeState, answer: Answer, now: datetime, failures_min: int
) -> tuple[ProbeState, ProbeEvent]:
    """The state after one answer; an outage starts at its first failed probe, not at its last."""
    if answer.good:
        if state.open_number is None:
            return ProbeState(), ProbeEvent.NOTHING
        return state, ProbeEvent.ENDED
    failed = replace(
        state,
        failures=state.failures + 1,
        first_failure=state.first_failure or now,
        evidence=state.evidence or answer.evidence,
        during_upgrade=state.during_upgrade or answer.during_upgrade,
    )
    started = state.open_number is None and failed.failures >= failures_min
    return failed, ProbeEvent.STARTED if started else ProbeEvent.NOTHING


# --- two records of one disturbance --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """How one record differs from another of the same time; seconds, ours minus theirs."""

    other: str
    start_seconds: int
    end_seconds: int | None
    overlap_seconds: int


def difference(ours: Interval, other: str, theirs: Interval, now: datetime) -> Difference | None:
    """None where the two share no moment."""
    shared = ours.closed_at(now).intersection(theirs.closed_at(now))
    if shared is None:
        return None
    both_ended = ours.end is not None and theirs.end is not None
    end = _seconds(ours.end, theirs.end) if both_ended else None
    overlap = int(shared.duration().total_seconds())
    return Difference(other, _seconds(ours.start, theirs.start), end, overlap)


def _seconds(one: datetime | None, other: datetime | None) -> int:
    assert one is not None and other is not None
    return int((one - other).total_seconds())
