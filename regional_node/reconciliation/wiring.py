"""Decisions of officers about the node's own runs, joined.

Leaves out the runs themselves (`runs`, `decided`) and who calls (`areas`).
"""

from __future__ import annotations

from collections.abc import Callable

import grpc

from lpse.intake.v1 import resolutions_pb2_grpc
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database
from lpse.storage.journal import Journal
from regional_node.reconciliation.attachments import Attachments
from regional_node.reconciliation.resolutions_store import ResolutionStore
from regional_node.reconciliation.resolving import Officers, ResolutionsService


def open_resolving(
    database: Database,
    journal: Journal,
    clock: Clock,
    officers: Officers,
    attachments: Attachments,
) -> Callable[[grpc.aio.Server], None]:
    """The registration of the service `Resolutions` on the node's local socket."""
    store = ResolutionStore(database, journal, clock)
    service = ResolutionsService(store, officers, attachments)
    return lambda server: resolutions_pb2_grpc.add_ResolutionsServicer_to_server(service, server)
