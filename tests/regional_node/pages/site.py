"""The vendor's whole way in a browser: real files, real grants, the real port, a severable line.

Owns the wiring that the composition root makes in production, and headless Chromium. The centre is
a port whose answers a test sets. Leaves out every assertion.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog
from playwright.async_api import Browser, Page, async_playwright, expect

from lpse.runtime.clock import SystemClock, SystemEntropy
from regional_node.grants.rules import Grant, Wish
from regional_node.grants.store import Grants, grant_in
from regional_node.pages.rendering import Pages
from regional_node.pages.routes import page_routes
from regional_node.tus.files import Files
from regional_node.tus.parts import Parts
from regional_node.tus.store import FileStore
from regional_node.web.answers import Origins
from regional_node.web.api import GrantDoor
from regional_node.web.connections import Connections
from regional_node.web.door import Door, Handlers
from regional_node.web.rates import Rates
from regional_node.web.server import WebServer
from regional_node.web.tus import TusDoor
from tests.federation.severable import SeverableProxy
from tests.regional_node.intake.node import CODE, STAGE, Node, start_node
from tests.regional_node.tus.world import Centre

CHROMIUM: Final = Path("/usr/bin/chromium")
BYTES_MAX: Final = 20_000_000
PATIENCE_MILLISECONDS: Final = 20_000  # a busy machine is no failure
_ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip


@dataclass
class Site:
    """A node's port behind a line that can be cut, and one vendor's grant."""

    node: Node
    files: Files
    grants: Grants
    centre: Centre
    line: SeverableProxy
    grant: Grant
    token: str
    tokens: dict[int, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.line.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/g/{self.token}"

    async def state(self) -> Mapping[str, Any]:
        return await self.state_of(self.grant, self.token)

    async def state_of(self, grant: Grant, token: str) -> Mapping[str, Any]:
        return (await self.files.overview(grant)).document(f"/g/{token}")

    async def finish(self, grant: Grant) -> None:
        """What the composition root does when a seat of the Bidding Room is cleared."""
        await self.files.revoke(await self.grants.revoke(grant.name, "finished"))


@asynccontextmanager
async def open_site(
    folder: Path, *, channel: str = "direct", seat: int = 0, exercise: bool = False
) -> AsyncIterator[Site]:
    """A node's port on loopback and the line to it."""
    folder.mkdir()
    async with start_node(folder) as node:
        log, clock = structlog.get_logger(), SystemClock()
        grants = Grants(
            node.database, node.plan, node.clock, SystemEntropy(), bytes(32), bytes_max=BYTES_MAX
        )
        wish = Wish(CODE, STAGE, "PT Sumber Makmur", channel, seat, 0, None, {})
        grant, token = await grants.create(wish)
        store, centre = FileStore(node.database, node.plan, grant_in), Centre(node.clock.now())
        intake = node.intake
        files = Files(Parts(store, intake, intake.sealing, node.blobs, intake.office, centre, log))
        await files.recover()
        line = SeverableProxy(0)
        site = Site(node, files, grants, centre, line, grant, token)
        pages = Pages(node="lpse-pacitan", exercise=exercise)
        handlers = Handlers(
            TusDoor(files, grants, prefix="", unnamed=lambda: "berkas"),
            GrantDoor(files, prefix=""),
            page_routes(pages, grants.find, site.state_of, site.finish),
            pages,
        )
        rates = Rates(clock, requests_per_second=200.0, proxies=())
        connections = Connections(clock, total_max=100, per_address_max=100, proxies=())
        door = Door(grants, handlers, rates, Origins(frozenset()), (), log)
        server = WebServer(door, connections, clock, None)
        line.target_port = await server.open("127.0.0.1", 0)
        await line.start()
        try:
            yield site
        finally:
            await line.stop()
            await server.close()
            await files.close()


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium of this machine."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(_ARGUMENTS)
        )
        try:
            yield chromium
        finally:
            await chromium.close()


@dataclass
class Visitor:
    """A browser's page and everything that it complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@asynccontextmanager
async def visit(chromium: Browser, **context: Any) -> AsyncIterator[Visitor]:
    """A fresh browser profile: Indonesian unless told otherwise; leaving is always confirmed."""
    settings = {"locale": "id-ID", "viewport": {"width": 1100, "height": 900}, **context}
    opened = await chromium.new_context(**settings)
    page = await opened.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    visitor = Visitor(page)
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    page.on(
        "console",
        lambda said: (
            visitor.complaints.append(said.text) if "Content Security" in said.text else None
        ),
    )
    answers: set[asyncio.Task[None]] = set()
    page.on("dialog", lambda dialog: answers.add(asyncio.ensure_future(dialog.accept())))
    try:
        yield visitor
    finally:
        await opened.close()
