"""A node as a program: opens the machine, listens, runs until told to stop.

Owns the life of the daemon, and nothing else: no rule, no SQL, no frame. Rules: a disk that failed
ends the program with a non-zero status; readiness never depends on the centre (Invariant 4).
Leaves out how the parts are joined (`assembly`).
"""

from __future__ import annotations

import asyncio
import os
from importlib.metadata import version
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import (  # type: ignore[import-untyped]  # ships no types
    health,
    health_pb2,
    health_pb2_grpc,
)
from grpc_reflection.v1alpha import reflection  # type: ignore[import-untyped]  # ships no types

from lpse.federation.notes import Signer
from lpse.runtime import tls
from lpse.runtime.channels import SERVER_OPTIONS, ErrorInterceptor, open_channel
from lpse.runtime.clock import ExerciseClock, SystemClock, SystemEntropy
from lpse.runtime.logs import configure
from lpse.runtime.sqlite import Database
from lpse.storage.blobs import BlobStore
from lpse.storage.disk_care import DiskCare
from lpse.terminal.daemon import (
    HealthPages,
    Work,
    end_all,
    keep_working,
    notify_service_manager,
    readiness_of,
    stop_on_signals,
)
from regional_node import identity
from regional_node.assembly import Node, Roads, open_node
from regional_node.config import SOCKET, NodeSettings
from regional_node.identity.escrow import open_escrow
from regional_node.identity.worker import RenewalWorker
from regional_node.link.stream import GrpcStream
from regional_node.link.worker import LinkWorker
from regional_node.machine import Machine
from regional_node.opening import Ground, open_machine

DATABASE: Final = "node.db"
IDENTITY: Final = "identity"
BLOBS: Final = "blobs"
EXERCISE_FILE: Final = "legal-time.json"
MIGRATIONS: Final = Path(__file__).parent / "migrations"
_DISK_FAILED: Final = 1


async def run(settings: NodeSettings) -> int:
    """Run the node until SIGTERM or SIGINT; the exit status (0, or 1 after a disk failure)."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    machine = await _open_machine(settings)
    try:
        roads = Roads(
            channel=lambda: _channel(machine),
            stream=lambda: GrpcStream(lambda: _channel(machine)),
        )
        status = await _run(await open_node(machine, roads), stop)
    finally:
        await machine.database.close()
    machine.care.close(machine.database, machine.blobs)
    return status


async def _open_machine(settings: NodeSettings) -> Machine:
    exercise = settings.environment == "exercise"
    clock = ExerciseClock(settings.data / EXERCISE_FILE) if exercise else SystemClock()
    me = identity.load(settings.data / IDENTITY)
    log = configure(level=settings.log.level, node=me.node_id)
    signer = Signer(me.node_id, tls.load_signing_key(settings.data / IDENTITY / tls.SIGNING_KEY))
    care = DiskCare(settings.data, settings.disk.ballast_bytes, clock, log)
    await care.open()
    database = await Database.open(settings.data / DATABASE, MIGRATIONS)
    blobs = BlobStore(settings.data / BLOBS)
    entropy = SystemEntropy()
    escrow = None
    try:
        escrow = open_escrow(settings.data / IDENTITY, entropy)
    except OSError as error:  # no room for the first key: bids are taken all the same
        log.warning("escrow.not_made", error=type(error).__name__)
    return await open_machine(
        Ground(settings, me, clock, entropy, log, signer, database, blobs, care, escrow)
    )


def _channel(machine: Machine) -> grpc.aio.Channel:
    """A new channel with the certificate of this moment: it may have been renewed."""
    credentials = tls.client_credentials(machine.settings.data / IDENTITY)
    return open_channel(machine.endpoint, credentials, server_name=tls.CENTRE_SERVER_NAME)


def _renewals(machine: Machine, link: LinkWorker) -> dict[str, Work]:
    """Keeps the certificate alive; a new one wakes a link that waits for it."""
    endpoint = machine.settings.link.endpoint
    if not endpoint:
        machine.log.warning("certificate.no_renewal", reason="link.endpoint is not set")
        return {}
    renewed = asyncio.Event()
    worker = RenewalWorker(
        machine.settings.data / IDENTITY,
        endpoint,
        machine.clock,
        machine.entropy,
        machine.log,
        hint=renewed,
    )

    async def tell() -> None:
        while True:
            await renewed.wait()
            renewed.clear()
            link.hint()

    return {"renewal": worker.run, "renewed": tell}


async def _run(node: Node, stop: asyncio.Event) -> int:
    machine, settings = node.machine, node.machine.settings
    front = node.areas.front
    assert front is not None
    pages = HealthPages(lambda: readiness_of(machine.database, machine.care.notes()))
    host, _, port = settings.http.listen.rpartition(":")
    server = None
    try:
        await front.open()
        server = await _listen(node)
        await pages.open(host, int(port))  # ready only when everything else listens
    except BaseException:  # a port or path that cannot be had: leave in order, and say why
        if server is not None:
            await server.stop(0)
        await front.close()
        await node.areas.close()
        raise
    link = asyncio.create_task(keep_working("link", node.link.run, machine.clock))
    tasks = [
        asyncio.create_task(keep_working(name, work, machine.clock))
        for name, work in {**node.workers, **_renewals(machine, node.link)}.items()
    ]
    stopped = asyncio.create_task(stop.wait())
    failed = [
        asyncio.create_task(machine.database.failed.wait()),
        asyncio.create_task(machine.blobs.failed.wait()),
    ]
    notify_service_manager("READY=1")
    machine.log.info("node.ready", version=version("lpse-federation"))
    done, _ = await asyncio.wait([stopped, *failed], return_when=asyncio.FIRST_COMPLETED)
    notify_service_manager("STOPPING=1")
    status = 0 if stopped in done else _DISK_FAILED
    await pages.close()
    await front.close()
    await server.stop(1.0)
    await node.link.stop()
    await asyncio.wait([link], timeout=2.0)
    await end_all([stopped, *failed, link, *tasks])
    await node.areas.close()
    machine.log.info("node.stopped", status=status)
    return status


async def _listen(node: Node) -> grpc.aio.Server:
    """The local API on a Unix socket that only its owner and group may use."""
    machine = node.machine
    path = (machine.settings.data / SOCKET).absolute()
    path.unlink(missing_ok=True)  # a socket file of a killed daemon; the database lock is held
    server = grpc.aio.server(options=SERVER_OPTIONS, interceptors=[ErrorInterceptor(machine.log)])
    for register in node.services:
        register(server)
    state = health.aio.HealthServicer()
    await state.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    reflection.enable_server_reflection(node.areas.service_names, server)
    before = os.umask(0o117)
    try:
        server.add_insecure_port(f"unix:{path}")
        await server.start()
    finally:
        os.umask(before)
    return server
