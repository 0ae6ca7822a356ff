"""What the officer's tools ask about reconciliation runs, on the local socket.

Leaves out the runs themselves (`runs`), single entries (`log_service`) and the link that starts
runs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc

from lpse.federation.entries import timestamp
from lpse.federation.recon_log import check_filter
from lpse.intake.v1 import reconciliations_pb2 as api
from lpse.runtime.channels import page_size
from regional_node.reconciliation.log_service import LogParts, LogService, token_of
from regional_node.reconciliation.store import ReconciliationStore, RunRow

Context = grpc.aio.ServicerContext[Any, Any]


class ReconciliationsService(LogService):
    """Handlers of `lpse.intake.v1.Reconciliations`."""

    def __init__(
        self, store: ReconciliationStore, parts: LogParts, demand: Callable[[], bool]
    ) -> None:
        """`demand` is the link's `demand_run`."""
        super().__init__(parts)
        self._store = store
        self._demand = demand

    async def GetReconciliation(
        self, request: api.GetReconciliationRequest, context: Context
    ) -> api.GetReconciliationResponse:
        """One run, by its name or its number."""
        row = await self._store.find(request.name)
        return api.GetReconciliationResponse(reconciliation=_run(row))

    async def ListReconciliations(
        self, request: api.ListReconciliationsRequest, context: Context
    ) -> api.ListReconciliationsResponse:
        """Runs, newest first."""
        size = page_size(request.page_size)
        before = token_of(request.page_token)
        if request.HasField("filter"):
            asked = check_filter(request.filter)
            rows = await self._log.reading.runs(asked, before, size + 1)
        else:
            rows = await self._store.page(
                before=before,
                limit=size + 1,
                trigger=request.trigger,
                with_difference=request.with_difference,
            )
        return api.ListReconciliationsResponse(
            reconciliations=[_run(row) for row in rows[:size]],
            next_page_token=str(rows[size - 1].number) if len(rows) > size else "",
        )

    async def RunReconciliation(
        self, request: api.RunReconciliationRequest, context: Context
    ) -> api.RunReconciliationResponse:
        """Have the link say hello again."""
        return api.RunReconciliationResponse(immediate=self._demand())


def _run(row: RunRow) -> api.Reconciliation:
    run = api.Reconciliation(
        name=row.name, finished=row.finished, index=row.index or 0, record=row.record
    )
    if row.record_time is not None:
        run.record_time.CopyFrom(timestamp(datetime.fromisoformat(row.record_time)))
    return run
