"""The audit at the node, joined.

Leaves out when its workers run (`regional_node.app`) and what puts rows back (recovery).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from lpse.federation.checkpoints import Head
from lpse.terminal.daemon import Work
from regional_node.audit.client import Connect
from regional_node.audit.comparing import Comparing
from regional_node.audit.healing import Healing, PutBack
from regional_node.audit.proofs import CentreProofs, OwnProofs
from regional_node.audit.store import AuditStore
from regional_node.audit.worker import AuditWorker
from regional_node.machine import Machine
from regional_node.reconciliation.decided import DecidedRuns


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit of an opened node."""

    worker: AuditWorker
    store: AuditStore
    proofs: OwnProofs

    @property
    def workers(self) -> dict[str, Work]:
        """What runs for ever."""
        return {"audit": self.worker.run}


def open_audit(machine: Machine, connect: Connect, put_back: PutBack | None) -> Audit:
    """Join the parts; nothing runs yet."""
    database, journal, clock = machine.database, machine.journal, machine.clock
    stored: Callable[[], Head | None] = lambda: machine.link.stored_head  # noqa: E731 - a port
    runs = DecidedRuns(
        database,
        journal,
        clock,
        (stored, lambda: machine.national.head),
        software_version=version("lpse-federation"),
    )

    def is_open() -> bool:
        session = machine.link.session
        return session is not None and not session.quarantine_code

    store = AuditStore(database, runs)
    worker = AuditWorker(
        store,
        Comparing(database, journal, Healing(database, journal, put_back, clock), clock),
        CentreProofs(journal, machine.national, stored, machine.entropy),
        (connect, is_open),
        (clock, machine.entropy, timedelta(hours=machine.settings.audit.every_hours)),
        machine.log,
    )
    return Audit(worker, store, OwnProofs(journal))
