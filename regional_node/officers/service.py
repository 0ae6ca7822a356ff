"""The RPCs about persons of the node, on its local socket.

Rule: whoever reaches the socket may read; writing needs an admin's signature, except for the first
admin. Leaves out decisions (schedule, outages, intake): they verify signatures by `Officers`.
"""

from __future__ import annotations

from typing import Any, Final

import grpc

from lpse.federation.errors import Denied, NotFound
from lpse.intake.v1 import officers_pb2 as api
from lpse.intake.v1 import officers_pb2_grpc
from lpse.runtime.channels import page_size
from regional_node.officers.rules import ROLES, Officer
from regional_node.officers.store import Officers

Context = grpc.aio.ServicerContext[Any, Any]
PREFIX: Final = "officers/"
_ROLE: Final = {role: api.OfficerRole.Value(f"OFFICER_ROLE_{role.upper()}") for role in ROLES}
_NAME_OF: Final = {value: role for role, value in _ROLE.items()}


class OfficersService(officers_pb2_grpc.OfficersServicer):
    """Handlers of `lpse.intake.v1.Officers`."""

    def __init__(self, officers: Officers) -> None:
        self._officers = officers

    async def AddOfficer(
        self, request: api.AddOfficerRequest, context: Context
    ) -> api.AddOfficerResponse:
        added = await self._officers.add(
            request.officer_id,
            _NAME_OF.get(request.role, ""),
            request.signing_key,
            request.act if request.HasField("act") else None,
            validate_only=request.validate_only,
        )
        return api.AddOfficerResponse(officer=_message(added))

    async def GetOfficer(
        self, request: api.GetOfficerRequest, context: Context
    ) -> api.GetOfficerResponse:
        found = await self._officers.get(_id(request.name))
        return api.GetOfficerResponse(officer=_message(found))

    async def ListOfficers(
        self, request: api.ListOfficersRequest, context: Context
    ) -> api.ListOfficersResponse:
        size = page_size(request.page_size)
        rows = await self._officers.page(request.page_token, size + 1)
        return api.ListOfficersResponse(
            officers=map(_message, rows[:size]),
            next_page_token=rows[size - 1].name if len(rows) > size else "",
        )

    async def RevokeOfficer(
        self, request: api.RevokeOfficerRequest, context: Context
    ) -> api.RevokeOfficerResponse:
        if not request.HasField("act"):
            raise Denied("FED-3111", "an admin must sign for a revocation")
        revoked = await self._officers.revoke(
            _id(request.name), request.reason, request.act, validate_only=request.validate_only
        )
        return api.RevokeOfficerResponse(officer=_message(revoked))


def _id(name: str) -> str:
    if not name.startswith(PREFIX):
        raise NotFound("FED-3103", "a person's resource name begins with officers/")
    return name.removeprefix(PREFIX)


def _message(officer: Officer) -> api.Officer:
    state = api.OFFICER_STATE_ACTIVE if officer.active else api.OFFICER_STATE_REVOKED
    message = api.Officer(
        name=PREFIX + officer.name,
        role=_ROLE[officer.role],
        state=state,
        signing_key=officer.signing_key,
        added_by=officer.added_by,
        revoke_reason=officer.revoke_reason,
    )
    message.create_time.FromDatetime(officer.create_time)
    if officer.revoke_time:
        message.revoke_time.FromDatetime(officer.revoke_time)
    return message
