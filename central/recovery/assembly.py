"""Recovery at the centre, wired: branches, advice, service.

Owns one function for the composition root. Leaves out every rule.
"""

from __future__ import annotations

from collections.abc import Callable

import grpc

from central.branches.ports import Decisions, Findings
from central.branches.receiving import BranchReceiving
from central.branches.store import BranchStore
from central.ledger.ledger import Ledger
from central.ledger.ports import NodeKeys
from central.link.ports import Admission
from central.link.sessions import Sessions
from central.link.store import LinkStore
from central.recovery.advising import Advising
from central.recovery.noticing import Noticing
from central.recovery.service import RecoveryService
from lpse.federation.notes import Signer
from lpse.federation.v1 import recovery_pb2_grpc
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database


def open_recovery(
    database: Database,
    ledger: Ledger,
    sessions: Sessions,
    people: tuple[NodeKeys, Admission],
    persons: tuple[Decisions, Findings | None],
    witness: tuple[Signer, Clock],
) -> Callable[[grpc.aio.Server], None]:
    """The registration of the service `Recovery` on the nodes' listener."""
    keys, admission = people
    branches = BranchStore(database)
    service = RecoveryService(
        ledger,
        keys,
        (admission, Noticing(persons[1])),
        BranchReceiving(branches, ledger, keys, witness[1]),
        Advising(ledger, keys, branches, (LinkStore(database), sessions), persons),
        witness,
    )
    return lambda server: recovery_pb2_grpc.add_RecoveryServicer_to_server(service, server)
