"""The RPCs about persons of the centre.

Rules: reading is for every active person, revoking for operators and approvers; once a revocation
is durable, the person's open streams end. Invitations are made by the enrolment service under
`rules.check_invitation`.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import grpc

from central.operators.rules import AUDITOR, ROLES, WRITING_ROLES, Operator
from central.operators.store import OperatorStore
from lpse.federation.errors import NotFound
from lpse.operator.v1 import operators_pb2 as api
from lpse.operator.v1 import operators_pb2_grpc
from lpse.runtime.channels import Subject, page_size
from lpse.runtime.clock import Clock
from lpse.runtime.tls import key_id

Context = grpc.aio.ServicerContext[Any, Any]
PREFIX: Final = "operators/"


class Admission(Protocol):
    """Who is calling; implemented by enrolment from the client certificate."""

    async def require_operator(self, context: Context, *roles: str) -> Operator:
        """The active person behind the call, in one of `roles`; Denied otherwise."""


class Doorkeeper(Admission, Protocol):
    """An admission that also ends what a subject has open."""

    def forget(self, subject: Subject) -> None:
        """A revocation is durable: the subject is out, and open streams end."""


class OperatorsService(operators_pb2_grpc.OperatorsServicer):
    """Handlers of `lpse.operator.v1.Operators`."""

    def __init__(self, store: OperatorStore, admission: Doorkeeper, clock: Clock) -> None:
        self._store = store
        self._admission = admission
        self._clock = clock

    async def GetOperator(
        self, request: api.GetOperatorRequest, context: Context
    ) -> api.GetOperatorResponse:
        await self._admission.require_operator(context, *ROLES)
        found = await self._store.get(_id(request.name))
        return api.GetOperatorResponse(operator=_message(found))

    async def ListOperators(
        self, request: api.ListOperatorsRequest, context: Context
    ) -> api.ListOperatorsResponse:
        await self._admission.require_operator(context, *ROLES)
        size = page_size(request.page_size)
        rows = await self._store.page(request.page_token, size + 1)
        return api.ListOperatorsResponse(
            operators=map(_message, rows[:size]),
            next_page_token=rows[size - 1].name if len(rows) > size else "",
        )

    async def RevokeOperator(
        self, request: api.RevokeOperatorRequest, context: Context
    ) -> api.RevokeOperatorResponse:
        actor = await self._admission.require_operator(context, *WRITING_ROLES)
        revoked = await self._store.revoke(
            _id(request.name),
            by=actor.name,
            reason=request.reason,
            now=self._clock.wall(),
            validate_only=request.validate_only,
        )
        if not revoked.active:
            self._admission.forget(Subject("operator", revoked.name, key_id(revoked.signing_key)))
        return api.RevokeOperatorResponse(operator=_message(revoked))


_ROLE: Final = {
    "operator": api.OPERATOR_ROLE_OPERATOR,
    "approver": api.OPERATOR_ROLE_APPROVER,
    AUDITOR: api.OPERATOR_ROLE_AUDITOR,
}


def _id(name: str) -> str:
    if not name.startswith(PREFIX):
        raise NotFound("FED-3103", "a person's resource name begins with operators/")
    return name.removeprefix(PREFIX)


def _message(operator: Operator) -> api.Operator:
    state = api.OPERATOR_STATE_ACTIVE if operator.active else api.OPERATOR_STATE_REVOKED
    message = api.Operator(
        name=PREFIX + operator.name,
        role=_ROLE[operator.role],
        state=state,
        signing_key=operator.signing_key,
        added_by=operator.added_by,
        revoked_by=operator.revoked_by,
        revoke_reason=operator.revoke_reason,
    )
    message.create_time.FromDatetime(operator.create_time)
    if operator.revoke_time:
        message.revoke_time.FromDatetime(operator.revoke_time)
    return message
