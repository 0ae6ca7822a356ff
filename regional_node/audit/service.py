"""What the officer's tools ask about audits, on the local socket.

Leaves out the audit itself (`worker`) and the runs that tell it (`regional_node.reconciliation`).
"""

from __future__ import annotations

from typing import Any

import grpc

from lpse.federation.entries import timestamp
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import audits_pb2 as api
from lpse.intake.v1 import audits_pb2_grpc as rpc
from lpse.storage.verify_pass import VerifyPass
from lpse.storage.verify_store import Pass
from regional_node.audit.store import AuditRun, AuditStore
from regional_node.audit.worker import AuditWorker

Context = grpc.aio.ServicerContext[Any, Any]


class AuditsService(rpc.AuditsServicer):
    """Handlers of `lpse.intake.v1.Audits`."""

    def __init__(self, worker: AuditWorker, store: AuditStore, verify: VerifyPass) -> None:
        self._worker = worker
        self._store = store
        self._verify = verify

    async def RunAudit(
        self, request: api.RunAuditRequest, context: Context
    ) -> api.RunAuditResponse:
        """Compare now; Conflict (FED-7080) without a session."""
        told = await self._worker.audit(records.RECONCILIATION_TRIGGER_DEMAND)
        traffic = self._worker.traffic
        return api.RunAuditResponse(
            audit=_audit(told), calls=traffic.calls, payload_bytes=traffic.payload_bytes
        )

    async def GetAudit(
        self, request: api.GetAuditRequest, context: Context
    ) -> api.GetAuditResponse:
        """The last one, and the journals."""
        newest = await self._store.newest()
        answer = api.GetAuditResponse(passes=map(_pass, await self._verify.passes()))
        if newest is not None:
            answer.audit.CopyFrom(_audit(newest))
        return answer


def _audit(one: AuditRun) -> api.Audit:
    return api.Audit(
        begin_time=timestamp(one.begin_time),
        end_time=timestamp(one.end_time),
        objects=one.objects,
        differences=one.differences,
        healed=one.healed,
        run=one.run,
    )


def _pass(one: Pass) -> api.JournalPass:
    return api.JournalPass(
        journal=one.journal,
        begin_time=timestamp(one.begin_time),
        end_time=timestamp(one.end_time) if one.end_time is not None else None,
        entries=one.tree.size,
        found=one.found,
    )
