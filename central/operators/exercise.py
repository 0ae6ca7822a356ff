"""Stepping legal time at the centre, for drills and the demo.

Rule: production refuses it. Leaves out the clock itself (`lpse.runtime.clock`).
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

import grpc

from central.operators.rules import OPERATOR
from central.operators.service import Admission
from lpse.federation.errors import Denied, Refused
from lpse.operator.v1 import exercise_pb2 as api
from lpse.operator.v1 import exercise_pb2_grpc as rpc
from lpse.runtime.clock import Clock, ExerciseClock

Context = grpc.aio.ServicerContext[Any, Any]


class ExerciseService(rpc.ExerciseServicer):
    """Handlers of `lpse.operator.v1.Exercise`."""

    def __init__(self, admission: Admission, clock: Clock) -> None:
        self._admission = admission
        self._clock = clock

    async def SetLegalTime(
        self, request: api.SetLegalTimeRequest, context: Context
    ) -> api.SetLegalTimeResponse:
        """Denied (FED-2231) in production."""
        await self._admission.require_operator(context, OPERATOR)
        if not isinstance(self._clock, ExerciseClock):
            raise Denied(
                "FED-2231",
                "legal time can be stepped in an exercise only",
                remedy='a drill runs with environment = "exercise", never on production data',
            )
        if not request.HasField("legal_time"):
            raise Refused("FED-2232", "no legal time was given")
        self._clock.set_legal(request.legal_time.ToDatetime(tzinfo=UTC))
        answer = api.SetLegalTimeResponse()
        answer.legal_time.FromDatetime(self._clock.now())
        return answer
