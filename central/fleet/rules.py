"""How the centre judges a node's link, from facts alone.

Owns the four states of the link (domain.md: tersambung, menyusul, tertunda, terputus). Rule: the
link is judged by the centre's own clock, never by the node's word; service and link are separate
facts and neither is derived from the other. Leaves out where the facts come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lpse.federation.limits import LINK_LAGGING_SECONDS
from lpse.operator.v1 import fleet_pb2 as api

LinkState = api.LinkState


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What decides the state of a link at one moment."""

    present: bool
    quarantined: bool
    queue_entries: int
    national_behind: int
    behind_since: datetime | None


def link_state(facts: LinkFacts, now: datetime) -> LinkState.ValueType:
    """One of four words for one moment."""
    if not facts.present:
        return LinkState.LINK_STATE_DISCONNECTED
    behind = facts.queue_entries > 0 or facts.national_behind > 0
    if facts.quarantined:
        return LinkState.LINK_STATE_LAGGING
    if not behind:
        return LinkState.LINK_STATE_CONNECTED
    since = facts.behind_since
    if since is not None and (now - since).total_seconds() > LINK_LAGGING_SECONDS:
        return LinkState.LINK_STATE_LAGGING
    return LinkState.LINK_STATE_CATCHING_UP
