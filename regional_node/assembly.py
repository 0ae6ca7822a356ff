"""The parts of a node, joined: areas, runs, link and the local services.

Owns which part is made of which, and in which order they open. Rule: it opens nothing that is the
machine's own (disk, keys, clock, roads to the centre); those are given, so that a simulator can
give others. Leaves out listeners and the life of the daemon (`app`) and the areas (`areas`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import grpc

from lpse.intake.v1 import node_pb2_grpc, reconciliations_pb2_grpc
from lpse.intake.v1.node_pb2 import GetNodeStatusResponse
from lpse.storage.blob_files import free_bytes
from lpse.terminal.daemon import (
    Work,
)
from regional_node.areas import Areas, Register, open_areas
from regional_node.audit.wiring import open_audit
from regional_node.clock.messages import trust_message
from regional_node.link.ports import Connect, Parts
from regional_node.link.ports import Settings as LinkSettings
from regional_node.link.service import NodeService
from regional_node.link.worker import LinkWorker
from regional_node.machine import Machine
from regional_node.reconciliation.log_service import open_log
from regional_node.reconciliation.runs import Runs
from regional_node.reconciliation.service import ReconciliationsService
from regional_node.reconciliation.store import ReconciliationStore
from regional_node.recovery.assembly import open_recovery
from regional_node.recovery.status import Told
from regional_node.witness.wiring import open_blobs_again, open_checking, open_giving, open_telling


@dataclass(frozen=True, slots=True)
class Node:
    """Every part of an opened node."""

    machine: Machine
    areas: Areas
    link: LinkWorker
    services: Sequence[Register]
    workers: Mapping[str, Work]


@dataclass(frozen=True, slots=True)
class Roads:
    """How the centre is reached: a channel for single calls, a stream for the link."""

    channel: Callable[[], grpc.aio.Channel]
    stream: Connect


async def open_node(machine: Machine, roads: Roads) -> Node:
    """Join everything over an opened machine; nothing listens and no worker runs yet."""
    settings, clock = machine.settings, machine.clock
    areas = await open_areas(machine, roads.channel)
    await machine.care.verify_blobs(machine.blobs, areas.upkeep.store)
    audit = open_audit(machine, roads.channel, areas.restorers)
    areas.workers |= audit.workers
    machine.care.more_notes.append(audit.notes)
    software_version = version("lpse-federation")
    runs = Runs(
        machine.database, machine.journal, clock, machine.log, software_version=software_version
    )
    await runs.open()
    parts = Parts(
        journal=machine.journal,
        national=machine.national,
        runs=runs,
        state=machine.link,
        service=areas.watch,
        blobs=areas.drain,
        disk=areas.upkeep,
        free_bytes=lambda: free_bytes(settings.data),
        signer=machine.signer,
        clock=clock,
        entropy=machine.entropy,
        log=machine.log,
        settings=LinkSettings(
            machine.endpoint,
            software_version,
            machine.exercise,
            machine.entropy.token(16),
        ),
        measuring=machine.keeper,
        challenged=audit.proofs,
        witnessed=open_checking(machine),
        bundles=areas.bundles,
    )
    link = LinkWorker(
        parts,
        roads.stream,
        first_seconds=settings.link.reconnect_first_seconds,
        max_seconds=settings.link.reconnect_max_seconds,
    )
    areas.workers["blobs_again"] = open_blobs_again(machine, areas.drain.wake).run
    areas.workers["giving_back"] = open_giving(machine, roads.channel, link.demand_run).run
    if areas.restorers is not None:
        areas.workers |= open_recovery(
            machine, roads.channel, (areas.restorers, areas.upkeep.suspect)
        )
    services = _services(machine, areas, link, parts)
    return Node(machine, areas, link, [audit.register, *services], areas.workers)


def _services(machine: Machine, areas: Areas, link: LinkWorker, parts: Parts) -> list[Register]:
    """What the local socket offers."""
    clock = machine.clock
    trust = lambda: trust_message(machine.keeper.status())  # noqa: E731 - one of two questions
    telling, recovery = open_telling(machine).fill, Told(machine.database).fill

    async def shown(answer: GetNodeStatusResponse) -> None:
        await telling(answer)
        await recovery(answer)

    node = NodeService(parts, link, machine.me, trust, areas.upkeep.health, shown)
    recon = ReconciliationsService(
        ReconciliationStore(machine.database),
        open_log(machine.database, machine.journal, machine.signer, clock, machine.me.province),
        link.demand_run,
    )
    return [
        lambda server: node_pb2_grpc.add_NodeServicer_to_server(node, server),
        lambda server: reconciliations_pb2_grpc.add_ReconciliationsServicer_to_server(
            recon, server
        ),
        *areas.services,
    ]
