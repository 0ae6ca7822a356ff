"""Recovery at the node, wired.

Owns one function for the composition root. Leaves out every rule.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import grpc

from lpse.terminal.daemon import Work
from regional_node.identity.history import former_keys
from regional_node.machine import Machine
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.recovery.client import RecoveryClient
from regional_node.recovery.engine import Engine
from regional_node.recovery.ports import Rebuilding, Suspect
from regional_node.recovery.store import RecoveryStore
from regional_node.recovery.worker import RecoveryWorker


def open_recovery(
    machine: Machine,
    connect: Callable[[], grpc.aio.Channel],
    areas: tuple[Rebuilding, Suspect],
) -> dict[str, Work]:
    """The worker that watches the link and brings back what is missing."""
    former = former_keys(machine.settings.data / "identity")
    journal, store = machine.journal, RecoveryStore(machine.database)
    client = RecoveryClient(connect, machine.signer.verifier, former, machine.national.centre)
    engine = Engine(store, journal, machine.signer, client, areas[0], machine.log)
    runs = DecidedRuns(
        machine.database,
        journal,
        machine.clock,
        (lambda: machine.link.stored_head, lambda: machine.national.head),
        software_version=version("lpse-federation"),
    )
    worker = RecoveryWorker(
        machine.link, journal, (store, engine, runs), areas, machine.clock, machine.log
    )
    return {"recovery": worker.run}
