"""The parts of witnessing at the centre, joined.

Owns which area takes up which returned entries. Leaves out who calls (`areas`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from central.calendars import restore as calendars
from central.enrolment import restore as enrolment
from central.enrolment.admission import Admission
from central.ledger.ledger import Ledger
from central.link.enrolled import EnrolledKeys
from central.national.national import National
from central.national.restoring import Handler, Restorers
from central.operators import restore as operators
from central.outages import restore as outages
from central.reconciliation.recorder import CentralRuns
from central.releases import restore as releases
from central.releases.lost_store import lost_bundles
from central.rollouts import restore as rollouts
from central.witness.comparing import Comparing, Sources
from central.witness.operator_service import WitnessesService
from central.witness.returning import Neighbours, Returning
from central.witness.service import Lost, WitnessService
from central.witness.store import WitnessStore
from lpse.federation.limits import MISSING_BUNDLES_MAX
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.channels import Subject
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database
from lpse.runtime.tls import key_id
from lpse.storage.journal import Journal


def restorers(certificate_seconds: int, further: dict[str, Handler] | None = None) -> Restorers:
    """Every area that keeps tables beside the national journal."""
    return Restorers(
        {
            **operators.handlers(),
            **enrolment.handlers(certificate_seconds),
            **releases.handlers(),
            **rollouts.handlers(),
            **outages.handlers(),
            **calendars.handlers(),
            **(further or {}),
        }
    )


@dataclass(frozen=True, slots=True)
class Ground:
    """What witnessing stands on."""

    database: Database
    journal: Journal
    national: National
    ledger: Ledger
    admission: Admission
    keys: EnrolledKeys
    clock: Clock
    log: FilteringBoundLogger


def open_witness(
    ground: Ground, restoring: Restorers, runs: CentralRuns, lost: Lost
) -> tuple[WitnessService, WitnessesService]:
    """The service for nodes and the one for operators."""
    store = WitnessStore(ground.database)

    async def record(node_id: str, entries: Sequence[records.ReconciliationEntry]) -> None:
        await runs.record(node_id, records.RECONCILIATION_TRIGGER_RESTORE, entries)

    neighbours = Neighbours(
        database=ground.database,
        journal=ground.journal,
        national=ground.national,
        restorers=restoring,
        store=store,
        record=record,
        readmit=lambda: _readmit(ground.admission),
        came=lost.look,
        clock=ground.clock,
        log=ground.log,
    )
    sources = Sources(ground.journal, ground.ledger, ground.keys)
    comparing = Comparing(sources, store, record, ground.clock, ground.log)
    for_nodes = WitnessService(
        Returning(neighbours), ground.journal, ground.database, ground.admission, lost.declined
    )

    async def missing() -> list[str]:
        found = await lost_bundles(ground.database, MISSING_BUNDLES_MAX)
        return [one.version for one in found]

    for_operators = WitnessesService(store, comparing, ground.national, ground.admission, missing)
    return for_nodes, for_operators


async def _readmit(admission: Admission) -> None:
    """Who has access is read again; whoever lost it meanwhile is out at once."""
    before = admission.nodes()
    await admission.open()
    for binding in before:
        now = admission.node(binding.node_id)
        if now is None or now.signing_key != binding.signing_key:
            admission.forget(Subject("node", binding.node_id, key_id(binding.signing_key)))
