"""The RPC that steps the centre's legal time in a drill.

Rule: only a centre whose environment is "exercise" takes it, from an operator. Leaves out the clock
itself (`lpse.runtime.clock`); TLS, leases and retries go on in real time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import grpc

from central.operators.rules import OPERATOR
from central.operators.service import Admission
from lpse.federation.entries import timestamp
from lpse.federation.errors import Denied, Refused
from lpse.operator.v1 import exercise_pb2 as api
from lpse.operator.v1 import exercise_pb2_grpc
from lpse.runtime.clock import Clock, ExerciseClock

Context = grpc.aio.ServicerContext[Any, Any]


class ExerciseService(exercise_pb2_grpc.ExerciseServicer):
    """See the module's first lines."""

    def __init__(self, admission: Admission, clock: Clock) -> None:
        self._admission = admission
        self._clock = clock

    async def SetLegalTime(
        self, request: api.SetLegalTimeRequest, context: Context
    ) -> api.SetLegalTimeResponse:
        await self._admission.require_operator(context, OPERATOR)
        if not isinstance(self._clock, ExerciseClock):
            raise Denied(
                "FED-2231",
                "legal time cannot be stepped in production",
                remedy='only a centre with environment = "exercise" takes this call',
            )
        wanted = request.legal_time.ToDatetime(tzinfo=UTC)
        if not datetime(2000, 1, 1, tzinfo=UTC) <= wanted < datetime(2200, 1, 1, tzinfo=UTC):
            raise Refused("FED-2235", "that legal time is out of range")
        self._clock.set_legal(wanted)
        return api.SetLegalTimeResponse(legal_time=timestamp(self._clock.now()))
