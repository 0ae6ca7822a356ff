"""Who decides about which field, where both sides hold it and differ.

Owns the authority table. Rules: the node owns what happened at it (schedules, uploads, measured
outages, its own upgrades); the centre owns what it published (releases, declarations, calendars);
for stored bytes nobody's word counts, only the digest in the receipt; a field outside of the table
has no authority: both are kept and a person is asked. No clock decides anything. Leaves out the
decisions (`table`).
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class Authority(Enum):
    """Whose journal settles a difference."""

    NODE = "node"
    CENTRE = "centre"
    DIGEST = "digest"  # bytes are good if they have the digest that the receipt names


FIELD_AUTHORITY: Final = {
    # what happened at the node
    "upload.commitment": Authority.NODE,
    "upload.sealed_digest": Authority.NODE,
    "upload.size": Authority.NODE,
    "upload.verdict": Authority.NODE,
    "package.schedule": Authority.NODE,
    "package.opening": Authority.NODE,
    "package.handover": Authority.NODE,
    "hold.interval": Authority.NODE,
    "compensation.decision": Authority.NODE,
    "outage.measured": Authority.NODE,
    "outage.confirmed": Authority.NODE,
    "directive.applied": Authority.NODE,
    "upgrade.state": Authority.NODE,
    "upgrade.version": Authority.NODE,
    "officer.roles": Authority.NODE,
    "calendar.regional": Authority.NODE,
    "run.record": Authority.NODE,
    # what the centre published
    "release.contents": Authority.CENTRE,
    "rollout.waves": Authority.CENTRE,
    "rollout.state": Authority.CENTRE,
    "outage.declared": Authority.CENTRE,
    "calendar.national": Authority.CENTRE,
    "rule_set.contents": Authority.CENTRE,
    "policy.values": Authority.CENTRE,
    "node.enrolment": Authority.CENTRE,
    "operator.roles": Authority.CENTRE,
    # bytes
    "blob.bytes": Authority.DIGEST,
}


def authority(field: str) -> Authority | None:
    """Who decides about the field; None means: keep both and ask."""
    return FIELD_AUTHORITY.get(field)
