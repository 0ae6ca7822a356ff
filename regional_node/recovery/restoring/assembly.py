"""Restoring, wired: the table of handlers, completion, its service and its worker.

Owns one function for the composition root. Leaves out every rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import grpc

from lpse.intake.v1 import restorations_pb2_grpc
from lpse.terminal.daemon import Work
from regional_node.identity.history import former_verifiers
from regional_node.machine import Machine
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.recovery.restoring.completion import Completion, Parts
from regional_node.recovery.restoring.service import RestorationsService
from regional_node.recovery.restoring.table import Ingredients, Restorers, open_restorers
from regional_node.recovery.restoring.worker import RestoringWorker
from regional_node.schedule.store import ScheduleStore
from regional_node.schedule.worker import rule_set_of


@dataclass(frozen=True, slots=True)
class Restoring:
    """What the composition root takes from here."""

    restorers: Restorers
    register: Callable[[grpc.aio.Server], None]
    work: Work


def open_restoring(
    machine: Machine, schedule: ScheduleStore, wake: Callable[[], None]
) -> Restoring:
    """`wake` makes workers look at their tables again once entries came back."""
    restorers, intake = open_restorers(
        Ingredients(
            machine.me.node_id,
            machine.database,
            machine.escrow,
            schedule,
            lambda name: rule_set_of(machine.national.state, name),
            wake,
        )
    )
    runs = DecidedRuns(
        machine.database,
        machine.journal,
        machine.clock,
        (lambda: machine.link.stored_head, lambda: machine.national.head),
        software_version=version("lpse-federation"),
    )
    identity = machine.settings.data / "identity"
    verifiers = (machine.signer.verifier, *former_verifiers(identity))
    completion = Completion(
        Parts(
            machine.database,
            restorers,
            intake,
            runs,
            verifiers,
            identity,
            machine.escrow,
            machine.log,
        )
    )
    service = RestorationsService(completion)
    worker = RestoringWorker(completion, lambda: machine.national.state.size, machine.log)
    return Restoring(
        restorers,
        lambda server: restorations_pb2_grpc.add_RestorationsServicer_to_server(service, server),
        lambda: worker.run(machine.clock),
    )
