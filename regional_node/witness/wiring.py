"""The parts of witnessing at a node, joined.

Leaves out who calls (`regional_node.assembly`).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import grpc

from regional_node.machine import Machine
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.transfer.store import TransferStore
from regional_node.witness.blobs_again import BlobsAgain
from regional_node.witness.checking import Checking
from regional_node.witness.giving_back import GivingBack, Neighbours, record_with
from regional_node.witness.pages import CheckpointPage
from regional_node.witness.store import WitnessStore
from regional_node.witness.telling import Telling


def open_checking(machine: Machine) -> Checking:
    """The link's port `Witnessed`."""
    return Checking(machine.database, machine.national, _runs(machine), machine.clock, machine.log)


def open_giving(
    machine: Machine, connect: Callable[[], grpc.aio.Channel], greet: Callable[[], bool]
) -> GivingBack:
    """The worker that gives entries back; `greet` says hello again."""
    giving = GivingBack(
        Neighbours(
            national=machine.national,
            link=machine.link,
            connect=connect,
            record=record_with(machine.database, _runs(machine)),
            greet=greet,
            clock=machine.clock,
            entropy=machine.entropy,
            log=machine.log,
        )
    )
    machine.link.on_session(giving.wake)
    return giving


def open_blobs_again(machine: Machine, wake_transfers: Callable[[], None]) -> BlobsAgain:
    """The worker that offers sealed bytes to a restored centre."""
    store = TransferStore(machine.database)
    again = BlobsAgain(machine.link, store, wake_transfers, machine.log)
    machine.link.on_session(again.wake)
    return again


def open_telling(machine: Machine) -> Telling:
    """What a status says about the national journal."""
    page = CheckpointPage(machine.national, machine.signer, machine.clock)
    return Telling(page, WitnessStore(machine.database), machine.link)


def _runs(machine: Machine) -> DecidedRuns:
    return DecidedRuns(
        machine.database,
        machine.journal,
        machine.clock,
        (lambda: machine.link.stored_head, lambda: machine.national.head),
        software_version=version("lpse-federation"),
    )
