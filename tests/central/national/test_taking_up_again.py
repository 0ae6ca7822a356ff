"""A centre that takes its own national entries up again has the tables that it had."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from central.calendars.store import CalendarStore
from central.enrolment.rules import Code
from central.enrolment.store import EnrolmentStore
from central.national.restoring import Restorers
from central.operators.store import OperatorStore
from central.outages.packages_store import PackagesProjection
from central.outages.store import OutageStore
from central.plans.rules import Draft, Plan
from central.plans.store import PlanStore
from central.releases.lost_store import lost_bundles
from central.releases.store import ReleaseStore
from central.rollouts.store import RolloutStore
from central.witness.wiring import restorers
from lpse.federation import kinds
from lpse.federation.notes import Signer
from lpse.federation.v1 import directives_pb2 as directives
from lpse.runtime.clock import ManualClock, SystemEntropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal

MIGRATIONS = Path(__file__).resolve().parents[3] / "central" / "migrations"
START = datetime(2015, 3, 27, 1, tzinfo=UTC)
LIFE = 86_400
TABLES = (
    "operators", "node_bindings", "releases", "rollouts", "rollout_waves", "rollout_nodes",
    "outages", "outage_revisions", "calendars", "rule_sets", "policies",
)  # fmt: skip


class Office:
    """The stores of a centre over one journal, without people and wires."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database, self.clock = database, clock
        signer = Signer.from_seed("lkpp", bytes(32))
        self.journal = Journal(database, signer, clock, SystemEntropy())
        append = self.append_in
        self.operators = OperatorStore(database, append)
        self.enrolment = EnrolmentStore(database, append, self.operators)
        self.plans = PlanStore(database, self.operators)
        self.releases = ReleaseStore(database, append)
        self.rollouts = RolloutStore(database, self, clock)
        self.outages = OutageStore(database, self, lambda _: [], PackagesProjection(), clock)
        self.calendars = CalendarStore(database, append)

    def append_in(self, tx: Transaction, record: Message, *, entry_id: bytes | None = None) -> int:
        return self.journal.append_in(tx, record, entry_id=entry_id)

    async def code(self, kind: str, subject: str) -> Code:
        code = Code(
            f"code-{subject}", kind, subject, "ID-JI" if kind == "node" else "",
            "Asia/Jakarta" if kind == "node" else "", "" if kind == "node" else "operator",
            bytes(32), "OPEN", 0, "siti", self.clock.now(), self.clock.now() + timedelta(days=3),
        )  # fmt: skip
        return await self.enrolment.create_code(code)

    async def redeem(self, code: Code, key: bytes) -> None:
        now = self.clock.now()
        await self.enrolment.redeem(code.code_id, key, now, now + timedelta(seconds=LIFE))

    async def dump(self) -> dict[str, list[Any]]:
        """Every row of the tables that national entries make."""

        def work(tx: Transaction) -> dict[str, list[Any]]:
            # Names of tables are constants of this test.
            return {one: sorted(tx.execute(f"SELECT * FROM {one}"), key=repr) for one in TABLES}

        return await self.database.read(work)


@pytest.fixture
async def databases(tmp_path: Path) -> Any:
    opened = [await Database.open(tmp_path / f"{n}.db", MIGRATIONS) for n in ("first", "second")]
    yield opened
    for one in opened:
        await one.close()


async def _people(office: Office) -> None:
    for name, mark in (("siti", b"s"), ("andi", b"a")):
        await office.redeem(await office.code("operator", name), mark * 32)
    for node, mark in (("lpse-pacitan", b"p"), ("lpse-kalsel", b"k")):
        await office.redeem(await office.code("node", node), mark * 32)
    office.clock.advance(60)
    await office.enrolment.revoke_node(
        "lpse-kalsel", by="siti", reason="moved", now=office.clock.now()
    )


def _outage(revision: int, act: directives.OutageAct.ValueType) -> directives.OutageRevised:
    record = directives.OutageRevised(
        outage="outages/2015-0001", revision=revision, act=act,
        scope=directives.OUTAGE_SCOPE_NATIONAL, cause=directives.OUTAGE_CAUSE_VERSION_UPGRADE,
        attribution=directives.OUTAGE_ATTRIBUTION_CENTRE, title="SPSE 3.6", reason="r",
        zone="Asia/Jakarta",
    )  # fmt: skip
    record.window.start_date = "2015-03-27"
    if act == directives.OUTAGE_ACT_CLOSE:
        record.window.end_date = "2015-03-31"
    return record


