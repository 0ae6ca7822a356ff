"""Which record message each kind of journal entry carries: one table, one kind per message.

Owns the names of entry kinds. Rule: a kind never changes its message and is never used again for
another one; a new meaning gets a new kind. A receiver that meets a kind outside this table keeps
the entry raw (`STORED`) and applies it after its next upgrade.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError, Message

from lpse.federation.errors import Refused
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records

NATIONAL: Final[dict[str, type[Message]]] = {
    "epoch.opened": records.EpochOpened,
    "beacon.lit": directives.Beacon,
    "operator.added": directives.OperatorAdded,
    "operator.revoked": directives.OperatorRevoked,
    "node.enrolled": directives.NodeEnrolled,
    "node.revoked": directives.NodeRevoked,
    "release.published": directives.ReleasePublished,
    "release.withdrawn": directives.ReleaseWithdrawn,
    "rollout.applied": directives.RolloutApplied,
    "rollout.wave_opened": directives.RolloutWaveOpened,
    "rollout.state_changed": directives.RolloutStateChanged,
    "outage.revised": directives.OutageRevised,
    "calendar.published": directives.CalendarPublished,
    "rule_set.published": directives.RuleSetPublished,
    "policy.published": directives.PolicyPublished,
    "national.asserted": directives.NationalAsserted,
    "quarantine.released": directives.QuarantineReleased,
    "reconciliation.recorded": records.ReconciliationRecorded,
    "reconciliation.resolved": records.ReconciliationResolved,
}

REGIONAL: Final[dict[str, type[Message]]] = {
    "epoch.opened": records.EpochOpened,
    "upload.accepted": records.UploadAccepted,
    "upload.refused": records.UploadRefused,
    "upload.judged": records.UploadJudged,
    "package.scheduled": records.PackageScheduled,
    "hold.started": records.HoldStarted,
    "hold.ended": records.HoldEnded,
    "compensation.proposed": records.CompensationProposed,
    "compensation.decided": records.CompensationDecided,
    "package.opened": records.PackageOpened,
    "handover.confirmed": records.HandoverConfirmed,
    "outage.measured": records.OutageMeasured,
    "outage.confirmed": records.OutageConfirmed,
    "directive.applied": records.DirectiveApplied,
    "upgrade.stepped": records.UpgradeStepped,
    "officer.added": records.OfficerAdded,
    "officer.revoked": records.OfficerRevoked,
    "reconciliation.recorded": records.ReconciliationRecorded,
    "reconciliation.resolved": records.ReconciliationResolved,
    "centre.contradicted": records.CentreContradicted,
    "clock.stepped": records.ClockStepped,
}

_KIND_OF: Final[dict[type[Message], str]] = {
    message: kind for table in (NATIONAL, REGIONAL) for kind, message in table.items()
}


def kind_of(record: Message) -> str:
    """The kind under which `record` is journalled; KeyError for a message that is no record."""
    return _KIND_OF[type(record)]


def record_of(kind: str, payload: bytes) -> Message | None:
    """The record in `payload`, or None where this program does not know `kind` yet."""
    message = NATIONAL.get(kind) or REGIONAL.get(kind)
    if message is None:
        return None
    try:
        return message.FromString(payload)
    except DecodeError as error:
        raise Refused("FED-2004", f"the payload of a {kind} entry is malformed") from error
