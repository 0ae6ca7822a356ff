"""The port for vendors, wired: grants, resumable files, pages, receipts, and the server.

Owns the third part of the composition root. Rules: the port opens last and closes first, so that
nothing is received that cannot be kept; its settings are checked before anything is opened. Leaves
out intake itself (`areas`) and every decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc

from lpse.intake.v1 import grants_pb2_grpc, receipts_pb2_grpc
from lpse.terminal.words import LANGUAGES, Words
from regional_node import receipts
from regional_node.config import Upload
from regional_node.grants.keys import open_key
from regional_node.grants.rules import Grant
from regional_node.grants.service import GrantsService
from regional_node.grants.store import Grants, grant_in
from regional_node.identity.history import former_verifiers
from regional_node.intake.office import Office
from regional_node.intake.sealing import Sealing
from regional_node.intake.submissions import Intake
from regional_node.machine import Machine
from regional_node.pages.rendering import Pages
from regional_node.pages.routes import page_routes
from regional_node.receipts.printing import Printer
from regional_node.receipts.proofs import Keys, Proofs
from regional_node.receipts.routes import Desk, receipt_routes
from regional_node.receipts.service import ReceiptsService
from regional_node.receipts.store import ReceiptStore
from regional_node.schedule.effective import EffectiveSchedule
from regional_node.transfer.store import TransferStore
from regional_node.tus.files import Files
from regional_node.tus.parts import Parts
from regional_node.tus.store import FileStore
from regional_node.web import rules
from regional_node.web.answers import Origins
from regional_node.web.api import GrantDoor
from regional_node.web.connections import Connections
from regional_node.web.door import Door, Handlers
from regional_node.web.rates import Rates
from regional_node.web.server import WebServer, make_room, tls_context
from regional_node.web.tus import TusDoor
from regional_node.witness.pages import checkpoint_routes

_LOCALE = Path(__file__).parent / "locale"
_FINISHED = "the vendor finished at a PC of the Bidding Room"


@dataclass(frozen=True, slots=True)
class Counter:
    """What intake shares with the port."""

    intake: Intake
    sealing: Sealing
    office: Office
    effective: EffectiveSchedule


@dataclass(frozen=True, slots=True)
class Place:
    """Where the port listens and how vendors reach it; checked."""

    host: str
    port: int
    public_url: str

    @property
    def prefix(self) -> str:
        """What a proxy puts before our paths."""
        return urlsplit(self.public_url).path.rstrip("/")


class _CentreSeen:
    """What the centre is known to hold, for the two ticks of a vendor's page."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._transfers = TransferStore(machine.database)

    def link(self) -> tuple[bool, datetime]:
        """Open or not, as of the last moment at which the centre was heard."""
        link = self._machine.link
        now = self._machine.clock.now()
        if link.session is not None:
            return True, now
        ended = link.row.end_time
        return False, ended if ended is not None else now

    def has_entry(self, epoch: bytes, index: int) -> bool:
        head = self._machine.link.stored_head
        if head is None or epoch != head.epoch:
            return False
        return index < head.size

    async def has_bytes(self, digests: Sequence[bytes]) -> bool:
        return await self._transfers.are_verified(set(digests))


