"""The RPCs about upload grants, on the node's local socket.

Rules: whoever reaches the socket may make grants, as SPSE does; an address is said once, in the
answer that made it, and never shown again; nothing here says what was uploaded. Leaves out the
addresses themselves (regional_node/web) and how a revoked grant's uploads end (regional_node/tus).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from lpse.federation.commitments import CHANNEL_BIDDING_ROOM, CHANNEL_DIRECT
from lpse.federation.errors import Refused
from lpse.intake.v1 import grants_pb2 as wire
from lpse.intake.v1 import grants_pb2_grpc as grpc_wire
from lpse.intake.v1 import submissions_pb2 as shared
from lpse.runtime.clock import Clock
from regional_node.grants.rules import Grant, Wish, unknown_name
from regional_node.grants.store import Grants
from regional_node.intake.details import read_vendor_details

Context = grpc.aio.ServicerContext[Any, Any]
PREFIX: Final = "grants/"
_CHANNELS: Final = {
    shared.CHANNEL_DIRECT: CHANNEL_DIRECT,
    shared.CHANNEL_BIDDING_ROOM: CHANNEL_BIDDING_ROOM,
}
_WIRE_CHANNELS: Final = {channel: value for value, channel in _CHANNELS.items()}


class GrantsService(grpc_wire.GrantsServicer):
    """Handlers of `lpse.intake.v1.Grants`."""

    def __init__(
        self,
        grants: Grants,
        clock: Clock,
        url_of: Callable[[str], str],
        end_uploads: Callable[[Grant], Awaitable[None]],
    ) -> None:
        """`url_of`: the address of a token; `end_uploads`: what a revoked grant still receives."""
        self._grants = grants
        self._clock = clock
        self._url_of = url_of
        self._end_uploads = end_uploads

    async def CreateGrant(
        self, request: wire.CreateGrantRequest, context: Context
    ) -> wire.CreateGrantResponse:
        vendor, extra = read_vendor_details(request.details_json)
        wish = Wish(
            package=request.package,
            stage=request.stage,
            vendor=vendor,
            channel=_CHANNELS.get(request.channel, ""),
            seat=request.seat,
            bytes_max=request.bytes_max,
            expire_time=_instant(request.expire_time) if request.HasField("expire_time") else None,
            extra=extra,
            request_id=request.request_id,
        )
        grant, token = await self._grants.create(wish)
        return wire.CreateGrantResponse(grant=self._message(grant), url=self._url_of(token))

    async def GetGrant(
        self, request: wire.GetGrantRequest, context: Context
    ) -> wire.GetGrantResponse:
        grant = await self._grants.get(_name_of(request.name))
        return wire.GetGrantResponse(grant=self._message(grant))

    async def RevokeGrant(
        self, request: wire.RevokeGrantRequest, context: Context
    ) -> wire.RevokeGrantResponse:
        grant = await self._grants.revoke(_name_of(request.name), request.reason)
        await self._end_uploads(grant)
        return wire.RevokeGrantResponse(grant=self._message(grant))

    def _message(self, grant: Grant) -> wire.Grant:
        message = wire.Grant(
            name=PREFIX + grant.name,
            state=_state(grant, self._clock.now()),
            package=grant.package,
            stage=grant.stage,
            channel=_WIRE_CHANNELS[grant.channel],
            seat=grant.seat,
            bytes_max=grant.bytes_max,
            revoke_reason=grant.revoke_reason,
        )
        message.create_time.FromDatetime(grant.create_time)
        message.expire_time.FromDatetime(grant.expire_time)
        return message


def _state(grant: Grant, now: datetime) -> wire.GrantState.ValueType:
    if grant.revoked:
        return wire.GRANT_STATE_REVOKED
    return wire.GRANT_STATE_LIVE if grant.is_live(now) else wire.GRANT_STATE_EXPIRED


def _name_of(name: str) -> str:
    if not name.startswith(PREFIX):
        raise unknown_name()
    return name.removeprefix(PREFIX)


def _instant(stamp: Timestamp) -> datetime:
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Refused("FED-5303", "the expire_time is no instant of this calendar") from error
