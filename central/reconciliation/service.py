"""What operators and auditors ask about reconciliation runs, and how the folder is joined.

Rule: every role may read. Leaves out the records' origin (`ledger`) and single entries
(`log_service`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc

from central.ledger.ledger import Ledger
from central.reconciliation.exporting import Exporting, Sources
from central.reconciliation.keys_store import KeysStore
from central.reconciliation.log_service import LogService, Operators, Reading, place_of
from central.reconciliation.log_store import LogStore
from central.reconciliation.national_runs import NationalRuns
from central.reconciliation.rows import ReconciliationRow
from central.reconciliation.store import ReconciliationStore
from central.reconciliation.tokens import query_of
from lpse.federation.entries import timestamp
from lpse.federation.notes import Signer
from lpse.federation.recon_log import check_filter
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.operator.v1 import reconciliations_pb2 as api
from lpse.runtime.channels import page_size
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database
from lpse.storage.journal import Journal

Context = grpc.aio.ServicerContext[Any, Any]


class ReconciliationsService(LogService):
    """Handlers of `lpse.operator.v1.Reconciliations`."""

    def __init__(self, store: ReconciliationStore, reading: Reading, admission: Operators) -> None:
        super().__init__(reading, admission)
        self._store = store
        self._log = reading.store

    async def GetReconciliation(
        self, request: api.GetReconciliationRequest, context: Context
    ) -> api.GetReconciliationResponse:
        """One run."""
        await self._admission.require_operator(context)
        row = await self._store.get(request.name)
        return api.GetReconciliationResponse(reconciliation=_run(row))

    async def ListReconciliations(
        self, request: api.ListReconciliationsRequest, context: Context
    ) -> api.ListReconciliationsResponse:
        """Runs, newest first."""
        await self._admission.require_operator(context)
        size = page_size(request.page_size)
        before = place_of(request.page_token)
        if request.HasField("filter") and not _asks_of_runs(request.filter):
            query = query_of(check_filter(request.filter))
            rows = await self._log.runs(query, before=before, limit=size + 1)
        else:
            rows = await self._store.page(
                before=before,
                limit=size + 1,
                node_id=next(iter(request.filter.node_ids), request.node_id),
                trigger=next(iter(request.filter.triggers), request.trigger),
                with_difference=request.with_difference or request.filter.with_difference,
                heads_unequal=request.heads_unequal or request.filter.heads_unequal,
            )
        return api.ListReconciliationsResponse(
            reconciliations=[_run(row) for row in rows[:size]],
            next_page_token=str(rows[size - 1].id) if len(rows) > size else "",
        )


@dataclass(frozen=True, slots=True)
class LogParts:
    """What the log is made of."""

    database: Database
    journal: Journal
    signer: Signer
    clock: Clock


def open_log(
    parts: LogParts, store: ReconciliationStore, ledger: Ledger, admission: Operators
) -> tuple[ReconciliationsService, NationalRuns]:
    """The service for operators, and the worker that takes in what the centre itself wrote."""
    entries = LogStore(parts.database)
    sources = Sources(ledger, parts.journal, KeysStore(parts.database))
    exporting = Exporting(entries, sources, parts.signer)
    reading = Reading(entries, sources, exporting, parts.journal, parts.clock)
    worker = NationalRuns(parts.database, parts.journal, store, parts.clock)
    return ReconciliationsService(store, reading, admission), worker


def _asks_of_runs(asked: log.LogFilter) -> bool:
    """Whether runs themselves answer it: so runs without entries are found as well."""
    told = log.LogFilter(
        node_ids=asked.node_ids[:1],
        triggers=asked.triggers[:1],
        with_difference=asked.with_difference,
        heads_unequal=asked.heads_unequal,
    )
    return told == asked


def _run(row: ReconciliationRow) -> api.Reconciliation:
    return api.Reconciliation(
        name=row.name,
        node_id=row.node_id,
        epoch=row.epoch,
        index=row.index,
        record_time=timestamp(datetime.fromisoformat(row.record_time)),
        record=row.record,
    )
