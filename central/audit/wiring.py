"""The audit at the centre, joined: its service for nodes and its workers.

Leaves out which listener serves it and when it runs (`central.areas`, `central.app`).
"""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from structlog.typing import FilteringBoundLogger

from central.audit.backlog import BacklogWorker
from central.audit.challenging import Findings
from central.audit.comparisons import Comparisons
from central.audit.damage import Damage
from central.audit.entries import EntryHealing, Held
from central.audit.entries_service import HealingService
from central.audit.examining import Examining
from central.audit.mending import Mending
from central.audit.proving import Proving
from central.audit.service import Admission, AuditService
from central.audit.store import BacklogStore
from central.ledger.ledger import Ledger
from central.recovery.noticing import Noticing
from lpse.federation.checkpoints import Head
from lpse.federation.v1 import audit_pb2_grpc, healing_pb2_grpc
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database
from lpse.storage.entry_copies import OthersCopies, OwnCopies
from lpse.storage.journal import Journal
from lpse.storage.verify_pass import Pace, VerifyPass
from lpse.storage.verify_sources import Check
from lpse.terminal.daemon import Work


@dataclass(frozen=True, slots=True)
class AuditBase:
    """What the audit works with."""

    database: Database
    journal: Journal
    ledger: Ledger
    mending: Mending
    admission: Admission
    clock: Clock
    entropy: Entropy
    log: FilteringBoundLogger
    findings: Findings
    check: Check  # raises unless a key of the node, present or former, signed its head
    pace: Pace


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit of an opened centre."""

    service: AuditService
    backlog: BacklogWorker
    verify: VerifyPass
    entries: EntryHealing
    healing: HealingService

    @property
    def workers(self) -> dict[str, Work]:
        """What runs in the background."""
        return {
            "audit_backlog": self.backlog.run,
            "audit_verify": self.verify.run,
            "entry_healing": self.entries.run,
        }

    def notes(self) -> tuple[str, ...]:
        """What whoever watches the daemon should know."""
        return (*self.verify.notes(), *self.entries.notes())

    def register(self, server: grpc.aio.Server) -> None:
        """Serve on the mTLS listener of nodes."""
        audit_pb2_grpc.add_AuditServicer_to_server(self.service, server)
        healing_pb2_grpc.add_HealingServicer_to_server(self.healing, server)


def open_audit(base: AuditBase) -> Audit:
    """Join the parts; nothing runs yet."""
    database, ledger, clock = base.database, base.ledger, base.clock
    backlog = BacklogStore(database)

    async def check_own(head: Head) -> None:
        head.verify(base.journal.verifier)

    held = Held(
        OwnCopies(database, base.journal, check_own),
        OthersCopies(database, ledger.received, base.check),
    )
    verify = VerifyPass(
        database,
        [held.national, held.regional],
        Damage(base.findings).tell,
        clock,
        base.pace,
        base.log,
    )
    service = AuditService(
        database,
        Comparisons(database, ledger, backlog, clock, base.entropy),
        Examining(database, ledger, base.mending, clock),
        Proving(ledger, base.journal, clock, verify.suspect),
        base.admission,
        clock,
    )
    entries = EntryHealing(database, held, ledger, verify, base.findings, (clock, base.log))
    healing = HealingService(entries, (base.admission, Noticing(base.findings)), clock)
    waiting = BacklogWorker(database, ledger, backlog, clock)
    return Audit(service, waiting, verify, entries, healing)
