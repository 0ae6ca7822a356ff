"""What operators ask about sealed bytes that nodes have set aside.

Rule: sizes and reasons per node, never a package; asking for another attempt is for role operator
and changes nothing but a mark, which the node reads with its next report. Leaves out the attempt.
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

import grpc

from central.uploads.parked_store import ParkedRow, ParkedStore
from lpse.federation.entries import timestamp
from lpse.federation.errors import Refused
from lpse.operator.v1 import transfers_pb2 as api
from lpse.operator.v1 import transfers_pb2_grpc as rpc
from lpse.runtime.channels import page_size
from lpse.runtime.clock import Clock

Context = grpc.aio.ServicerContext[Any, Any]
OPERATOR: Final = "operator"
_TOKEN: Final = re.compile(r"([a-z0-9-]{1,64})/([0-9a-f]{64})")


class Operators(Protocol):
    """Who may ask; implemented by enrolment."""

    async def require_operator(self, context: Context, *roles: str) -> Any:
        """The person behind the call; Denied otherwise."""


class TransfersService(rpc.TransfersServicer):
    """Handlers of `lpse.operator.v1.Transfers`."""

    def __init__(self, store: ParkedStore, operators: Operators, clock: Clock) -> None:
        self._store = store
        self._operators = operators
        self._clock = clock

    async def ListParkedBlobs(
        self, request: api.ListParkedBlobsRequest, context: Context
    ) -> api.ListParkedBlobsResponse:
        """Blobs that nodes set aside, by node."""
        await self._operators.require_operator(context)
        size = page_size(request.page_size)
        rows = await self._store.page(request.node_id, _place(request.page_token), size + 1)
        response = api.ListParkedBlobsResponse(blobs=map(_message, rows[:size]))
        if len(rows) > size:
            last = rows[size - 1]
            response.next_page_token = f"{last.node_id}/{last.blob.digest.hex()}"
        return response

    async def ReplayParkedBlobs(
        self, request: api.ReplayParkedBlobsRequest, context: Context
    ) -> api.ReplayParkedBlobsResponse:
        """Mark them for another attempt."""
        await self._operators.require_operator(context, OPERATOR)
        now = self._clock.wall()
        marked = await self._store.replay(request.node_id, request.code, now)
        return api.ReplayParkedBlobsResponse(marked_blobs=marked)


def _place(token: str) -> tuple[str, bytes]:
    if not token:
        return "", b""
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise Refused("FED-5021", "this page token is not one of ours")
    return found[1], bytes.fromhex(found[2])


def _message(row: ParkedRow) -> api.ParkedBlob:
    message = api.ParkedBlob(
        node_id=row.node_id,
        name=f"blobs/{row.blob.digest.hex()}",
        size_bytes=row.blob.size_bytes,
        cause=row.blob.cause,
        attempts=row.blob.attempts,
        park_time=timestamp(row.park_time),
    )
    if row.replay_time is not None:
        message.replay_time.CopyFrom(timestamp(row.replay_time))
    return message
