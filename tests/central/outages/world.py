"""A centre's outages and calendars over a real database and journal, with two persons and nodes.

Who calls is named by the test in place of a client certificate; plans, approvals and signatures are
the real ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message

from central.calendars.service import CalendarsService
from central.calendars.store import CalendarStore
from central.ledger.ports import Source
from central.operators.rules import Operator, check_role
from central.operators.store import OperatorStore
from central.outages.packages_store import PackagesProjection
from central.outages.service import OutagesService
from central.outages.store import OutageStore
from central.plans.service import PlansService
from central.plans.store import PlanStore
from lpse.federation import kinds
from lpse.federation.acts import Deed, sign_act
from lpse.federation.entries import decode_entry
from lpse.federation.notes import Signer
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.operator.v1 import outages_pb2 as api
from lpse.operator.v1 import plans_pb2 as plans_api
from lpse.runtime.clock import ManualClock, SeededEntropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal

MIGRATIONS = Path(__file__).parents[3] / "central" / "migrations"
KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    for number, name in enumerate(("ana", "bima"), start=1)
}
ROLES = {"ana": "operator", "bima": "approver"}


@dataclass(frozen=True, slots=True)
class Node:
    """A node with access."""

    node_id: str
    province: str
    zone: str


NODES = (
    Node("lpse-pacitan", "ID-JI", "Asia/Jakarta"),
    Node("lpse-kalsel", "ID-KS", "Asia/Makassar"),
    Node("lpse-papua", "ID-PA", "Asia/Jayapura"),
)


class Caller:
    """Stands for the client certificate."""

    def __init__(self, operators: OperatorStore) -> None:
        self.name = "ana"
        self._operators = operators

    async def require_operator(self, context: object, *roles: str) -> Operator:
        person = await self._operators.get(self.name)
        check_role(person, *roles)
        return person


class Centre:
    """One centre."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(datetime(2015, 3, 31, 2, tzinfo=UTC))
        self.nodes: Sequence[Node] = NODES

    async def open(self) -> Centre:
        self.database = await Database.open(self.folder / "centre.db", MIGRATIONS)
        signer = Signer.from_seed("lkpp", bytes(range(32)))
        self.journal = Journal(self.database, signer, self.clock, SeededEntropy(1))
        await self.journal.open()
        operators = OperatorStore(self.database, self.journal.append_in)
        await self.database.write(lambda tx: self._add_people(tx, operators))
        self.caller = Caller(operators)
        self.plans = PlanStore(self.database, operators)
        self.packages = PackagesProjection()
        self.outages = OutageStore(
            self.database, self.journal, lambda _: self.nodes, self.packages, self.clock
        )
        for applier in self.outages.appliers():
            self.plans.register(applier)
        self.api = OutagesService(self.outages, self.plans, self.caller, self.clock)
        self.plans_api = PlansService(self.plans, self.caller, self.clock)
        self.calendars = CalendarsService(
            CalendarStore(self.database, self.journal.append_in), self.caller, self.clock
        )
        return self

    async def plan(self, request: api.PlanOutageRequest) -> api.PlanOutageResponse:
        self.caller.name = "ana"
        return await self.api.PlanOutage(request, None)  # type: ignore[arg-type] # the handler reads no context

    async def approve(self, plan: plans_api.Plan) -> None:
        """The second person's signature."""
        self.caller.name = "bima"
        act = sign_act(
            KEYS["bima"],
            Deed("lkpp", "plan.approve", plan.digest),
            actor="bima",
            role="approver",
            at=self.clock.wall(),
        )
        await self.plans_api.ApprovePlan(
            plans_api.ApprovePlanRequest(name=plan.name, act=act),
            None,  # type: ignore[arg-type] # the handler reads no context
        )

    async def apply(self, plan: plans_api.Plan, act: str = "outage.declare") -> str:
        """Apply as reviewed; the outage's name."""
        self.caller.name = "ana"
        answer = await self.plans_api.ApplyPlan(
            plans_api.ApplyPlanRequest(
                name=plan.name, digest=plan.digest, expect_nodes=len(plan.node_ids), act=act
            ),
            None,  # type: ignore[arg-type] # the handler reads no context
        )
        return answer.plan.result

    async def enact(
        self, request: api.PlanOutageRequest, act: str = "outage.declare"
    ) -> tuple[str, api.PlanOutageResponse]:
        """Plan, approve and apply."""
        planned = await self.plan(request)
        await self.approve(planned.plan)
        return await self.apply(planned.plan, act), planned

    async def get(self, name: str) -> api.GetOutageResponse:
        return await self.api.GetOutage(api.GetOutageRequest(name=name), None)  # type: ignore[arg-type] # the handler reads no context

    async def report(self, node_id: str, *said: Message) -> None:
        """Project records of a node's journal."""

        def work(tx: Transaction) -> None:
            for index, record in enumerate(said):
                source = Source(node_id, bytes(16), index, self.clock.now(), bytes(16))
                self.packages.apply_in(tx, source, record)

        await self.database.write(work)

    async def revisions(self) -> list[directives.OutageRevised]:
        """What was published nationally."""
        rows = await self.journal.entries(0, self.journal.head.size)
        found = [decode_entry(row.data) for row in rows if row.kind == "outage.revised"]
        read = [kinds.record_of(entry.kind, entry.payload) for entry in found]
        return [one for one in read if isinstance(one, directives.OutageRevised)]

    def _add_people(self, tx: Transaction, operators: OperatorStore) -> None:
        for name, key in KEYS.items():
            operators.redeem_in(
                tx,
                name=name,
                role=ROLES[name],
                signing_key=key.public_key().public_bytes_raw(),
                added_by="",
                now=self.clock.now(),
            )


def declaration(**changes: object) -> api.PlanOutageRequest:
    """27–30 March 2015, the whole country."""
    request = api.PlanOutageRequest(
        act=directives.OUTAGE_ACT_DECLARE,
        scope=directives.OUTAGE_SCOPE_NATIONAL,
        window=directives.OutageWindow(start_date="2015-03-27", end_date="2015-03-31"),
        cause=directives.OUTAGE_CAUSE_VERSION_UPGRADE,
        attribution=directives.OUTAGE_ATTRIBUTION_CENTRE,
        title="Pemutakhiran SPSE 3.6",
        reason="server tidak dapat diakses",
        zone="Asia/Jakarta",
    )
    request.MergeFrom(api.PlanOutageRequest(**changes))  # type: ignore[arg-type] # fields of the message
    return request


def scheduled(code: str, start: datetime, end: datetime) -> records.PackageScheduled:
    """A package with one stage."""
    record = records.PackageScheduled(
        package=code, revision=1, zone="Asia/Jakarta", rule_set="perka-1-2015", origin="import"
    )
    stage = record.stages.add(stage="Upload Dokumen Penawaran")
    stage.start_time.FromDatetime(start)
    stage.end_time.FromDatetime(end)
    return record
