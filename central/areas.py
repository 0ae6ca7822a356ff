"""The areas of the centre, wired: which projections, plans, workers and services they bring.

Owns the second half of the composition root: everything that reads the regional journals or writes
the national one. Rules: an area is given what it needs and knows no other; every list here is in
one fixed order. Leaves out the link, identity and storage (`app`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import grpc
from structlog.typing import FilteringBoundLogger

from central.enrolment.admission import Admission
from central.fleet.store import FleetStore
from central.ledger.ports import Projection
from central.link.enrolled import EnrolledDirectory
from central.national.national import National
from central.operators.store import OperatorStore
from central.plans.store import PlanStore
from central.uploads.store import UploadsStore
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database
from lpse.storage.blobs import BlobStore

Register = Callable[[grpc.aio.Server], None]
Work = Coroutine[Any, Any, None]


@dataclass(frozen=True, slots=True)
class Base:
    """What every area may use."""

    database: Database
    blobs: BlobStore
    clock: Clock
    log: FilteringBoundLogger
    national: National
    plans: PlanStore
    operators: OperatorStore
    admission: Admission
    directory: EnrolledDirectory


@dataclass
class Areas:
    """What the areas bring; filled by `open_areas`, in order."""

    fleet: FleetStore
    uploads: UploadsStore
    projections: list[Projection] = field(default_factory=list)
    for_nodes: list[Register] = field(default_factory=list)
    for_operators: list[Register] = field(default_factory=list)
    workers: list[Work] = field(default_factory=list)


async def open_areas(base: Base) -> Areas:
    """Make every area over its own tables."""
    areas = Areas(FleetStore(base.database), UploadsStore(base.database))
    areas.projections.append(areas.uploads)
    return areas
