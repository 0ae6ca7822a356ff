"""The port for vendors with real parts on a loopback socket, inside the test's own process.

Owns the wiring that the composition root makes in production: grants, resumable files, pages and
the server over one node's storage, with settings that a test may choose. Leaves out assertions.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import structlog
from starlette.routing import BaseRoute

from lpse.runtime.clock import SystemClock, SystemEntropy
from regional_node.grants.rules import Grant, Wish
from regional_node.grants.store import Grants, grant_in
from regional_node.pages.rendering import Pages
from regional_node.pages.routes import page_routes
from regional_node.tus.files import Files
from regional_node.tus.parts import Parts
from regional_node.tus.store import FileStore
from regional_node.web import rules
from regional_node.web.answers import Origins
from regional_node.web.api import GrantDoor
from regional_node.web.connections import Connections
from regional_node.web.door import Door, Handlers
from regional_node.web.rates import Rates
from regional_node.web.rules import Phase
from regional_node.web.server import WebServer
from regional_node.web.tus import TusDoor
from tests.regional_node.intake.node import CODE, STAGE, Node, start_node
from tests.regional_node.tus.world import Centre

TUS = {"Tus-Resumable": "1.0.0"}
BODY = {**TUS, "Content-Type": "application/offset+octet-stream"}
KEY = bytes(range(32))
BYTES_MAX = 3_000_000_000


@dataclass(frozen=True)
class Settings:
    """What a test may choose about the port."""

    connections_max: int = 4_096
    per_address_max: int = 4_096
    requests_per_second: float = 1e6
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None
    port: int = 0


@dataclass
class Scene:
    """The running parts and a browser in front of them."""

    node: Node
    grants: Grants
    files: Files
    connections: Connections
    server: WebServer
    port: int
    web: httpx.AsyncClient

    def came(self, phase: Phase) -> list[int]:
        """Of each connection in that phase: the bytes that came in it, its first piece whole."""
        pulses = (one.pulse for one in self.connections._open)
        return [one.window_bytes for one in pulses if one.phase is phase]

    async def grant(
        self, vendor: str = "PT Sumber Makmur", *, bytes_max: int = 0, ends: datetime | None = None
    ) -> tuple[Grant, str]:
        """A grant and the path of its address."""
        wish = Wish(CODE, STAGE, vendor, "direct", 0, bytes_max, ends, {})
        grant, token = await self.grants.create(wish)
        return grant, f"/g/{token}"

    async def begin(self, path: str, size: int, name: str = "penawaran.rhs") -> str:
        """A file created by tus; its path."""
        answer = await self.web.post(f"{path}/files", headers=creation(size, name))
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    async def send(self, path: str, data: bytes, name: str = "penawaran.rhs") -> str:
        """A whole file in two requests; its id."""
        location = await self.begin(path, len(data), name)
        headers = {**BODY, "Upload-Offset": "0"}
        answer = await self.web.patch(location, headers=headers, content=data)
        assert answer.status_code == 204, answer.text
        return location.rsplit("/", 1)[1]


async def until(condition: Callable[[], bool]) -> None:
    """Return once `condition` holds; the limit only ends a test that has failed already."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


def creation(size: int, name: str = "penawaran.rhs") -> dict[str, str]:
    """The headers that create a file."""
    encoded = base64.b64encode(name.encode()).decode()
    return {**TUS, "Upload-Length": str(size), "Upload-Metadata": f"filename {encoded}"}


@asynccontextmanager
async def open_scene(
    folder: Path, settings: Settings | None = None, **node: Any
) -> AsyncIterator[Scene]:
    """Open everything in `folder`, as a start of the daemon does."""
    settings = settings or Settings()
    async with start_node(folder, **node) as started:
        grants = Grants(
            started.database, started.plan, started.clock, SystemEntropy(), KEY,
            bytes_max=BYTES_MAX,
        )  # fmt: skip
        files = _files(started)
        await files.recover()
        connections, server = _server(started, grants, files, settings)
        port = await server.open("127.0.0.1", settings.port)
        scheme = "https" if settings.tls else "http"
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=f"{scheme}://127.0.0.1:{port}", verify=False, timeout=60, limits=limits
        ) as web:
            yield Scene(started, grants, files, connections, server, port, web)
        await server.close()
        await files.close()


def _files(node: Node) -> Files:
    store = FileStore(node.database, node.plan, grant_in)
    intake = node.intake
    log = structlog.get_logger()
    return Files(Parts(store, intake, intake.sealing, node.blobs, intake.office, Centre(), log))


def _server(
    node: Node, grants: Grants, files: Files, settings: Settings
) -> tuple[Connections, WebServer]:
    clock = SystemClock()
    proxies = rules.networks_of(settings.proxies)
    connections = Connections(
        clock,
        total_max=settings.connections_max,
        per_address_max=settings.per_address_max,
        proxies=proxies,
    )
    pages = Pages(node="lpse-pacitan", exercise=False)

    async def state(grant: Grant, token: str) -> dict[str, Any]:
        return (await files.overview(grant)).document(f"/g/{token}")

    async def finish(grant: Grant) -> None:
        await files.revoke(await grants.revoke(grant.name, "finished"))

    routes: list[BaseRoute] = list(page_routes(pages, grants.find, state, finish))
    handlers = Handlers(
        TusDoor(files, grants, prefix="", unnamed=lambda: "berkas-0"),
        GrantDoor(files, prefix=""),
        routes,
        pages,
    )
    rates = Rates(clock, requests_per_second=settings.requests_per_second, proxies=proxies)
    origins = Origins(rules.check_origins(settings.origins))
    door = Door(grants, handlers, rates, origins, proxies, structlog.get_logger())
    return connections, WebServer(door, connections, clock, settings.tls)
