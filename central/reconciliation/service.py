"""What operators and auditors ask about reconciliation runs.

Rule: every role may read. Leaves out the records' origin (`ledger`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import grpc

from central.enrolment.admission import Admission
from central.reconciliation.store import ReconciliationRow, ReconciliationStore
from lpse.federation.entries import timestamp
from lpse.federation.errors import NotFound, Refused
from lpse.operator.v1 import reconciliations_pb2 as api
from lpse.operator.v1 import reconciliations_pb2_grpc as rpc
from lpse.runtime.channels import page_size

Context = grpc.aio.ServicerContext[Any, Any]
_NEWEST = 1 << 62


class ReconciliationsService(rpc.ReconciliationsServicer):
    """Handlers of `lpse.operator.v1.Reconciliations`."""

    def __init__(self, store: ReconciliationStore, admission: Admission) -> None:
        self._store = store
        self._admission = admission

    async def GetReconciliation(
        self, request: api.GetReconciliationRequest, context: Context
    ) -> api.GetReconciliationResponse:
        """One run."""
        await self._admission.require_operator(context)
        row = await self._store.get(request.name)
        if row is None:
            raise NotFound("FED-7001", "there is no such reconciliation run")
        return api.GetReconciliationResponse(reconciliation=_run(row))

    async def ListReconciliations(
        self, request: api.ListReconciliationsRequest, context: Context
    ) -> api.ListReconciliationsResponse:
        """Runs, newest first."""
        await self._admission.require_operator(context)
        size = page_size(request.page_size)
        rows = await self._store.page(
            before=_place(request.page_token),
            limit=size + 1,
            node_id=request.node_id,
            trigger=request.trigger,
            with_difference=request.with_difference,
            heads_unequal=request.heads_unequal,
        )
        return api.ListReconciliationsResponse(
            reconciliations=[_run(row) for row in rows[:size]],
            next_page_token=str(rows[size - 1].id) if len(rows) > size else "",
        )


def _place(token: str) -> int:
    if not token:
        return _NEWEST
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise Refused("FED-7002", "the page token is not one of this list")
    return int(token)


def _run(row: ReconciliationRow) -> api.Reconciliation:
    return api.Reconciliation(
        name=row.name,
        node_id=row.node_id,
        epoch=row.epoch,
        index=row.index,
        record_time=timestamp(datetime.fromisoformat(row.record_time)),
        record=row.record,
    )
