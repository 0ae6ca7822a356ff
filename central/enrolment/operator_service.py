"""What operators ask about enrolment: codes, and the nodes that have or had access.

Rules: reading is for every role; codes and revocations for role operator, except that a person
invites by the rule of two persons (`central.operators.rules.check_invitation`). The text of a code
leaves once, in the answer that makes it. Leaves out redemption (`service`) and how nodes do
(fleet).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import grpc
from structlog.typing import FilteringBoundLogger

from central.enrolment import rules
from central.enrolment.admission import Admission
from central.enrolment.codes import Codes
from central.enrolment.recovering import draft
from central.enrolment.rules import Binding, Code
from central.enrolment.store import EnrolmentStore
from central.operators.rules import (
    OPERATOR,
    WRITING_ROLES,
    Operator,
    check_invitation,
    check_role,
)
from central.plans.service import plan_message
from central.plans.store import PlanStore
from lpse.federation.errors import Denied, NotFound, Refused
from lpse.federation.limits import PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX
from lpse.federation.persons import check_person_name
from lpse.operator.v1 import (
    enrolments_pb2,
    enrolments_pb2_grpc,
    nodes_pb2,
    nodes_pb2_grpc,
)
from lpse.runtime.channels import Subject
from lpse.runtime.clock import Clock
from lpse.runtime.tls import key_id

Context = grpc.aio.ServicerContext[Any, Any]
_FIRST_PAGE: Final = (datetime(9999, 1, 1, tzinfo=UTC), "")


class EnrolmentsService(enrolments_pb2_grpc.EnrolmentsServicer):
    """Handlers of `lpse.operator.v1.Enrolments`."""

    def __init__(
        self,
        store: EnrolmentStore,
        codes: Codes,
        admission: Admission,
        clock: Clock,
        plans: PlanStore,
    ) -> None:
        self._plans = plans
        self._store = store
        self._codes = codes
        self._admission = admission
        self._clock = clock

    async def CreateEnrolment(
        self, request: enrolments_pb2.CreateEnrolmentRequest, context: Context
    ) -> enrolments_pb2.CreateEnrolmentResponse:
        caller = await self._admission.require_operator(context, *WRITING_ROLES)
        place = (request.province, request.zone)
        if request.recovery_plan:
            check_role(caller, OPERATOR)
            lost = await self._store.node(request.subject)
            place = (lost.province, lost.zone)
        else:
            _check_creation(request, caller)
        code, text = await self._codes.create(
            (request.subject_kind, request.subject),
            place=place,
            role=request.role,
            created_by=caller.name,
            validate_only=request.validate_only,
            recovery=request.recovery_plan,
        )
        if request.validate_only:
            return enrolments_pb2.CreateEnrolmentResponse()
        return enrolments_pb2.CreateEnrolmentResponse(
            enrolment=self._enrolment(code), code=text, endpoint=self._codes.endpoint
        )

    async def PlanRecovery(
        self, request: enrolments_pb2.PlanRecoveryRequest, context: Context
    ) -> enrolments_pb2.PlanRecoveryResponse:
        caller = await self._admission.require_operator(context, OPERATOR)
        lost = await self._store.node(_name(request.name, "nodes"))
        plan = await self._plans.create(
            draft(lost.node_id, lost.province, lost.zone, request.reason),
            created_by=caller.name,
            now=self._clock.wall(),
        )
        return enrolments_pb2.PlanRecoveryResponse(plan=plan_message(plan, self._clock))

    async def GetEnrolment(
        self, request: enrolments_pb2.GetEnrolmentRequest, context: Context
    ) -> enrolments_pb2.Enrolment:
        await self._admission.require_operator(context)
        code = await self._store.find_code(_name(request.name, "enrolments"))
        if code is None:
            raise NotFound("FED-3028", "there is no such enrolment code")
        return self._enrolment(code)

    async def ListEnrolments(
        self, request: enrolments_pb2.ListEnrolmentsRequest, context: Context
    ) -> enrolments_pb2.ListEnrolmentsResponse:
        await self._admission.require_operator(context)
        size = _page_size(request.page_size)
        before = await self._place_of(request.page_token)
        rows: list[Code] = []
        more = True
        while more and len(rows) <= size:  # the state filter depends on the clock: filter here
            page = await self._store.codes(request.subject_kind, before, size + 1)
            more = len(page) > size
            rows += [code for code in page if self._matches(code, request.state)]
            before = (page[-1].create_time, page[-1].code_id) if page else before
        return enrolments_pb2.ListEnrolmentsResponse(
            enrolments=map(self._enrolment, rows[:size]),
            next_page_token=rows[size - 1].code_id if len(rows) > size else "",
        )

    async def RevokeEnrolment(
        self, request: enrolments_pb2.RevokeEnrolmentRequest, context: Context
    ) -> enrolments_pb2.Enrolment:
        caller = await self._admission.require_operator(context, *WRITING_ROLES)
        code_id = _name(request.name, "enrolments")
        found = await self._store.find_code(code_id)
        if found is not None and caller.role != OPERATOR and found.created_by != caller.name:
            raise Denied("FED-3104", "only an operator ends the codes of others")
        code = await self._store.revoke_code(code_id, by=caller.name, reason=request.reason)
        return self._enrolment(code)

    async def _place_of(self, token: str) -> tuple[datetime, str]:
        if not token:
            return _FIRST_PAGE
        code = await self._store.find_code(token)
        if code is None:
            raise Refused("FED-3032", "this page token is not of this list")
        return code.create_time, code.code_id

    def _matches(self, code: Code, state: enrolments_pb2.EnrolmentState.ValueType) -> bool:
        return state in (
            enrolments_pb2.ENROLMENT_STATE_UNSPECIFIED,
            _state(code, self._clock.wall()),
        )

    def _enrolment(self, code: Code) -> enrolments_pb2.Enrolment:
        message = enrolments_pb2.Enrolment(
            name=f"enrolments/{code.code_id}",
            subject_kind=code.subject_kind,
            subject=code.subject,
            province=code.province,
            zone=code.zone,
            role=code.role,
            state=_state(code, self._clock.wall()),
            created_by=code.created_by,
            failures=code.failures,
        )
        message.create_time.FromDatetime(code.create_time)
        message.expire_time.FromDatetime(code.expire_time)
        if code.use_time is not None:
            message.use_time.FromDatetime(code.use_time)
        return message


class NodesService(nodes_pb2_grpc.NodesServicer):
    """Handlers of `lpse.operator.v1.Nodes`."""

    def __init__(
        self,
        store: EnrolmentStore,
        admission: Admission,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._admission = admission
        self._clock = clock
        self._log = log

    async def GetNode(self, request: nodes_pb2.GetNodeRequest, context: Context) -> nodes_pb2.Node:
        await self._admission.require_operator(context)
        return _node(await self._store.node(_name(request.name, "nodes")))

    async def ListNodes(
        self, request: nodes_pb2.ListNodesRequest, context: Context
    ) -> nodes_pb2.ListNodesResponse:
        await self._admission.require_operator(context)
        size = _page_size(request.page_size)
        wanted = {
            nodes_pb2.NODE_STATE_UNSPECIFIED: None,
            nodes_pb2.NODE_STATE_ACTIVE: True,
            nodes_pb2.NODE_STATE_REVOKED: False,
        }.get(request.state)
        rows = await self._store.nodes(
            request.page_token, size + 1, province=request.province, active=wanted
        )
        return nodes_pb2.ListNodesResponse(
            nodes=map(_node, rows[:size]),
            next_page_token=rows[size - 1].node_id if len(rows) > size else "",
        )

    async def RevokeNode(
        self, request: nodes_pb2.RevokeNodeRequest, context: Context
    ) -> nodes_pb2.Node:
        caller = await self._admission.require_operator(context, OPERATOR)
        binding = await self._store.revoke_node(
            _name(request.name, "nodes"),
            by=caller.name,
            reason=request.reason,
            now=self._clock.wall(),
            validate_only=request.validate_only,
        )
        if not binding.active:
            self._admission.forget(Subject("node", binding.node_id, key_id(binding.signing_key)))
            self._log.info("node.revoked", node=binding.node_id, by=caller.name)
        return _node(binding)


def _check_creation(request: enrolments_pb2.CreateEnrolmentRequest, caller: Operator) -> None:
    rules.check_kind(request.subject_kind)
    if request.subject_kind == "node":
        if caller.role != OPERATOR:
            raise Denied("FED-3104", f"the role {caller.role} may not enrol nodes")
        if request.role:
            raise Refused("FED-3025", "a node has no role")
        rules.check_node(request.subject, request.province, request.zone)
        return
    if request.province or request.zone:
        raise Refused("FED-3025", "an operator has no province and no zone")
    check_person_name(request.subject)
    check_invitation(caller.role, request.role)


def _state(code: Code, now: datetime) -> enrolments_pb2.EnrolmentState.ValueType:
    if code.state == rules.OPEN and now >= code.expire_time:
        return enrolments_pb2.ENROLMENT_STATE_EXPIRED
    return {
        rules.OPEN: enrolments_pb2.ENROLMENT_STATE_OPEN,
        rules.USED: enrolments_pb2.ENROLMENT_STATE_USED,
        rules.REVOKED: enrolments_pb2.ENROLMENT_STATE_REVOKED,
        rules.LOCKED: enrolments_pb2.ENROLMENT_STATE_LOCKED,
    }[code.state]


def _node(binding: Binding) -> nodes_pb2.Node:
    active = binding.active
    message = nodes_pb2.Node(
        name=f"nodes/{binding.node_id}",
        node_id=binding.node_id,
        province=binding.province,
        zone=binding.zone,
        state=nodes_pb2.NODE_STATE_ACTIVE if active else nodes_pb2.NODE_STATE_REVOKED,
        key_id=key_id(binding.signing_key),
        revoke_reason=binding.revoke_reason,
        revoked_by=binding.revoked_by,
    )
    message.enrol_time.FromDatetime(binding.enrol_time)
    message.certificate_expire_time.FromDatetime(binding.certificate_expire_time)
    if binding.revoke_time is not None:
        message.revoke_time.FromDatetime(binding.revoke_time)
    return message


def _name(resource: str, collection: str) -> str:
    found, slash, name = resource.partition("/")
    if found != collection or not slash or not name or "/" in name:
        raise Refused("FED-3032", f"the name must be {collection}/…")
    return name


def _page_size(asked: int) -> int:
    if asked < 0:
        raise Refused("FED-3032", "a page cannot be negative")
    return min(asked or PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX)
