"""The centre as a program: opens the machine, listens, runs until told to stop.

Owns the life of the daemon, and nothing else: no rule, no SQL, no frame. Rules: a disk that failed
ends the program with a non-zero status; SIGTERM drains the links first. Leaves out how the parts
are joined (`assembly`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import (  # type: ignore[import-untyped]  # ships no types
    health,
    health_pb2,
    health_pb2_grpc,
)

from central.areas import Register
from central.assembly import Centre, Machine, open_centre
from central.config import CentralSettings
from central.doors import doors
from central.enrolment.genesis import DATABASE, IDENTITY, MIGRATIONS
from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.errors import NotFound
from lpse.federation.limits import ENROLMENT_CALL_SECONDS_MAX, ENROLMENT_CALLS_MAX
from lpse.federation.notes import Signer
from lpse.runtime import tls
from lpse.runtime.channels import SERVER_OPTIONS, ErrorInterceptor
from lpse.runtime.clock import ExerciseClock, SystemClock, SystemEntropy
from lpse.runtime.logs import configure
from lpse.runtime.sqlite import Database
from lpse.storage.blobs import BlobStore
from lpse.storage.disk_care import DiskCare
from lpse.terminal.daemon import (
    HealthPages,
    end_all,
    keep_working,
    notify_service_manager,
    port_taken,
    readiness_of,
    stop_on_signals,
)

PARTY: Final = CENTRE_PARTY
EXERCISE_FILE: Final = "legal-time.json"
BLOBS: Final = "blobs"
_DISK_FAILED: Final = 1


async def serve(settings: CentralSettings) -> int:
    """Run the centre until SIGTERM or SIGINT; the exit status (0, or 1 after a disk failure)."""
    if not (settings.data / DATABASE).exists():
        raise NotFound(
            "FED-8020", f"there is no centre in {settings.data}", remedy="init makes one"
        )
    stop = asyncio.Event()
    stop_on_signals(stop)
    machine = await _open_machine(settings)
    try:
        status = await _run(await open_centre(machine), stop)
    finally:
        await machine.database.close()
    machine.care.close(machine.database, machine.blobs)
    return status


async def _open_machine(settings: CentralSettings) -> Machine:
    exercise = settings.environment == "exercise"
    clock = ExerciseClock(settings.data / EXERCISE_FILE) if exercise else SystemClock()
    log = configure(level=settings.log.level, party=PARTY)
    signer = Signer(PARTY, tls.load_signing_key(settings.data / IDENTITY / tls.SIGNING_KEY))
    care = DiskCare(settings.data, settings.disk.ballast_bytes, clock, log)
    await care.open()
    database = await Database.open(settings.data / DATABASE, MIGRATIONS)
    await care.verify_database(database, signer.verifier)
    blobs = BlobStore(settings.data / BLOBS)
    return Machine(settings, clock, SystemEntropy(), log, signer, database, blobs, care)


async def _run(centre: Centre, stop: asyncio.Event) -> int:
    machine, settings = centre.machine, centre.machine.settings
    workers = {
        "national": centre.national.run,
        "projector": centre.projector.run,
        **centre.workers,
        **centre.areas.workers,
    }
    tasks = [
        asyncio.create_task(keep_working(name, work, machine.clock))
        for name, work in workers.items()
    ]
    servers: list[grpc.aio.Server] = []
    pages = HealthPages(lambda: readiness_of(machine.database, machine.care.notes()))
    host, _, port = settings.listen.http.rpartition(":")
    try:
        await _listen(centre, servers)
        await pages.open(host, int(port))
    except BaseException:  # a port that cannot be had: leave in order, and say why
        await asyncio.gather(*(server.stop(0) for server in servers))
        await end_all(tasks)
        raise
    notify_service_manager("READY=1")
    machine.log.info("central.ready", version=version("lpse-federation"))
    failed = asyncio.create_task(machine.database.failed.wait())
    blobs_failed = asyncio.create_task(machine.blobs.failed.wait())
    stopped = asyncio.create_task(stop.wait())
    watched = [failed, blobs_failed, stopped]
    done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
    notify_service_manager("STOPPING=1")
    status = 0 if stopped in done else _DISK_FAILED
    if status == 0:
        await centre.sessions.drain("the centre stops")
    await pages.close()
    await asyncio.gather(*(server.stop(1.0) for server in servers))
    await end_all([*watched, *tasks])
    machine.log.info("central.stopped", status=status)
    return status


async def _listen(centre: Centre, servers: list[grpc.aio.Server]) -> None:
    listen, machine, behind = centre.machine.settings.listen, centre.machine, doors(centre)
    servers.append(await _server(machine, listen.nodes, behind.nodes, clients=True))
    servers.append(await _server(machine, listen.enrolment, behind.enrolment, clients=False))
    servers.append(await _server(machine, listen.operators, behind.operators, clients=True))


async def _server(
    machine: Machine, address: str, services: Sequence[Register], *, clients: bool
) -> grpc.aio.Server:
    # Strangers may call the enrolment listener: a bound on how many at once, and how long.
    age = round(ENROLMENT_CALL_SECONDS_MAX * 1000)
    ageing = (("grpc.max_connection_age_ms", age), ("grpc.max_connection_age_grace_ms", age))
    server = grpc.aio.server(
        options=SERVER_OPTIONS if clients else (*SERVER_OPTIONS, *ageing),
        interceptors=[ErrorInterceptor(machine.log)],
        maximum_concurrent_rpcs=None if clients else ENROLMENT_CALLS_MAX,
    )
    for register in services:
        register(server)
    if clients:  # watching health is a call without an end, so not for strangers
        state = health.aio.HealthServicer()
        await state.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(state, server)
    identity: Path = machine.settings.data / IDENTITY
    try:
        server.add_secure_port(address, tls.server_credentials(identity, clients=clients))
    except RuntimeError as error:  # all that gRPC says; its own line above names the cause
        await server.stop(0)
        raise port_taken(address, "in use, or not this machine's") from error
    await server.start()
    return server
