"""A node with receipts at its desk: real intake, journal, grants, proofs, pages over ASGI.

Owns the wiring that the composition root makes in production, a centre's key that cosigns on
demand, and a way to hand in bids through a grant. Leaves out every assertion.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc
import httpx
import structlog
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from lpse.federation.checkpoints import cosign
from lpse.federation.notes import Note, Signer
from lpse.federation.receipts import NationalWitness
from lpse.intake.v1 import receipts_pb2_grpc, submissions_pb2_grpc
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.runtime.channels import SERVER_OPTIONS, ErrorInterceptor, open_local_channel
from lpse.runtime.clock import SystemEntropy
from lpse.terminal.words import LANGUAGES, Words
from regional_node.grants.rules import Grant, Wish
from regional_node.grants.store import Grants
from regional_node.link.store import Acknowledged, LinkStore
from regional_node.pages.rendering import Pages
from regional_node.receipts import TEMPLATES
from regional_node.receipts.printing import Printer
from regional_node.receipts.proofs import Keys, Proofs
from regional_node.receipts.routes import Desk, receipt_routes
from regional_node.receipts.service import ReceiptsService
from regional_node.receipts.store import ReceiptStore
from tests.regional_node.intake.node import (
    CODE,
    DEADLINE,
    STAGE,
    National,
    Node,
    start_node,
)
from tests.regional_node.intake.uploads import Stub, begin, requests, upload

STATIC = Path(__file__).parents[3] / "regional_node" / "pages" / "static"
LOCALE = Path(__file__).parents[3] / "regional_node" / "locale"
CENTRE = Signer.from_seed("lkpp", bytes(range(1, 33)))
PUBLIC_URL = "https://lpse.example.go.id:7482"
COSIGN_SECONDS = 1_427_425_200
VENDOR = "PT Sumber Makmur"
FILES = {"penawaran.rhs": b"x" * 1_000, "lampiran é.rhs": b"y" * 300}


def witness() -> NationalWitness:
    """A national head that the centre really signed."""
    text = f"lkpp/{'00' * 16}\n4\n{'A' * 43}=\n"
    return NationalWitness(Note(text, (CENTRE.sign_note(text),)).to_bytes().decode(), bytes(32), 3)


def words() -> dict[str, Words]:
    """Both languages with the node's catalogue."""
    made = {language: Words(language) for language in LANGUAGES}
    for one in made.values():
        one.load(LOCALE)
    return made


def patient() -> Printer:
    """A printer that no busy machine makes give up."""
    return Printer(words(), seconds_max=300.0, wait_seconds_max=300.0)


@dataclass
class Counter:
    """Everything behind the desk, and a browser in front of it."""

    node: Node
    stub: Stub
    grants: Grants
    store: ReceiptStore
    link: LinkStore
    proofs: Proofs
    browser: httpx.AsyncClient
    app: Starlette

    async def grant(self, vendor: str = VENDOR) -> tuple[Grant, str]:
        """A grant and its token."""
        wish = Wish(CODE, STAGE, vendor, "direct", 0, 0, None, {})
        return await self.grants.create(wish)

    async def submit(
        self, grant: Grant, number: int = 1, files: Mapping[str, bytes] = FILES
    ) -> bytes:
        """Hand in a bid through a grant; its receipt."""
        first = begin(files, key=grant.intake_key(number), details={"vendor": grant.vendor})
        answers = await upload(self.stub, requests(files, first))
        return answers.receipt

    async def open(self) -> None:
        """Pass the deadline and open the package."""
        self.node.clock.set(DEADLINE + timedelta(hours=1))
        request = wire.ReleaseSubmissionsRequest(package=CODE, manifests_only=True)
        async for _ in self.stub.ReleaseSubmissions(request):
            pass

    async def cosign(self, seconds: int = COSIGN_SECONDS) -> None:
        """The centre acknowledges and cosigns everything written so far."""
        head = self.node.journal.head
        await self.link.keep_ack(Acknowledged(head, 0, (), cosign(head, CENTRE, seconds)))


@asynccontextmanager
async def open_counter(
    folder: Path, *, public_url: str = PUBLIC_URL, printer: Printer | None = None
) -> AsyncIterator[Counter]:
    """Open everything in `folder`."""
    async with start_node(folder, national=National(witness())) as node:
        store, link = ReceiptStore(node.database), LinkStore(node.database)
        entropy = SystemEntropy()
        grants = Grants(
            node.database, node.plan, node.clock, entropy, bytes(32), bytes_max=1_000_000
        )
        keys = Keys(node.signer.verifier, CENTRE.verifier)
        proofs = Proofs(store, link.cosigned, keys)
        pages = Pages(node="lpse-pacitan", exercise=False, folders=(TEMPLATES,))
        printer = printer or patient()
        desk = Desk(grants.find, store, proofs, printer, pages, public_url)
        routes = [*receipt_routes(desk), Mount("/static", StaticFiles(directory=STATIC))]
        service = ReceiptsService(store, proofs, printer, public_url=public_url)
        transport = httpx.ASGITransport(app := Starlette(routes=routes))
        async with (
            serve_both(node, service) as stub,
            httpx.AsyncClient(transport=transport, base_url="http://node") as browser,
        ):
            yield Counter(node, stub, grants, store, link, proofs, browser, app)


@asynccontextmanager
async def serve_both(node: Node, service: ReceiptsService) -> AsyncIterator[Stub]:
    """Submissions and receipts on the node's socket, as the daemon serves them."""
    log = structlog.get_logger()
    server = grpc.aio.server(interceptors=[ErrorInterceptor(log)], options=SERVER_OPTIONS)
    submissions_pb2_grpc.add_SubmissionsServicer_to_server(node.service, server)
    receipts_pb2_grpc.add_ReceiptsServicer_to_server(service, server)
    server.add_insecure_port(f"unix:{node.socket}")
    await server.start()
    try:
        async with open_local_channel(node.socket) as channel:
            yield submissions_pb2_grpc.SubmissionsStub(channel)
    finally:
        await server.stop(None)