async def _publish(office: Office) -> None:
    now = office.clock.now()
    for version in ("3.5", "3.6"):
        digest = sha256(version.encode()).digest()
        record = directives.ReleasePublished(version=version, bundle_digest=digest, bundle_bytes=1)
        await office.releases.publish(record, now, validate_only=False)
    gone = directives.ReleaseWithdrawn(version="3.5", reason="bad", withdrawn_by="siti")
    await office.releases.withdraw("3.5", gone, now, validate_only=False)
    rollout = directives.RolloutApplied(rollout="rollouts/spse-3.6", version="3.6", reason="r")
    for name in ("canary", "west"):
        rollout.waves.add(wave=name, node_ids=[f"lpse-{name}"])
    await office.database.write(
        lambda tx: office.rollouts.begin_in(tx, rollout, bytes(16), office.clock.now())
    )
    office.clock.advance(60)
    await office.rollouts.open_wave("rollouts/spse-3.6", 1, office.clock.now())
    await office.rollouts.change_state(
        "rollouts/spse-3.6",
        directives.RolloutStateChanged(
            rollout="rollouts/spse-3.6", state=directives.ROLLOUT_STATE_PAUSED, reason="wait"
        ),
        office.clock.now(),
    )
    for revision, act in ((1, directives.OUTAGE_ACT_DECLARE), (2, directives.OUTAGE_ACT_CLOSE)):
        document = {
            "revision": MessageToDict(_outage(revision, act), preserving_proto_field_name=True)
        }
        plan = _plan(office, document, revision)
        await office.database.write(partial(office.outages.publish_in, plan=plan))
    for leave in ([], ["2015-07-16"]):
        calendar = directives.CalendarPublished(year=2015, holidays=["2015-04-03"], citation="SKB")
        calendar.collective_leave.extend(leave)
        await office.calendars.publish(calendar, by="siti", now=office.clock.now())
    rules = directives.RuleSetPublished(rule_set="perka-1-2015", document=b"{}")
    await office.calendars.publish_rule_set(rules, now=office.clock.now())
    for seconds in (5, 6):
        policy = directives.PolicyPublished(guard_window_seconds=seconds)
        await office.calendars.publish_policy(policy, now=office.clock.now())


def _plan(office: Office, document: dict[str, Any], number: int) -> Plan:
    import json

    now = office.clock.now()
    return Plan(
        f"plans/{number}", "outage.declare", json.dumps(document).encode(), (), bytes(32), "siti",
        "r", now, now, 1,
    ).sealed()  # fmt: skip


async def _take_up(office: Office, table: Restorers, entries: list[Any]) -> list[Any]:
    def work(tx: Transaction) -> list[Any]:
        return [table.restore_in(tx, one.index, one.data) for one in entries]

    return [one for one in await office.database.write(work) if one is not None]


async def test_tables_are_as_they_were(databases: list[Database]) -> None:
    """Every table beside the national journal is rebuilt from its entries, to the last field."""
    first = Office(databases[0], ManualClock(START))
    await first.journal.open()
    await _people(first)
    await _publish(first)
    entries = await first.journal.entries(0, 1_000)
    second = Office(databases[1], ManualClock(START))
    table = restorers(certificate_seconds=LIFE)
    assert await _take_up(second, table, entries) == []
    assert await second.dump() == await first.dump()
    assert all(rows for rows in (await second.dump()).values())
    assert await _take_up(second, table, entries) == []
    assert await second.dump() == await first.dump(), "twice has the effect of once"
    missing = await lost_bundles(second.database, 10)
    assert [one.version for one in missing] == ["3.6"], "a withdrawn release needs no bytes"


async def test_a_code_that_was_spent_after_the_backup_stays_spent(
    databases: list[Database],
) -> None:
    """Invariant 3: the restored copy knows the code as open; the entry says otherwise."""
    first, second = (Office(one, ManualClock(START)) for one in databases)
    await first.journal.open()
    code = await second.code("node", "lpse-pacitan")
    await first.redeem(await first.code("node", "lpse-pacitan"), b"p" * 32)
    await _take_up(second, restorers(LIFE), await first.journal.entries(0, 10))
    found = await second.enrolment.find_code(code.code_id)
    assert found is not None
    assert (found.state, found.signing_key) == ("USED", b"p" * 32)


async def test_a_plan_that_was_applied_after_the_backup_is_not_applied_again(
    databases: list[Database],
) -> None:
    """Invariant 3: the plan's effect stands in the journal, so the plan is done."""
    first, second = (Office(one, ManualClock(START)) for one in databases)
    await first.journal.open()

    class Nothing:
        act = "outage.declare"

        def world_in(self, tx: Transaction, document: Any) -> bytes:
            return bytes(32)

        def apply_in(self, tx: Transaction, plan: Plan) -> str:
            raise AssertionError("applied a second time")

    second.plans.register(Nothing())
    draft = Draft("outage.declare", {"x": 1}, [], "r")
    plan = await second.plans.create(draft, created_by="siti", now=START)
    record = _outage(1, directives.OUTAGE_ACT_DECLARE)
    record.plan_digest = plan.digest
    await first.journal.append(record)
    await _take_up(second, restorers(LIFE), await first.journal.entries(0, 10))
    again = await second.plans.apply(plan.name, START, digest=plan.digest, expect_nodes=0)
    assert again.result == "outages/2015-0001"


async def test_an_entry_that_no_table_knows_blocks_nothing(databases: list[Database]) -> None:
    """Invariant 10: it is named, and the entries behind it are taken up all the same."""
    first, second = (Office(one, ManualClock(START)) for one in databases)
    await first.journal.open()
    await first.journal.append(
        directives.RolloutWaveOpened(rollout="rollouts/unknown", wave_index=1),
        directives.PolicyPublished(guard_window_seconds=3),
    )
    table = restorers(LIFE)
    [left] = await _take_up(second, table, await first.journal.entries(0, 10))
    assert (left.index, left.kind) == (1, "rollout.wave_opened")
    assert (await second.dump())["policies"]


def test_every_national_kind_has_a_place() -> None:
    """A kind added later must say what a restored centre does with it."""
    silent = {"beacon.lit", "epoch.opened", "national.asserted"}
    elsewhere = {"reconciliation.recorded", "reconciliation.resolved"}  # `Deciding.handlers`
    assert set(kinds.NATIONAL) <= silent | elsewhere | set(restorers(LIFE).kinds)
