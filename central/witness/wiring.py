"""The parts of witnessing at the centre, joined.

Owns which area takes up which returned entries. Leaves out who calls (`areas`).
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from central.calendars import restore as calendars
from central.enrolment import restore as enrolment
from central.enrolment.admission import Admission
from central.national.national import National
from central.national.restoring import Handler, Restorers
from central.operators import restore as operators
from central.outages import restore as outages
from central.releases import restore as releases
from central.rollouts import restore as rollouts
from central.witness.returning import Neighbours, Record, Returning
from central.witness.service import WitnessService
from central.witness.store import WitnessStore
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


def open_witness(
    storage: tuple[Database, Journal, National],
    admission: Admission,
    restoring: Restorers,
    record: Record,
    runtime: tuple[Clock, FilteringBoundLogger],
) -> WitnessService:
    """The nodes' service over opened parts."""
    database, journal, national = storage

    async def readmit() -> None:
        before = admission.nodes()
        await admission.open()
        for binding in before:
            now = admission.node(binding.node_id)
            if now is None or now.signing_key != binding.signing_key:
                key = key_id(binding.signing_key)
                admission.forget(Subject("node", binding.node_id, key))

    clock, log = runtime
    neighbours = Neighbours(
        database=database,
        journal=journal,
        national=national,
        restorers=restoring,
        store=WitnessStore(database),
        record=record,
        readmit=readmit,
        clock=clock,
        log=log,
    )
    return WitnessService(Returning(neighbours), journal, database, admission)
