"""The parts of witnessing at a node, joined.

Leaves out who calls (`regional_node.assembly`).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Final

import grpc

from regional_node.machine import Machine
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.transfer.ports import Centre
from regional_node.transfer.road import Road
from regional_node.transfer.store import TransferStore
from regional_node.witness.blobs_again import BlobsAgain
from regional_node.witness.bundles import GivingBundles, Shelf
from regional_node.witness.checking import Checking
from regional_node.witness.giving_back import GivingBack, Neighbours, record_with
from regional_node.witness.pages import CheckpointPage
from regional_node.witness.store import WitnessStore
from regional_node.witness.telling import Telling

BUNDLES: Final = "bundles"  # the folder of fetched ones


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
    machine.link.on_loss(again.offer)
    return again


def open_bundles(machine: Machine, centre: Centre, road: Road) -> GivingBundles:
    """The link's port `BundleHolder`, and the worker that answers."""
    first = machine.settings.upgrades.first_bundle
    shelf = Shelf(machine.settings.data / BUNDLES, [] if first is None else [first])
    return GivingBundles(shelf, centre, road, machine.clock, machine.log)


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
