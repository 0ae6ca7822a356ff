"""The RPCs about outages at a node: declared and measured side by side, and confirmations.

Rules: two records of one disturbance stay two records, with the difference shown; only a measured
service outage is confirmed, signed by an officer over exactly what is said. Leaves out what follows
for packages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final

import grpc

from lpse.federation.acts import subject_digest
from lpse.federation.errors import Denied, NotFound
from lpse.federation.intervals import Interval
from lpse.federation.outage_windows import precision
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import outages_pb2 as api
from lpse.intake.v1 import outages_pb2_grpc
from lpse.runtime.channels import page_size
from lpse.runtime.clock import Clock
from regional_node.outages import rules
from regional_node.outages.forms import DeclaredOutage, MeasuredOutage
from regional_node.outages.ports import OfficerActs
from regional_node.outages.rules import Kind
from regional_node.outages.store import OutageStore, signed

Context = grpc.aio.ServicerContext[Any, Any]
Affected = Callable[[str], Awaitable[Sequence[str]]]  # packages whose proposal counts an outage
_WANTED: Final = {
    api.OUTAGE_SOURCE_UNSPECIFIED: (True, True),
    api.OUTAGE_SOURCE_DECLARED: (True, False),
    api.OUTAGE_SOURCE_MEASURED: (False, True),
}


class OutagesService(outages_pb2_grpc.OutagesServicer):
    """Handlers of `lpse.intake.v1.Outages`."""

    def __init__(
        self,
        store: OutageStore,
        affected: Affected,
        officers: OfficerActs,
        clock: Clock,
        *,
        zone: str,
    ) -> None:
        """`affected` names the packages whose newest proposal counts an outage."""
        self._store = store
        self._affected = affected
        self._officers = officers
        self._clock = clock
        self._zone = zone

    async def GetOutage(
        self, request: api.GetOutageRequest, context: Context
    ) -> api.GetOutageResponse:
        for one in await self._all():
            if one.name == request.name:
                one.packages.extend(await self._affected(one.name))
                return api.GetOutageResponse(outage=one)
        raise NotFound(
            "FED-4202",
            "this node knows no outage of that name",
            remedy="outage list shows the names",
        )

    async def ListOutages(
        self, request: api.ListOutagesRequest, context: Context
    ) -> api.ListOutagesResponse:
        declared, measured = _WANTED.get(request.source, (True, True))
        size = page_size(request.page_size)
        listed = [
            one
            for one in await self._all()
            if (declared if one.source == api.OUTAGE_SOURCE_DECLARED else measured)
            and _key(one) > request.page_token
        ]
        response = api.ListOutagesResponse(
            outages=listed[:size],
            next_page_token=_key(listed[size - 1]) if len(listed) > size else "",
        )
        response.as_of_time.FromDatetime(self._clock.now())
        return response

    async def ConfirmOutage(
        self, request: api.ConfirmOutageRequest, context: Context
    ) -> api.ConfirmOutageResponse:
        stored = await self._store.get_measured(request.name)
        rules.check_confirmation(stored.kind, request.cause, request.attribution, request.reason)
        if not request.HasField("act"):
            raise Denied("FED-3101", "a confirmation needs the officer's own signature")
        subject = rules.confirmation_subject(
            request.name, request.cause, request.attribution, request.reason
        )
        await self._officers.verify(
            request.act,
            act=rules.CONFIRM,
            digest=subject_digest(subject),
            roles=rules.CONFIRMING_ROLES,
        )
        statement = records.OutageConfirmed(
            outage=request.name,
            cause=request.cause,
            attribution=request.attribution,
            reason=request.reason,
        )
        confirmed = await self._store.confirm(
            signed(statement, request.act), self._clock.now(), validate_only=request.validate_only
        )
        return api.ConfirmOutageResponse(outage=_measured(confirmed, self._zone))

    async def _all(self) -> list[api.Outage]:
        """Every record with what sets it apart from the others of its time, by start."""
        declared = await self._store.declared()
        measured = await self._store.measured()
        now = self._clock.now()
        listed = [(_declared(one, self._zone), one.interval) for one in declared]
        listed += [(_measured(one, self._zone), one.interval) for one in measured]
        for number, (message, interval) in enumerate(listed):
            own = number < len(declared)
            others = listed[len(declared) :] if own else listed[: len(declared)]
            message.differences.extend(_differences(interval, others, now))
        return sorted((message for message, _ in listed), key=_key)


def _key(one: api.Outage) -> str:
    """Orders by start; times of the supported years have equally many digits."""
    return f"{one.start_time.ToJsonString()} {one.name}"


def _differences(
    ours: Interval, others: Sequence[tuple[api.Outage, Interval]], now: datetime
) -> list[api.OutageDifference]:
    found = (rules.difference(ours, other.name, theirs, now) for other, theirs in others)
    return [
        api.OutageDifference(
            other=one.other,
            start_seconds=one.start_seconds,
            end_seconds=one.end_seconds,
            overlap_seconds=one.overlap_seconds,
        )
        for one in found
        if one is not None
    ]


def _declared(one: DeclaredOutage, zone: str) -> api.Outage:
    record = one.record
    reason = "declared, applies to this node"
    if one.withdrawn:
        reason = "the declaration was withdrawn"
    elif not one.applies:
        reason = "its scope does not name this node"
    message = api.Outage(
        name=one.name,
        source=api.OUTAGE_SOURCE_DECLARED,
        zone=zone,
        counts=one.counts,
        counts_reason=reason,
        cause=record.cause,
        attribution=record.attribution,
        title=record.title,
        reason=record.reason,
        revision=record.revision,
        act=record.act,
        precision=precision(record.window),
        scope=record.scope,
        late=one.late,
    )
    message.apply_time.FromDatetime(one.apply_time)
    _span(message, one.interval)
    return message


def _measured(one: MeasuredOutage, zone: str) -> api.Outage:
    reason = "measured; counts once an officer has confirmed it"
    if one.kind is Kind.LINK:
        reason = "a link outage never counts: uploads go on"
    elif one.counts:
        reason = "measured and confirmed"
    message = api.Outage(
        name=one.name,
        source=api.OUTAGE_SOURCE_MEASURED,
        zone=zone,
        counts=one.counts,
        counts_reason=reason,
        kind=rules.WIRE_KIND[one.kind],
        probes_failed=one.probes_failed,
        evidence=one.evidence,
        during_upgrade=one.during_upgrade,
    )
    if one.confirmation is not None:
        message.cause = one.confirmation.cause
        message.attribution = one.confirmation.attribution
        message.reason = one.confirmation.reason
        message.confirmed_by = one.confirmation.act.actor
    _span(message, one.interval)
    return message


def _span(message: api.Outage, interval: Interval) -> None:
    message.start_time.FromDatetime(interval.start)
    if interval.end is not None:
        message.end_time.FromDatetime(interval.end)
