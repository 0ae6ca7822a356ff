"""The enrolment listener takes calls from anybody; nobody can keep it for themselves."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import (  # type: ignore[import-untyped]  # ships no types
    health_pb2,
    health_pb2_grpc,
)

from central import app
from central.enrolment import genesis
from lpse.federation.v1 import enrolment_pb2_grpc
from lpse.runtime import channels, logs, tls
from lpse.runtime.tls.enrolling import enrol
from tests.central.enrolment.centre import Centre, running

PLACES = 4


@asynccontextmanager
async def listening(centre: Centre) -> AsyncIterator[str]:
    """The product's own enrolment listener, with few places; its endpoint."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{free.getsockname()[1]}"
    settings = SimpleNamespace(data=centre.data)
    machine: Any = SimpleNamespace(settings=settings, log=logs.configure(stream=centre.log))

    def register(server: grpc.aio.Server) -> None:
        enrolment_pb2_grpc.add_EnrolmentServicer_to_server(centre.service, server)

    server = await app._server(machine, endpoint, [register], clients=False)
    try:
        yield endpoint
    finally:
        await server.stop(0)


def stranger(centre: Centre, endpoint: str) -> grpc.aio.Channel:
    """A caller without any certificate."""
    ca = (centre.data / genesis.IDENTITY / tls.CA_CERTIFICATE).read_bytes()
    credentials = grpc.ssl_channel_credentials(ca)
    return channels.open_channel(endpoint, credentials, server_name=tls.CENTRE_SERVER_NAME)


async def test_watching_health_takes_no_place_from_a_node_that_enrols(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that never ends is not offered to strangers."""
    monkeypatch.setattr(app, "ENROLMENT_CALLS_MAX", PLACES)
    async with (
        running(tmp_path / "centre") as centre,
        listening(centre) as endpoint,
        stranger(centre, endpoint) as channel,
    ):
        watch: Any = health_pb2_grpc.HealthStub(channel).Watch
        watching = [watch(health_pb2.HealthCheckRequest()) for _ in range(PLACES)]
        answers = await asyncio.gather(*(_first(one) for one in watching))
        assert answers == [grpc.StatusCode.UNIMPLEMENTED] * PLACES
        await enrol(endpoint, await centre.node_code(), tmp_path / "node", kind="node")


async def test_calls_that_are_never_finished_lose_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: a call whose request never comes is ended with its connection."""
    monkeypatch.setattr(app, "ENROLMENT_CALLS_MAX", PLACES)
    monkeypatch.setattr(app, "ENROLMENT_CALL_SECONDS_MAX", 1.0)
    async with (
        running(tmp_path / "centre") as centre,
        listening(centre) as endpoint,
        stranger(centre, endpoint) as channel,
    ):
        call: Any = channel.stream_unary("/lpse.federation.v1.Enrolment/Enrol")
        silent = [call() for _ in range(PLACES)]
        async with asyncio.timeout(60):
            codes = await asyncio.gather(*(one.code() for one in silent))
        assert set(codes) == {grpc.StatusCode.UNAVAILABLE}
        await enrol(endpoint, await centre.node_code(), tmp_path / "node", kind="node")


async def _first(call: Any) -> grpc.StatusCode | None:
    """Why a stream ended; None where it says something instead."""
    try:
        await call.read()
    except grpc.aio.AioRpcError as error:
        return error.code()
    return None
