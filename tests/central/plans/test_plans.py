"""Promises about plans: two persons, an unchanged world, exactly once; over real mTLS."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from central.plans import rules
from central.plans.rules import Draft, Plan
from lpse.federation.errors import Conflict, Denied, FederationError, Refused
from lpse.operator.v1 import plans_pb2 as api
from lpse.operator.v1.operators_pb2 import RevokeOperatorRequest
from lpse.operator.v1.operators_pb2_grpc import OperatorsStub
from lpse.operator.v1.plans_pb2_grpc import PlansStub
from lpse.runtime.clock import SystemClock
from tests.central.operators.centre import Centre, refusal, running

NODES = ("lpse-jakarta", "lpse-pacitan")


async def planned(centre: Centre, *, by: str = "siti", needed: int = 1) -> Plan:
    draft = Draft("test.deed", {"version": "3.6"}, NODES, "a reason", needed)
    return await centre.plans.create(draft, created_by=by, now=SystemClock().wall())


def stub(channel: grpc.aio.Channel) -> Any:
    return PlansStub(channel)


def approval(centre: Centre, plan: Plan, name: str = "budi", **other: Any) -> Any:
    signed = centre.sign(name, **{"digest": plan.digest, **other})
    return api.ApprovePlanRequest(name=plan.name, act=signed)


def application(plan: Plan, **other: Any) -> api.ApplyPlanRequest:
    told: dict[str, Any] = {"name": plan.name, "digest": plan.digest, "expect_nodes": 2}
    return api.ApplyPlanRequest(**{**told, **other})


async def test_two_persons_make_an_act(tmp_path: Path) -> None:
    """Planned by one, signed by another, applied: one national entry, however often applied."""
    async with running(tmp_path) as centre:
        operator, approver = await centre.person("siti"), await centre.person("budi")
        plan = await planned(centre)
        assert (await refusal(stub(operator).ApplyPlan(application(plan)))).code == "FED-3204"
        signed = await stub(approver).ApprovePlan(approval(centre, plan))
        assert signed.plan.state == api.PLAN_STATE_APPROVED
        for _ in range(2):
            done = await stub(operator).ApplyPlan(application(plan))
            assert (done.plan.state, done.plan.result) == (api.PLAN_STATE_APPLIED, "deeds/3.6")
        assert (await centre.told()).count("release.withdrawn") == 1
        kept = done.plan.approvals[0]
        assert kept == signed.plan.approvals[0] and kept.actor == "budi"


async def test_twenty_applications_at_once_are_one(tmp_path: Path) -> None:
    """However many apply at the same moment, the act happens once."""
    async with running(tmp_path) as centre:
        operator, approver = await centre.person("siti"), await centre.person("budi")
        plan = await planned(centre)
        await stub(approver).ApprovePlan(approval(centre, plan))
        calls = (stub(operator).ApplyPlan(application(plan)) for _ in range(20))
        assert {done.plan.result for done in await asyncio.gather(*calls)} == {"deeds/3.6"}
        assert (await centre.told()).count("release.withdrawn") == 1


async def test_changed_world_refuses_the_plan(tmp_path: Path) -> None:
    """An approved plan is refused, and nothing done, when what it depends on has changed."""
    async with running(tmp_path) as centre:
        operator, approver = await centre.person("siti"), await centre.person("budi")
        plan = await planned(centre)
        await stub(approver).ApprovePlan(approval(centre, plan))
        centre.deed.state = b"something moved"
        error = await refusal(stub(operator).ApplyPlan(application(plan)))
        assert (type(error), error.code) == (Conflict, "FED-3203")
        assert "release.withdrawn" not in await centre.told()


async def test_roles_cannot_do_each_others_part(tmp_path: Path) -> None:
    """Operators do not approve, approvers do not apply, auditors do neither but read."""
    async with running(tmp_path) as centre:
        people = {name: await centre.person(name) for name in ("siti", "budi", "wati")}
        plan = await planned(centre)
        for name in ("siti", "wati"):
            request = approval(centre, plan, name)
            assert (await refusal(stub(people[name]).ApprovePlan(request))).code == "FED-3104"
        for name in ("budi", "wati"):
            call = stub(people[name]).ApplyPlan(application(plan))
            assert (await refusal(call)).code == "FED-3104"
        read = await stub(people["wati"]).GetPlan(api.GetPlanRequest(name=plan.name))
        assert list(read.plan.node_ids) == list(NODES)


async def test_own_plan_cannot_be_approved(tmp_path: Path) -> None:
    """Who planned an act is never the second person, whatever the role says."""
    async with running(tmp_path) as centre:
        approver = await centre.person("budi")
        plan = await planned(centre, by="budi")
        error = await refusal(stub(approver).ApprovePlan(approval(centre, plan)))
        assert (type(error), error.code) == (Denied, "FED-3205")


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"digest": bytes(32)}, "FED-3101"),
        ({"act": "plan.create"}, "FED-3101"),
        ({"party": "lpse-pacitan"}, "FED-3101"),
        ({"role": "operator"}, "FED-3101"),
        ({"actor": "siti"}, "FED-3101"),
        ({"at": SystemClock().wall() - timedelta(hours=1)}, "FED-3106"),
        ({"at": SystemClock().wall() + timedelta(hours=1)}, "FED-3106"),
    ],
)
async def test_signature_counts_for_one_thing_now(
    tmp_path: Path, other: dict[str, Any], code: str
) -> None:
    """A signature of another subject, act, role, person or hour approves nothing."""
    async with running(tmp_path) as centre:
        approver = await centre.person("budi")
        plan = await planned(centre)
        request = approval(centre, plan, **other)
        assert (await refusal(stub(approver).ApprovePlan(request))).code == code
        assert (await centre.plans.get(plan.name)).approvals == ()


async def test_two_approvals_are_two_persons(tmp_path: Path) -> None:
    """Where two approvals are needed, the same person's second signature changes nothing."""
    async with running(tmp_path) as centre:
        operator, approver = await centre.person("siti"), await centre.person("budi")
        plan = await planned(centre, needed=2)
        for _ in range(2):
            signed = await stub(approver).ApprovePlan(approval(centre, plan))
        assert len(signed.plan.approvals) == 1
        assert (await refusal(stub(operator).ApplyPlan(application(plan)))).code == "FED-3204"


