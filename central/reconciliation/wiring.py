"""The centre's own findings and people's decisions, joined.

Owns how recorder and resolutions are made and served. Leaves out runs of nodes and the log, which
follow journals by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import grpc
from structlog.typing import FilteringBoundLogger

from central.blobs.receiving import Receiving
from central.blobs.store import BlobRows
from central.enrolment.admission import Admission
from central.national.national import National
from central.national.restoring import Handler
from central.plans.store import PlanStore
from central.reconciliation.recorder import CentralRuns
from central.reconciliation.resolutions import Histories, ResolutionStore
from central.reconciliation.resolving import ResolutionsService
from lpse.operator.v1 import resolutions_pb2_grpc
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database


@dataclass(frozen=True, slots=True)
class Deciding:
    """What finders record with, and where decisions are found."""

    runs: CentralRuns
    resolutions: ResolutionStore

    def handlers(self) -> dict[str, Handler]:
        """How a restored centre takes both up again from its national entries."""
        return {**self.runs.handlers(), **self.resolutions.handlers()}

    def serve(
        self, plans: PlanStore, receiving: Receiving, admission: Admission
    ) -> Callable[[grpc.aio.Server], None]:
        """The registration of the service `Resolutions` on the operators' listener."""
        service = ResolutionsService(self.resolutions, plans, receiving, admission)
        return lambda server: resolutions_pb2_grpc.add_ResolutionsServicer_to_server(
            service, server
        )


def open_deciding(
    database: Database,
    national: National,
    plans: PlanStore,
    clock: Clock,
    log: FilteringBoundLogger,
    histories: Histories,
) -> Deciding:
    """Make both, and register the act `recon.resolve`."""
    runs = CentralRuns(database, national, clock, log, software_version=version("lpse-federation"))
    attachments = BlobRows(database)
    resolutions = ResolutionStore(database, national, attachments, clock, histories)
    plans.register(resolutions)
    return Deciding(runs, resolutions)
