"""What a declaration may say, and how it may change: pure decisions.

Owns the table of an outage's states and the making of a revision from a request and the present
revision. Rules: a revision is whole, never a difference; a withdrawn outage stays withdrawn; what
is closed is corrected, not closed again. Leaves out plans, approvals and what nodes make of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from lpse.federation.errors import Conflict, Refused
from lpse.federation.intervals import indonesian_zone
from lpse.federation.limits import (
    OUTAGE_NODES_MAX,
    OUTAGE_SERVICES_MAX,
    OUTAGE_TITLE_CHARACTERS_MAX,
    REASON_CHARACTERS_MAX,
    SCHEDULE_NAME_CHARACTERS_MAX,
)
from lpse.federation.outage_windows import DAY, is_open, precision, window_interval
from lpse.federation.v1 import directives_pb2 as directives

DEFAULT_ZONE: Final = "Asia/Jakarta"
_PROVINCE: Final = re.compile(r"ID-[A-Z]{2}")
_SERVICE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")


class OutageState(StrEnum):
    """Where a declaration stands."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Act:
    """One kind of change: the plan's act, and the states from which it may happen."""

    name: str
    wire: directives.OutageAct.ValueType
    from_states: Collection[OutageState | None]


ACTS: Final = (
    Act("outage.declare", directives.OUTAGE_ACT_DECLARE, {None}),
    Act("outage.amend", directives.OUTAGE_ACT_AMEND, {OutageState.OPEN, OutageState.CLOSED}),
    Act("outage.close", directives.OUTAGE_ACT_CLOSE, {OutageState.OPEN}),
    Act("outage.withdraw", directives.OUTAGE_ACT_WITHDRAW, {OutageState.OPEN, OutageState.CLOSED}),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator asks for; unset values keep what a present revision says."""

    act: directives.OutageAct.ValueType
    scope: directives.OutageScope.ValueType
    province: str
    node_ids: tuple[str, ...]
    services: tuple[str, ...]
    window: directives.OutageWindow
    cause: directives.OutageCause.ValueType
    attribution: directives.OutageAttribution.ValueType
    title: str
    reason: str
    zone: str


def act_of(wire: int) -> Act:
    """The kind of change; Refused (FED-4203) where none is named."""
    for act in ACTS:
        if act.wire == wire:
            return act
    raise Refused("FED-4203", "an outage is declared, amended, closed or withdrawn")


def state_of(revision: directives.OutageRevised) -> OutageState:
    """Where an outage stands after a revision."""
    if revision.act == directives.OUTAGE_ACT_WITHDRAW:
        return OutageState.WITHDRAWN
    return OutageState.OPEN if is_open(revision.window) else OutageState.CLOSED


def next_revision(
    wanted: Wanted, present: directives.OutageRevised | None, name: str
) -> directives.OutageRevised:
    """The whole next revision, checked; `name` is used for a new outage."""
    act = act_of(wanted.act)
    state = state_of(present) if present else None
    if state not in act.from_states:
        raise Conflict(
            "FED-4211",
            f"an outage that is {state or 'not declared'} cannot be changed by {act.name}",
            remedy="outage get shows where it stands; what is closed is amended",
        )
    record = directives.OutageRevised()
    if present is not None:
        record.CopyFrom(present)
    record.outage, record.revision = name, record.revision + 1
    record.act, record.reason = wanted.act, wanted.reason
    record.plan_digest = b""
    del record.approvals[:]
    if wanted.act in (directives.OUTAGE_ACT_DECLARE, directives.OUTAGE_ACT_AMEND):
        _take(record, wanted)
    elif wanted.act == directives.OUTAGE_ACT_CLOSE:
        _close(record, wanted.window)
    check(record)
    return record


def check(record: directives.OutageRevised) -> None:
    """Raise Refused unless the revision can be read and applied by every node."""
    zone = indonesian_zone(record.zone)
    window_interval(record.window, zone)
    _check_scope(record)
    if record.cause not in directives.OutageCause.values() or not record.cause:
        raise Refused("FED-4203", "a declaration names a cause")
    if record.attribution not in directives.OutageAttribution.values() or not record.attribution:
        raise Refused("FED-4203", "a declaration names an attribution; UNKNOWN is one")
    title = record.title
    if not 0 < len(title) <= OUTAGE_TITLE_CHARACTERS_MAX or not title.isprintable():
        raise Refused(
            "FED-4203",
            f"a declaration has a title of one line, at most {OUTAGE_TITLE_CHARACTERS_MAX} letters",
        )
    if not record.reason.strip() or len(record.reason) > REASON_CHARACTERS_MAX:
        raise Refused(
            "FED-4203", f"a reason is needed, of at most {REASON_CHARACTERS_MAX} characters"
        )


def first_year(record: directives.OutageRevised) -> int:
    """The year of the window's start, in the zone in which it was spoken."""
    zone = ZoneInfo(record.zone)
    if precision(record.window) == DAY:
        return date.fromisoformat(record.window.start_date).year
    return record.window.start_time.ToDatetime(tzinfo=UTC).astimezone(zone).year


def concerns(record: directives.OutageRevised, node_id: str, province: str) -> bool:
    """Whether the scope names a node, as far as the centre knows: services are the nodes' own."""
    match record.scope:
        case directives.OUTAGE_SCOPE_PROVINCE:
            return record.province == province
        case directives.OUTAGE_SCOPE_NODES:
            return node_id in record.node_ids
        case _:
            return True


def _take(record: directives.OutageRevised, wanted: Wanted) -> None:
    if wanted.scope:
        record.scope, record.province = wanted.scope, wanted.province
        del record.node_ids[:], record.services[:]
        record.node_ids.extend(sorted(set(wanted.node_ids)))
        record.services.extend(sorted(set(wanted.services)))
    elif wanted.province or wanted.node_ids or wanted.services:
        raise Refused("FED-4203", "province, nodes and services belong to a scope; name it too")
    if wanted.window.ByteSize():
        _merge(record.window, wanted.window)
    record.cause = wanted.cause or record.cause
    record.attribution = wanted.attribution or record.attribution
    record.title = wanted.title or record.title
    record.zone = wanted.zone or record.zone or DEFAULT_ZONE


def _merge(window: directives.OutageWindow, given: directives.OutageWindow) -> None:
    """A given start replaces the window; a given end alone replaces the end."""
    if given.start_date or given.HasField("start_time") or not window.ByteSize():
        window.CopyFrom(given)
        return
    if precision(window) != precision(given):
        raise Refused(
            "FED-4203",
            "the end has another precision than the start",
            remedy="give both anew, by day or by minute",
        )
    window.MergeFrom(given)


def _close(record: directives.OutageRevised, given: directives.OutageWindow) -> None:
    if is_open(given) or given.start_date or given.HasField("start_time"):
        raise Refused("FED-4203", "closing an outage gives its end, and only that")
    _merge(record.window, given)


def _check_scope(record: directives.OutageRevised) -> None:
    scope = record.scope
    named = {
        directives.OUTAGE_SCOPE_NATIONAL: (0, 0, 0),
        directives.OUTAGE_SCOPE_PROVINCE: (1, 0, 0),
        directives.OUTAGE_SCOPE_NODES: (0, 1, 0),
        directives.OUTAGE_SCOPE_SERVICE: (0, 0, 1),
    }.get(scope)
    given = (bool(record.province), bool(record.node_ids), bool(record.services))
    if named is None or given != named:
        raise Refused(
            "FED-4203",
            "the scope and what it names do not belong together",
            remedy="NATIONAL names nothing; PROVINCE, NODES and SERVICE name exactly theirs",
        )
    if record.province and not _PROVINCE.fullmatch(record.province):
        raise Refused("FED-4203", "a province is an ISO 3166-2 code", remedy="for example ID-JI")
    if len(record.node_ids) > OUTAGE_NODES_MAX or len(record.services) > OUTAGE_SERVICES_MAX:
        raise Refused(
            "FED-4203",
            f"at most {OUTAGE_NODES_MAX} nodes or {OUTAGE_SERVICES_MAX} services are named",
            remedy="use a province, or the whole country",
        )
    for service in record.services:
        if not _SERVICE.fullmatch(service) or len(service) > SCHEDULE_NAME_CHARACTERS_MAX:
            raise Refused("FED-4203", "a service has a plain name, for example ADP")
