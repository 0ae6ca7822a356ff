"""The RPCs about outages at the centre: preview and plan, and what became of declarations.

Rules: planning is for operators, reading for everybody active; a plan shows exactly which nodes and
how many packages it would touch. Leaves out approving and applying (`central.plans`).
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from central.operators.rules import OPERATOR, ROLES
from central.operators.service import Admission, Context
from central.outages import rules
from central.outages.packages_store import Receipt
from central.outages.rules import Wanted
from central.outages.store import OutageStore, Preview, StoredOutage
from central.plans.service import plan_message
from central.plans.store import PlanStore
from lpse.federation.compensation_words import ENGLISH
from lpse.federation.outage_windows import window_text
from lpse.federation.v1 import directives_pb2 as directives
from lpse.operator.v1 import outages_pb2 as api
from lpse.operator.v1 import outages_pb2_grpc
from lpse.runtime.channels import page_size
from lpse.runtime.clock import Clock


class OutagesService(outages_pb2_grpc.OutagesServicer):
    """Handlers of `lpse.operator.v1.Outages`."""

    def __init__(
        self, store: OutageStore, plans: PlanStore, admission: Admission, clock: Clock
    ) -> None:
        self._store = store
        self._plans = plans
        self._admission = admission
        self._clock = clock

    async def PlanOutage(
        self, request: api.PlanOutageRequest, context: Context
    ) -> api.PlanOutageResponse:
        person = await self._admission.require_operator(context, OPERATOR)
        plans = None if request.validate_only else self._plans
        preview, plan = await self._store.plan(
            _wanted(request), request.outage, plans, person.name, self._clock.wall()
        )
        response = _previewed(preview)
        if plan is not None:
            response.plan.CopyFrom(plan_message(plan, self._clock))
        return response

    async def GetOutage(
        self, request: api.GetOutageRequest, context: Context
    ) -> api.GetOutageResponse:
        await self._admission.require_operator(context, *ROLES)
        newest, revisions, receipts, concerned = await self._store.get(request.name)
        index = {one.national_index: one.record.revision for one in revisions}
        known = {one.node_id: one for one in receipts}
        named = sorted({*concerned, *known})
        return api.GetOutageResponse(
            outage=_outage(newest),
            revisions=[one.record for one in revisions],
            receipts=[_receipt(node, known.get(node), index) for node in named],
        )

    async def ListOutages(
        self, request: api.ListOutagesRequest, context: Context
    ) -> api.ListOutagesResponse:
        await self._admission.require_operator(context, *ROLES)
        size = page_size(request.page_size)
        found = await self._store.page(request.page_token, size + 1, state=request.state)
        return api.ListOutagesResponse(
            outages=map(_outage, found[:size]),
            next_page_token=found[size - 1].record.outage if len(found) > size else "",
        )


def _wanted(request: api.PlanOutageRequest) -> Wanted:
    return Wanted(
        act=request.act,
        scope=request.scope,
        province=request.province,
        node_ids=tuple(request.node_ids),
        services=tuple(request.services),
        window=request.window,
        cause=request.cause,
        attribution=request.attribution,
        title=request.title,
        reason=request.reason,
        zone=request.zone,
    )


def _previewed(preview: Preview) -> api.PlanOutageResponse:
    response = api.PlanOutageResponse(
        revision=preview.record,
        packages=preview.packages,
        window_text=_window_text(preview.record),
    )
    for node in preview.nodes:
        listed = response.nodes.add(node_id=node.node_id)
        touched = preview.touched.get(node.node_id)
        if touched is not None:
            listed.packages = touched.packages
            listed.as_of_time.FromDatetime(touched.as_of)
    return response


def _outage(stored: StoredOutage) -> api.Outage:
    message = api.Outage(
        name=stored.record.outage,
        revision=stored.record,
        state=stored.state.value,
        window_text=_window_text(stored.record),
        national_index=stored.national_index,
        nodes=stored.nodes,
        nodes_applied=stored.applied,
        nodes_applied_late=stored.applied_late,
    )
    message.publish_time.FromDatetime(stored.publish_time)
    return message


def _receipt(node_id: str, said: Receipt | None, revisions: dict[int, int]) -> api.OutageReceipt:
    message = api.OutageReceipt(node_id=node_id)
    if said is not None:
        message.revision = revisions.get(said.national_index, 0)
        message.outcome = said.outcome
        message.late = said.late
        message.detail = said.detail
        message.apply_time.FromDatetime(said.apply_time)
        message.packages_proposed = said.proposed
        message.packages_decided = said.decided
        message.packages_already_opened = said.already_opened
    return message


def _window_text(record: directives.OutageRevised) -> str:
    zone = ZoneInfo(record.zone or rules.DEFAULT_ZONE)
    return window_text(record.window, zone, ENGLISH)