async def test_approval_of_a_revoked_person_counts_no_more(tmp_path: Path) -> None:
    """A plan approved by somebody who lost access since is not applied."""
    async with running(tmp_path) as centre:
        from tests.central.operators.test_persons import second_approver

        await second_approver(centre)
        operator, approver = await centre.person("siti"), await centre.person("budi")
        plan = await planned(centre)
        await stub(approver).ApprovePlan(approval(centre, plan))
        request = RevokeOperatorRequest(name="operators/budi", reason="stolen key")
        await OperatorsStub(operator).RevokeOperator(request)
        assert (await refusal(stub(operator).ApplyPlan(application(plan)))).code == "FED-3204"


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"digest": bytes(32)}, "FED-3206"),
        ({"expect_nodes": 700}, "FED-3207"),
        ({"act": "rollout.apply"}, "FED-3208"),
        ({"name": "plans/99"}, "FED-3201"),
        ({"name": "plans/x"}, "FED-3201"),
    ],
)
async def test_only_the_reviewed_plan_is_applied(
    tmp_path: Path, other: dict[str, Any], code: str
) -> None:
    """Another digest, number of nodes, act or name than was reviewed is refused."""
    async with running(tmp_path) as centre:
        operator, approver = await centre.person("siti"), await centre.person("budi")
        plan = await planned(centre)
        await stub(approver).ApprovePlan(approval(centre, plan))
        assert (await refusal(stub(operator).ApplyPlan(application(plan, **other)))).code == code
        assert "release.withdrawn" not in await centre.told()


async def test_validate_only_does_nothing(tmp_path: Path) -> None:
    """Checking an approval or an application changes nothing."""
    async with running(tmp_path) as centre:
        operator, approver = await centre.person("siti"), await centre.person("budi")
        plan = await planned(centre)
        request = approval(centre, plan)
        request.validate_only = True
        assert not (await stub(approver).ApprovePlan(request)).plan.approvals
        await stub(approver).ApprovePlan(approval(centre, plan))
        checked = await stub(operator).ApplyPlan(application(plan, validate_only=True))
        assert checked.plan.result == ""
        assert "release.withdrawn" not in await centre.told()


async def test_plans_are_listed_newest_first_by_state(tmp_path: Path) -> None:
    """Lists page through plans, newest first, filtered by state, without their bulk."""
    async with running(tmp_path) as centre:
        reader = await centre.person("wati")
        for _ in range(5):
            await planned(centre)
        request, seen = api.ListPlansRequest(page_size=2, state=api.PLAN_STATE_PLANNED), []
        while True:
            answer = await stub(reader).ListPlans(request)
            seen += [plan.name for plan in answer.plans]
            assert all(not plan.document and plan.node_count == 2 for plan in answer.plans)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
        assert seen == [f"plans/{number}" for number in (5, 4, 3, 2, 1)]
        request = api.ListPlansRequest(state=api.PLAN_STATE_APPLIED)
        assert not (await stub(reader).ListPlans(request)).plans


def sample() -> Plan:
    now = SystemClock().wall()
    life = timedelta(hours=24)
    return Plan(
        "plans/1", "a.b", b"{}", NODES, bytes(32), "siti", "why", now, now + life, 1
    ).sealed()


def test_expired_plan_is_refused() -> None:
    """From its expiry on a plan can neither be approved nor applied."""
    plan = sample()
    late = plan.expire_time
    with pytest.raises(Conflict, match="expired"):
        rules.check_approval(plan, "budi", late)
    with pytest.raises(Conflict, match="expired"):
        rules.check_application(
            plan, late, digest=plan.digest, expect_nodes=2, act="", approvers=()
        )
    assert plan.state(plan.expire_time) is rules.PlanState.EXPIRED


def test_digest_covers_everything_shown() -> None:
    """Changing any one thing that a person reviews changes the digest that is signed."""
    plan = sample()
    others = [
        replace(plan, name="plans/2"),
        replace(plan, act="a.c"),
        replace(plan, document=b'{"a":1}'),
        replace(plan, node_ids=NODES[:1]),
        replace(plan, world=b"\1" * 32),
        replace(plan, created_by="eko"),
        replace(plan, reason="because"),
        replace(plan, expire_time=plan.expire_time + timedelta(seconds=1)),
        replace(plan, approvals_needed=0),
    ]
    assert len({other.sealed().digest for other in others} | {plan.digest}) == 10


@pytest.mark.parametrize(
    "draft",
    [
        Draft("a.b", {}, (), " "),
        Draft("a.b", {}, ("x", "x"), "why"),
        Draft("a.b", {}, [f"n{i}" for i in range(10_001)], "why"),
        Draft("a.b", {"text": "x" * 300_000}, (), "why"),
        Draft("a.b", {}, (), "why", 9),
    ],
    ids=["no reason", "twice", "too many nodes", "too large", "too many approvals"],
)
def test_plan_beyond_its_limits_is_refused(draft: Draft) -> None:
    """Invariant 12: a plan has limits, and a person is told which."""
    with pytest.raises(Refused) as told:
        rules.document_bytes(draft)
    assert isinstance(told.value, FederationError) and told.value.code == "FED-3209"