class Front:
    """The port; `open` listens, `close` ends."""

    def __init__(self, machine: Machine, counter: Counter) -> None:
        upload = machine.settings.upload
        self._tls = tls_context(upload.certificate, upload.key)
        self._upload = upload
        self._place = _place_of(upload, tls=self._tls is not None)
        self._machine = machine
        self._base = ""
        self.grants = Grants(
            machine.database,
            counter.effective,
            machine.clock,
            machine.entropy,
            open_key(machine.settings.data, machine.entropy),
            bytes_max=machine.settings.intake.upload_bytes_max,
        )
        self.files = Files(
            Parts(
                FileStore(machine.database, counter.effective, grant_in),
                counter.intake,
                counter.sealing,
                machine.blobs,
                counter.office,
                _CentreSeen(machine),
                machine.log,
            )
        )
        self._receipts = _receipts_of(machine)
        self._server: WebServer | None = None

    @property
    def service(self) -> GrantsService:
        """The RPCs of SPSE."""
        return GrantsService(self.grants, self._machine.clock, self.url_of, self.files.revoke)

    def register(self) -> Callable[[grpc.aio.Server], None]:
        """Puts the RPCs on the local socket's server."""
        service = self.service
        store, proofs, printer = self._receipts
        printing = ReceiptsService(
            store, proofs, printer, public_url=self._upload.public_url.rstrip("/")
        )

        def put(server: grpc.aio.Server) -> None:
            grants_pb2_grpc.add_GrantsServicer_to_server(service, server)
            receipts_pb2_grpc.add_ReceiptsServicer_to_server(printing, server)

        return put

    def url_of(self, token: str) -> str:
        """The address that a vendor gets."""
        return f"{self._base}/g/{token}"

    async def open(self) -> int:
        """Listen; the port in use. FED-5311 where another program has it."""
        upload, machine = self._upload, self._machine
        proxies = rules.networks_of(upload.trusted_proxies)
        connections = Connections(
            machine.clock,
            total_max=make_room(upload.connections_max),
            per_address_max=upload.connections_per_address_max,
            proxies=proxies,
        )
        rates = Rates(
            machine.clock, requests_per_second=upload.requests_per_second, proxies=proxies
        )
        origins = Origins(rules.check_origins(upload.allowed_origins))
        door = Door(self.grants, self._handlers(), rates, origins, proxies, machine.log)
        self._server = WebServer(door, connections, machine.clock, self._tls)
        port = await self._server.open(self._place.host, self._place.port)
        tls = self._tls is not None
        self._base = rules.base_of(upload.public_url, self._place.host, port, tls=tls)
        machine.log.info("web.listening", port=port, tls=tls)
        return port

    async def close(self) -> None:
        """Take no more; what arrived is recorded."""
        if self._server is not None:
            await self._server.close()
        await self.files.close()

    def _handlers(self) -> Handlers:
        machine, prefix = self._machine, self._place.prefix
        pages = Pages(
            node=machine.me.node_id,
            exercise=machine.exercise,
            folders=(receipts.TEMPLATES,),
            prefix=prefix,
        )
        return Handlers(
            TusDoor(self.files, self.grants, prefix=prefix, unnamed=self._unnamed),
            GrantDoor(self.files, prefix=prefix),
            [
                *page_routes(pages, self.grants.find, self._state, self._finish),
                *receipt_routes(self._desk(pages)),
                *checkpoint_routes(machine.national, machine.signer, machine.clock),
            ],
            pages,
        )

    def _desk(self, pages: Pages) -> Desk:
        store, proofs, printer = self._receipts
        public_url = self._upload.public_url.rstrip("/")
        return Desk(self.grants.find, store, proofs, printer, pages, public_url)

    async def _state(self, grant: Grant, token: str) -> Mapping[str, Any]:
        overview = await self.files.overview(grant)
        return overview.document(f"{self._place.prefix}/g/{token}")

    async def _finish(self, grant: Grant) -> None:
        revoked = await self.grants.revoke(grant.name, _FINISHED)
        await self.files.revoke(revoked)

    def _unnamed(self) -> str:
        return f"berkas-{self._machine.entropy.token(4).hex()}"


def _receipts_of(machine: Machine) -> tuple[ReceiptStore, Proofs, Printer]:
    """Shared by the port and the local API: one turn for proofs, one set of prints."""
    store = ReceiptStore(machine.database)
    former = former_verifiers(machine.settings.data / "identity")
    keys = Keys(machine.signer.verifier, machine.national.centre, former)
    proofs = Proofs(store, machine.link.store.cosigned, keys)
    return store, proofs, Printer(_words())


def _place_of(upload: Upload, *, tls: bool) -> Place:
    """Everything about the settings that can be wrong is said before anything opens."""
    host, port = rules.place_of(upload.listen)
    rules.check_place(
        host,
        tls=tls,
        plain_allowed=upload.plain_beyond_loopback,
        public_url=upload.public_url,
    )
    rules.networks_of(upload.trusted_proxies)
    rules.check_origins(upload.allowed_origins)
    return Place(host, port, rules.base_of(upload.public_url, host, port, tls=tls))


def _words() -> dict[str, Words]:
    made = {language: Words(language) for language in LANGUAGES}
    for words in made.values():
        words.load(_LOCALE)
    return made
