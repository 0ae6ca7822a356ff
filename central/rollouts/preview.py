"""What a planned rollout would do at each node, as far as the centre knows today.

Rule: what is not known is called unknown, never guessed. Pure. Leaves out the plan (`planning`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from central.rollouts.rules import is_version
from lpse.federation.errors import FederationError
from lpse.federation.limits import ROLLOUT_PREVIEW_NODES_MAX
from lpse.federation.versions import parse_version
from lpse.operator.v1 import rollouts_pb2 as api

_LISTED: Final = ((api.OUTLOOK_HOLDS, "would_hold"), (api.OUTLOOK_NO_PATH, "no_path"))
_COUNTED: Final = (
    (api.OUTLOOK_STARTS, "starts"),
    (api.OUTLOOK_HOLDS, "holds"),
    (api.OUTLOOK_NO_PATH, "without_path"),
    (api.OUTLOOK_PRESENT, "present"),
    (api.OUTLOOK_UNKNOWN, "unknown"),
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the centre knows today; `ends` leaves out nodes whose schedules it does not know."""

    from_versions: Sequence[str]
    versions: Mapping[str, str]
    ends: Mapping[str, datetime | None]
    now: datetime


def outlooks(document: Mapping[str, Any], known: Known) -> list[api.NodeOutlook]:
    """Every node, wave by wave."""
    return [
        _outlook(document, known, wave["wave"], node)
        for wave in document["waves"]
        for node in wave["node_ids"]
    ]


def summary(listed: Sequence[api.NodeOutlook]) -> dict[str, Any]:
    """The same for the plan's document: counts, and the names that need a look."""
    counts = {word: sum(one.outlook == value for one in listed) for value, word in _COUNTED}
    names = {
        word: [one.node_id for one in listed if one.outlook == value][:ROLLOUT_PREVIEW_NODES_MAX]
        for value, word in _LISTED
    }
    return {"counts": counts, **names}


def _outlook(document: Mapping[str, Any], known: Known, wave: str, node: str) -> api.NodeOutlook:
    version = known.versions.get(node, "")
    found = api.NodeOutlook(node_id=node, wave=wave, version=version)
    if is_version(version, document["version"]):
        found.outlook = api.OUTLOOK_PRESENT
    elif not _is_readable(version):
        found.outlook = api.OUTLOOK_UNKNOWN
    elif not any(is_version(version, one) for one in known.from_versions):
        found.outlook = api.OUTLOOK_NO_PATH
    else:
        _by_schedule(found, document, known)
    return found


def _by_schedule(found: api.NodeOutlook, document: Mapping[str, Any], known: Known) -> None:
    if document["emergency_override"]:
        found.outlook = api.OUTLOOK_STARTS
        return
    if found.node_id not in known.ends:
        found.outlook = api.OUTLOOK_UNKNOWN
        return
    end = known.ends[found.node_id]
    guard = timedelta(seconds=document["guard_window_seconds"])
    if end is not None and known.now > end - guard:
        found.outlook = api.OUTLOOK_HOLDS
        found.hold_until_time.FromDatetime(end)
    else:
        found.outlook = api.OUTLOOK_STARTS


def _is_readable(version: str) -> bool:
    try:
        return bool(parse_version(version))
    except FederationError:
        return False
