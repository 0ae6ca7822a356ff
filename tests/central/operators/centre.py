"""A real centre for tests of persons and plans: founded on disk, two TLS listeners on loopback.

Owns nothing of the product but `Deed`, the smallest act that can be planned and applied.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import grpc

from central.enrolment import genesis
from central.enrolment.admission import Admission
from central.enrolment.certificates import Issuer
from central.enrolment.codes import Codes
from central.enrolment.operator_service import EnrolmentsService
from central.enrolment.service import EnrolmentService
from central.enrolment.store import EnrolmentStore
from central.operators.service import OperatorsService
from central.operators.store import OperatorStore
from central.plans.rules import Plan
from central.plans.service import PlansService
from central.plans.store import PlanStore
from lpse.federation import acts
from lpse.federation.entries import decode_entry
from lpse.federation.errors import FederationError
from lpse.federation.notes import Signer
from lpse.federation.v1 import enrolment_pb2_grpc
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.federation.v1.directives_pb2 import ReleaseWithdrawn
from lpse.operator.v1 import enrolments_pb2_grpc, operators_pb2_grpc, plans_pb2_grpc
from lpse.runtime import channels, logs, tls
from lpse.runtime.clock import SystemClock, SystemEntropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.tls.enrolling import enrol
from lpse.storage.journal import Journal

ROLE = {"siti": "operator", "budi": "approver", "wati": "auditor"}


class Deed:
    """An act that depends on `state` and becomes one national entry."""

    act = "test.deed"

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.state = b"as planned"

    def world_in(self, tx: Transaction, document: Mapping[str, Any]) -> bytes:
        return self.state.ljust(32)

    def apply_in(self, tx: Transaction, plan: Plan) -> str:
        record = ReleaseWithdrawn(version=plan.contents["version"], reason=plan.reason)
        self._journal.append_in(tx, record, entry_id=plan.entry_id)
        return f"deeds/{plan.contents['version']}"


@dataclass
class Centre:
    """What a test may look at and call."""

    folder: Path
    operators: OperatorStore
    plans: PlanStore
    deed: Deed
    journal: Journal
    invitations: dict[str, str]
    enrolment: str = ""
    endpoint: str = ""
    database: Database = field(init=False)
    signer: Signer = field(init=False)
    enrolments: EnrolmentStore = field(init=False)
    admission: Admission = field(init=False)

    async def person(self, name: str, code: str = "") -> grpc.aio.Channel:
        """A channel of a person, who redeems the invitation first."""
        folder = self.folder / name
        code = code or self.invitations.get(name, "")
        if not (folder / tls.TLS_CERTIFICATE).exists():
            await enrol(self.enrolment, code, folder, kind="operator")
        credentials = tls.client_credentials(folder)
        return channels.open_channel(self.endpoint, credentials, server_name=tls.CENTRE_SERVER_NAME)

    def sign(self, name: str, digest: bytes, **other: Any) -> SignedAct:
        """A person's signature under a plan, wrong where `other` says so."""
        told: dict[str, Any] = {
            "actor": name,
            "role": ROLE.get(name, "approver"),
            "at": SystemClock().wall(),
        }
        told.update({field: other.pop(field) for field in told if field in other})
        deed = acts.Deed(**{"party": "lkpp", "act": "plan.approve", "digest": digest, **other})
        key = tls.load_signing_key(self.folder / name / tls.SIGNING_KEY)
        return acts.sign_act(key, deed, **told)

    async def told(self) -> list[str]:
        """Kinds of all national entries, in order."""
        batch = await self.journal.batch(0)
        assert batch is not None
        return [decode_entry(data).kind for data in batch.entries]


AddServices = Callable[[Centre, grpc.aio.Server], Awaitable[None]]


@asynccontextmanager
async def running(folder: Path, more: AddServices | None = None) -> AsyncIterator[Centre]:
    """Found a centre and serve enrolment and the operator API until the block ends.

    `more` adds services to the operators' listener.
    """
    clock, entropy, data = SystemClock(), SystemEntropy(), folder / "centre"
    made = await genesis.initialise(genesis.Founding(data, tuple(ROLE.items())), clock, entropy)
    identity = data / genesis.IDENTITY
    database = await Database.open(data / genesis.DATABASE, genesis.MIGRATIONS)
    signer = Signer("lkpp", tls.load_signing_key(identity / tls.SIGNING_KEY))
    journal = Journal(database, signer, clock, entropy)
    await journal.open()
    operators = OperatorStore(database, journal.append_in)
    plans, deed = PlanStore(database, operators), Deed(journal)
    plans.register(deed)
    invitations = {i.code.subject: i.text for i in made}
    centre = Centre(folder, operators, plans, deed, journal, invitations)
    centre.database, centre.signer = database, signer
    servers = await _listen(centre, identity, more)
    try:
        yield centre
    finally:
        for server in servers:
            await server.stop(0)
        await database.close()


async def _listen(
    centre: Centre, identity: Path, more: AddServices | None
) -> list[grpc.aio.Server]:
    clock, log = SystemClock(), logs.configure(stream=StringIO(), json=True)
    store = EnrolmentStore(centre.database, centre.journal.append_in, centre.operators)
    admission = Admission(store, centre.operators, log)
    centre.enrolments, centre.admission = store, admission
    await admission.open()
    servers = []
    for clients in (True, False):
        server = grpc.aio.server(
            interceptors=[channels.ErrorInterceptor(log)], options=channels.SERVER_OPTIONS
        )
        credentials = tls.server_credentials(identity, clients=clients)
        port = server.add_secure_port("127.0.0.1:0", credentials)
        setattr(centre, "endpoint" if clients else "enrolment", f"127.0.0.1:{port}")
        servers.append(server)
    facts = genesis.centre_facts(identity, ("-", centre.endpoint, centre.enrolment), 3_600)
    codes = Codes(store, facts, clock, SystemEntropy())
    issuer = Issuer(tls.load_authority(identity))
    registry = (store, centre.operators)
    service = EnrolmentService(registry, admission, issuer, facts, clock, log)
    enrolment_pb2_grpc.add_EnrolmentServicer_to_server(service, servers[1])
    enrolments = EnrolmentsService(store, codes, admission, clock, centre.plans)
    enrolments_pb2_grpc.add_EnrolmentsServicer_to_server(enrolments, servers[0])
    persons = OperatorsService(centre.operators, admission, clock)
    operators_pb2_grpc.add_OperatorsServicer_to_server(persons, servers[0])
    plans = PlansService(centre.plans, admission, clock)
    plans_pb2_grpc.add_PlansServicer_to_server(plans, servers[0])
    if more is not None:
        await more(centre, servers[0])
    for server in servers:
        await server.start()
    return servers


async def refusal(call: Any) -> FederationError:
    """The error that a call ends with."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return channels.error_from(error)
    raise AssertionError("the call was answered")


@dataclass
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.out)


async def lkppctl(home: Path, *arguments: str, stdin: str = "", lang: str = "C") -> Ran:
    """Run the real program in a process of its own, with nobody to be asked."""
    env = {**os.environ, "LKPPCTL_HOME": str(home), "LANG": lang, "NO_COLOR": "1"}
    for name in ("LC_ALL", "LC_MESSAGES", "LKPPCTL_CONTEXT"):
        env.pop(name, None)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "lkppctl"),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    out, err = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())
