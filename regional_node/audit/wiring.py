"""The audit at the node, joined.

Leaves out when its workers run (`regional_node.app`) and what puts rows back (recovery).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

import grpc

from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.intake.v1 import audits_pb2_grpc
from lpse.storage.entry_copies import OthersCopies, OwnCopies
from lpse.storage.healing_rows import judged
from lpse.storage.received import ReceivedJournals
from lpse.storage.verify_pass import Pace, Verified, VerifyPass
from lpse.terminal.daemon import Work
from regional_node.audit.client import Connect
from regional_node.audit.comparing import Comparing
from regional_node.audit.entries import EntryHealing, Held, Road
from regional_node.audit.healing import Healing, Rebuilding
from regional_node.audit.proofs import CentreProofs, OwnProofs
from regional_node.audit.service import AuditsService
from regional_node.audit.store import AuditStore
from regional_node.audit.worker import SCHEDULE, AuditWorker
from regional_node.identity.history import former_verifiers
from regional_node.machine import Machine
from regional_node.national.national import PREFIX as NATIONAL
from regional_node.reconciliation.decided import DecidedRuns

_IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit of an opened node."""

    worker: AuditWorker
    store: AuditStore
    proofs: OwnProofs
    verify: VerifyPass
    entries: EntryHealing

    @property
    def workers(self) -> dict[str, Work]:
        """What runs for ever."""
        return {
            "audit": self.worker.run,
            "audit_verify": self.verify.run,
            "entry_healing": self.entries.run,
        }

    def notes(self) -> tuple[str, ...]:
        """What whoever watches the daemon should know."""
        return (*self.verify.notes(), *self.entries.notes())

    def register(self, server: grpc.aio.Server) -> None:
        """Serve on the local socket."""
        service = AuditsService(self.worker, self.store, self.verify)
        audits_pb2_grpc.add_AuditsServicer_to_server(service, server)


def open_audit(machine: Machine, connect: Connect, rebuilding: Rebuilding | None) -> Audit:
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
    held = _held(machine)
    verify = _verify(machine, store, held)
    entries = EntryHealing(
        database,
        held,
        verify,
        runs,
        Road(connect, is_open),
        (clock, machine.entropy, machine.log),
    )
    worker = AuditWorker(
        store,
        (
            Comparing(database, journal, Healing(database, journal, rebuilding, clock), clock),
            CentreProofs(journal, machine.national, stored, machine.entropy, verify.suspect),
        ),
        (connect, is_open),
        (clock, machine.entropy, timedelta(hours=machine.settings.audit.every_hours)),
        machine.log,
        verify.passes,
    )
    return Audit(worker, store, OwnProofs(journal, verify.suspect), verify, entries)


def _held(machine: Machine) -> Held:
    """The own journal and the national copy, with the keys that their heads must bear."""
    keys = (*former_verifiers(machine.settings.data / _IDENTITY), machine.signer.verifier)

    async def check_own(head: Head) -> None:
        for key in keys:  # the present one last: its complaint is the one that is told
            try:
                return head.verify(key)
            except FederationError:
                if key is keys[-1]:
                    raise
        return None

    async def check_national(head: Head) -> None:
        head.verify(machine.national.centre)

    received = ReceivedJournals(machine.database, NATIONAL)
    return Held(
        OwnCopies(machine.database, machine.journal, check_own),
        OthersCopies(machine.database, received, check_national),
        machine.national.centre.name,
    )


def _verify(machine: Machine, store: AuditStore, held: Held) -> VerifyPass:
    """Both journals, read again; damage is a run of its own, and so is its end."""

    async def tell(verified: Verified) -> None:
        national = verified.head.party == held.centre
        await store.tell(SCHEDULE, [judged(verified, national=national, side="node")])

    audit = machine.settings.audit
    return VerifyPass(
        machine.database,
        [held.own, held.national],
        tell,
        machine.clock,
        Pace(audit.entries_per_second, timedelta(hours=audit.every_hours)),
        machine.log,
    )
