"""A real centre for tests of identity: founded on disk, three listeners on loopback, a journal.

Owns nothing of the product. The nodes' listener carries two small calls of its own (who am I, hold
a stream open), because the link is not what these tests are about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import grpc

from central.enrolment import genesis
from central.enrolment.admission import Admission
from central.enrolment.certificates import Issuer
from central.enrolment.codes import Codes
from central.enrolment.operator_service import EnrolmentsService, NodesService
from central.enrolment.recovering import RecoverApplier
from central.enrolment.service import EnrolmentService
from central.enrolment.store import EnrolmentStore
from central.operators.store import OperatorStore
from central.plans.store import PlanStore
from lpse.federation import kinds
from lpse.federation.entries import decode_entry
from lpse.federation.errors import Denied
from lpse.federation.notes import Signer
from lpse.federation.v1 import enrolment_pb2_grpc
from lpse.operator.v1 import enrolments_pb2_grpc, nodes_pb2_grpc
from lpse.runtime import channels, logs, tls
from lpse.runtime.clock import SystemClock, SystemEntropy
from lpse.runtime.sqlite import Database
from lpse.runtime.tls.enrolling import enrol
from lpse.storage.journal import Journal

PERSONS = (("sri", "operator"), ("budi", "approver"), ("wati", "auditor"))


class OffsetClock(SystemClock):
    """Wall time that a test may push forward; everything else is the machine's."""

    offset = timedelta()

    def wall(self) -> datetime:
        return super().wall() + self.offset

    def now(self) -> datetime:
        return self.wall()


@dataclass
class Centre:
    """What a test may look at and call."""

    data: Path
    store: EnrolmentStore
    operators: OperatorStore
    plans: PlanStore
    admission: Admission
    codes: Codes
    journal: Journal
    clock: OffsetClock
    invitations: dict[str, str]
    log: StringIO
    nodes: str = ""
    enrolment: str = ""
    operator_api: str = ""
    service: Any = None
    streams: dict[str, list[asyncio.Event]] = field(default_factory=dict)

    async def node_code(self, node_id: str = "lpse-pacitan") -> str:
        """A fresh code for a node."""
        place = ("ID-JI", "Asia/Jakarta")
        _, text = await self.codes.create(("node", node_id), place=place, created_by="sri")
        return text

    async def person(self, name: str, folder: Path) -> grpc.aio.Channel:
        """Redeem a first person's invitation and open a channel to the operator API."""
        await enrol(self.enrolment, self.invitations[name], folder, kind="operator")
        return self.channel(folder, self.operator_api)

    def channel(self, folder: Path, endpoint: str = "") -> grpc.aio.Channel:
        """mTLS with the identity in `folder`, to the nodes' listener unless told otherwise."""
        return channels.open_channel(
            endpoint or self.nodes,
            tls.client_credentials(folder),
            server_name=tls.CENTRE_SERVER_NAME,
        )

    async def whoami(self, folder: Path, endpoint: str = "") -> str:
        """What the nodes' listener takes the caller for."""
        async with self.channel(folder, endpoint) as channel:
            call: Any = channel.unary_unary("/test.Node/Who")
            try:
                answer: bytes = await call(b"")
                return answer.decode()
            except grpc.aio.AioRpcError as error:
                raise channels.error_from(error) from None

    async def told(self) -> list[str]:
        """Kinds of all national entries, in order."""
        batch = await self.journal.batch(0)
        assert batch is not None
        return [decode_entry(data).kind for data in batch.entries]


@asynccontextmanager
async def running(
    data: Path, *, node_seconds: int = 3_600, code_seconds: int = 3_600
) -> AsyncIterator[Centre]:
    """Found a centre in `data` if there is none, and serve it until the block ends."""
    clock, entropy, text = OffsetClock(), SystemEntropy(), StringIO()
    founding = genesis.Founding(data, PERSONS)
    invitations: dict[str, str] = {}
    if not (data / genesis.CONFIGURATION).exists():
        made = await genesis.initialise(founding, clock, entropy)
        invitations = {i.code.subject: i.text for i in made}
    identity = data / genesis.IDENTITY
    database = await Database.open(data / genesis.DATABASE, genesis.MIGRATIONS)
    signer = Signer("lkpp", tls.load_signing_key(identity / tls.SIGNING_KEY))
    journal = Journal(database, signer, clock, entropy)
    await journal.open()
    operators = OperatorStore(database, journal.append_in)
    store = EnrolmentStore(database, journal.append_in, operators)
    log = logs.configure(stream=text, json=True)
    admission = Admission(store, operators, log)
    await admission.open()
    facts = genesis.centre_facts(identity, ("localhost:1", "localhost:2", "-"), code_seconds)
    codes = Codes(store, facts, clock, entropy)
    plans = PlanStore(database, operators)
    plans.register(RecoverApplier())
    centre = Centre(
        data, store, operators, plans, admission, codes, journal, clock, invitations, text
    )
    issuer = Issuer(tls.load_authority(identity), node_seconds=node_seconds)
    registry = (store, operators)
    enrolment = EnrolmentService(registry, admission, issuer, facts, clock, log)
    centre.service = enrolment
    servers = await _listen(centre, identity, enrolment)
    try:
        yield centre
    finally:
        for server in servers:
            await server.stop(0)
        await database.close()


async def _listen(
    centre: Centre, identity: Path, enrolment: EnrolmentService
) -> list[grpc.aio.Server]:
    log = logs.configure(stream=centre.log, json=True)
    servers = []
    for which in ("nodes", "enrolment", "operator_api"):
        server = grpc.aio.server(
            interceptors=[channels.ErrorInterceptor(log)], options=channels.SERVER_OPTIONS
        )
        if which == "nodes":
            server.add_generic_rpc_handlers([_node_calls(centre)])
        elif which == "enrolment":
            enrolment_pb2_grpc.add_EnrolmentServicer_to_server(enrolment, server)
        else:
            clock = centre.clock
            enrolments = EnrolmentsService(
                centre.store, centre.codes, centre.admission, clock, centre.plans
            )
            nodes = NodesService(centre.store, centre.admission, clock, log)
            enrolments_pb2_grpc.add_EnrolmentsServicer_to_server(enrolments, server)
            nodes_pb2_grpc.add_NodesServicer_to_server(nodes, server)
        credentials = tls.server_credentials(identity, clients=which != "enrolment")
        port = server.add_secure_port("127.0.0.1:0", credentials)
        setattr(centre, which, f"127.0.0.1:{port}")
        await server.start()
        servers.append(server)
    return servers


def _node_calls(centre: Centre) -> grpc.GenericRpcHandler:
    async def who(request: bytes, context: Any) -> bytes:
        return centre.admission.require_node(context).encode()

    async def hold(request: bytes, context: Any) -> AsyncIterator[bytes]:
        node = centre.admission.require_node(context)
        ended = asyncio.Event()
        centre.streams.setdefault(node, []).append(ended)
        yield b"open"
        await ended.wait()
        raise Denied("FED-3010", "access has ended")

    def close(subject: channels.Subject) -> None:
        for ended in centre.streams.get(subject.name, []):
            ended.set()

    centre.admission.on_revoked(close)
    handlers: Any = {
        "Who": grpc.unary_unary_rpc_method_handler(who),
        "Hold": grpc.unary_stream_rpc_method_handler(hold),
    }
    return grpc.method_handlers_generic_handler("test.Node", handlers)


def kind_of_added() -> tuple[str, str]:
    """The national kinds that enrolments write: of a node, of a person."""
    assert {"node.enrolled", "operator.added"} <= kinds.NATIONAL.keys()
    return "node.enrolled", "operator.added"
