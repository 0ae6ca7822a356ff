"""The RPCs about plans, for every area alike.

Rules: operators apply, approvers approve with their own signature, everybody active reads. Leaves
out the making of plans: each area previews its own acts.
"""

from __future__ import annotations

from typing import Final

from central.operators.rules import APPROVER, OPERATOR, ROLES, check_act
from central.operators.service import Admission, Context
from central.plans.rules import APPROVE, Plan, PlanState
from central.plans.store import PlanStore
from lpse.federation.errors import Denied, Refused
from lpse.operator.v1 import plans_pb2 as api
from lpse.operator.v1 import plans_pb2_grpc
from lpse.runtime.channels import page_size
from lpse.runtime.clock import Clock

_STATES: Final = {state: api.PlanState.Value(f"PLAN_STATE_{state.value}") for state in PlanState}


class PlansService(plans_pb2_grpc.PlansServicer):
    """Handlers of `lpse.operator.v1.Plans`."""

    def __init__(self, store: PlanStore, admission: Admission, clock: Clock) -> None:
        self._store = store
        self._admission = admission
        self._clock = clock

    async def GetPlan(self, request: api.GetPlanRequest, context: Context) -> api.GetPlanResponse:
        await self._admission.require_operator(context, *ROLES)
        return api.GetPlanResponse(plan=self.message(await self._store.get(request.name)))

    async def ListPlans(
        self, request: api.ListPlansRequest, context: Context
    ) -> api.ListPlansResponse:
        await self._admission.require_operator(context, *ROLES)
        size = page_size(request.page_size)
        now = self._clock.wall()
        rows = await self._store.page(
            _before(request.page_token),
            size + 1,
            act=request.act,
            keep=lambda plan: not request.state or _STATES[plan.state(now)] == request.state,
        )
        more = rows[size - 1].name if len(rows) > size else ""
        return api.ListPlansResponse(
            plans=[self.message(plan, whole=False) for plan in rows[:size]],
            next_page_token=more.removeprefix("plans/"),
        )

    async def ApprovePlan(
        self, request: api.ApprovePlanRequest, context: Context
    ) -> api.ApprovePlanResponse:
        person = await self._admission.require_operator(context, APPROVER)
        plan = await self._store.get(request.name)
        if not request.HasField("act"):
            raise Denied("FED-3101", "an approval needs the approver's own signature")
        now = self._clock.wall()
        check_act(person, request.act, act=APPROVE, digest=plan.digest, now=now)
        approved = await self._store.approve(
            request.name, person, request.act, now, validate_only=request.validate_only
        )
        return api.ApprovePlanResponse(plan=self.message(approved))

    async def ApplyPlan(
        self, request: api.ApplyPlanRequest, context: Context
    ) -> api.ApplyPlanResponse:
        await self._admission.require_operator(context, OPERATOR)
        applied = await self._store.apply(
            request.name,
            self._clock.wall(),
            digest=request.digest,
            expect_nodes=request.expect_nodes,
            act=request.act,
            validate_only=request.validate_only,
        )
        return api.ApplyPlanResponse(plan=self.message(applied))

    def message(self, plan: Plan, *, whole: bool = True) -> api.Plan:
        """The plan with its state as of now."""
        return plan_message(plan, self._clock, whole=whole)


def plan_message(plan: Plan, clock: Clock, *, whole: bool = True) -> api.Plan:
    """A plan on the wire; used by every area that makes plans. Lists leave out its bulk."""
    message = api.Plan(
        name=plan.name,
        digest=plan.digest,
        act=plan.act,
        document=plan.document if whole else b"",
        node_ids=plan.node_ids if whole else (),
        node_count=len(plan.node_ids),
        world=plan.world,
        created_by=plan.created_by,
        reason=plan.reason,
        approvals_needed=plan.approvals_needed,
        approvals=plan.approvals,
        state=_STATES[plan.state(clock.wall())],
        result=plan.result,
    )
    message.create_time.FromDatetime(plan.create_time)
    message.expire_time.FromDatetime(plan.expire_time)
    return message


def _before(token: str) -> int | None:
    if not token:
        return None
    if not (token.isascii() and token.isdigit()) or len(token) > 15:
        raise Refused("FED-3209", "this page token is not one of ours")
    return int(token)
