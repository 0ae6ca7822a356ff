"""A rollout from its plan to its end: two persons, waves, holds, halts, restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from lpse.federation.errors import Conflict, FederationError, NotFound
from lpse.federation.limits import ROLLOUT_SILENCE_SECONDS
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1.directives_pb2 import RolloutWave
from lpse.operator.v1 import plans_pb2
from lpse.operator.v1 import rollouts_pb2 as api
from lpse.operator.v1.plans_pb2_grpc import PlansStub
from lpse.operator.v1.rollouts_pb2_grpc import RolloutsStub
from tests.central.operators.centre import refusal
from tests.central.releases.office import Office, lkppctl, running

NODES = ("lpse-kalbar", "lpse-jakarta", "lpse-kalsel", "lpse-papua")
NAME = "rollouts/spse-3.6"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with running(tmp_path) as found:
        await prepare(found)
        yield found


async def prepare(office: Office) -> None:
    """A published release and four nodes that run the version before."""
    office.nodes = {"lpse-pacitan", *NODES}
    for node in office.nodes:
        await office.report_version(node, "3.0")
    record = directives.ReleasePublished(
        version="3.6", from_versions=["3.0"], bundle_digest=sha256(b"b").digest(), bundle_bytes=1
    )
    await office.releases.publish(record, office.now(), validate_only=False)


def spec(**changes: Any) -> api.RolloutSpec:
    """Canary first, then the others."""
    waves = [
        RolloutWave(wave="canary", node_ids=["lpse-pacitan"]),
        RolloutWave(wave="west", node_ids=NODES[:2]),
        RolloutWave(wave="east", node_ids=NODES[2:]),
    ]
    return api.RolloutSpec(**{"version": "3.6", "waves": waves, **changes})


async def plan(office: Office, **changes: Any) -> api.PlanRolloutResponse:
    async with await office.person("siti") as channel:
        answer: api.PlanRolloutResponse = await RolloutsStub(channel).PlanRollout(
            api.PlanRolloutRequest(spec=spec(**changes), reason="SPSE 3.6")
        )
        return answer


async def apply(office: Office, planned: plans_pb2.Plan) -> plans_pb2.Plan:
    """The second person approves, the first one applies."""
    async with await office.person("budi") as channel:
        act = office.sign("budi", planned.digest)
        await PlansStub(channel).ApprovePlan(
            plans_pb2.ApprovePlanRequest(name=planned.name, act=act)
        )
    async with await office.person("siti") as channel:
        request = plans_pb2.ApplyPlanRequest(
            name=planned.name, digest=planned.digest, expect_nodes=planned.node_count
        )
        answer = await PlansStub(channel).ApplyPlan(request)
        return answer.plan


async def begin(office: Office, **changes: Any) -> None:
    applied = await apply(office, (await plan(office, **changes)).plan)
    assert applied.result == NAME


async def opened(office: Office) -> int:
    return len((await office.rollouts.get(NAME)).open_times)


async def state(office: Office) -> str:
    return (await office.rollouts.get(NAME)).state.value


async def test_waves_open_on_success_and_held_nodes_come_later(office: Office) -> None:
    """Invariant 7: a held node lets its wave pass, and the rollout ends when it was upgraded."""
    await begin(office)
    assert (await office.told())[-2:] == ["rollout.applied", "rollout.wave_opened"]
    await office.worker.step(office.now())
    assert await opened(office) == 1
    await office.step("lpse-pacitan", "APPLYING")
    await office.worker.step(office.now())
    assert await opened(office) == 1
    await office.step("lpse-pacitan", "APPLIED")
    await office.worker.step(office.now())
    assert await opened(office) == 2
    await office.step("lpse-kalbar", "HELD", hold="DEADLINE", until=office.now())
    await office.step("lpse-jakarta", "APPLIED")
    for _ in range(3):
        await office.worker.step(office.now())
    assert await opened(office) == 3
    for node in NODES[2:]:
        await office.step(node, "APPLIED")
    await office.worker.step(office.now())
    assert await state(office) == "RUNNING", "one node is still held"
    await office.step("lpse-kalbar", "APPLIED")
    await office.worker.step(office.now())
    assert await state(office) == "COMPLETED"
    message = (await office.viewer.view(NAME, office.now())).message()
    assert (message.ever_held_count, message.failures) == (1, 0)
    assert await office.worker.step(office.now()) == 0
    assert (await office.told())[-1] == "rollout.state_changed"


async def test_failure_beyond_the_limit_halts_for_good(office: Office) -> None:
    """Invariant 12: at the failure limit the rollout halts, tells every node, and never resumes."""
    await begin(office)
    await office.step("lpse-pacitan", "ROLLED_BACK", detail="UNHEALTHY: the health page")
    await office.worker.step(office.now())
    assert await state(office) == "HALTED"
    batch = await office.journal.batch(0)
    assert batch is not None
    told = await office.told()
    assert told.count("rollout.state_changed") == 1 and told.count("rollout.wave_opened") == 1
    async with await office.person("siti") as channel:
        stub = RolloutsStub(channel)
        resume = api.ResumeRolloutRequest(name=NAME, reason="try again")
        error = await refusal(stub.ResumeRollout(resume))
        assert isinstance(error, Conflict) and error.code == "FED-6205"
        stop = api.StopRolloutRequest(name=NAME, reason="new plan")
        assert (await stub.StopRollout(stop)).state == directives.ROLLOUT_STATE_STOPPED
        assert (await stub.StopRollout(stop)).changed_by == "siti", "repeating is harmless"
    assert (await office.told()).count("rollout.state_changed") == 2


async def test_silence_in_the_middle_of_an_upgrade_is_a_failure(office: Office) -> None:
    """A node that vanishes while it applies halts the rollout at its deadline, not before."""
    await begin(office)
    await office.step("lpse-pacitan", "CHECKING")
    await office.worker.step(office.now())
    assert await state(office) == "RUNNING"
    late = office.now() + timedelta(seconds=ROLLOUT_SILENCE_SECONDS + 1)
    await office.worker.step(late)
    assert await state(office) == "HALTED"


async def test_node_that_has_the_version_already_counts(office: Office) -> None:
    """A service that reports the version without any step was upgraded before."""
    await office.report_version("lpse-pacitan", "v3.6")
    planned = await plan(office)
    assert planned.outlooks[0].outlook == api.OUTLOOK_PRESENT
    await apply(office, planned.plan)
    await office.worker.step(office.now())
    assert await opened(office) == 2


async def test_pause_opens_nothing_and_resume_goes_on(office: Office) -> None:
    """While paused a success opens no wave; resuming opens it."""
    await begin(office)
    async with await office.person("siti") as channel:
        stub = RolloutsStub(channel)
        await stub.PauseRollout(api.PauseRolloutRequest(name=NAME, reason="holiday"))
        await office.step("lpse-pacitan", "APPLIED")
        await office.worker.step(office.now())
        assert await opened(office) == 1
        await stub.ResumeRollout(api.ResumeRolloutRequest(name=NAME, reason="back"))
    await office.worker.step(office.now())
    assert await opened(office) == 2


async def test_preview_says_what_is_known(office: Office) -> None:
    """Held, without a path and unknown are told apart, in the answer and in the plan."""
    await office.report_version("lpse-jakarta", "2.0")
    office.outlook.ends = {
        "lpse-pacitan": None,
        "lpse-kalbar": office.now() + timedelta(hours=3),
        "lpse-jakarta": None,
        "lpse-kalsel": office.now() + timedelta(days=9),
    }
    answer = await plan(office)
    found = {one.node_id: api.Outlook.Name(one.outlook)[8:] for one in answer.outlooks}
    assert found == {
        "lpse-pacitan": "STARTS",
        "lpse-kalbar": "HOLDS",
        "lpse-jakarta": "NO_PATH",
        "lpse-kalsel": "STARTS",
        "lpse-papua": "UNKNOWN",
    }
    assert b'"would_hold":["lpse-kalbar"]' in answer.plan.document.replace(b" ", b"")
    assert list(answer.plan.node_ids) == ["lpse-pacitan", *NODES]


async def test_emergency_override_needs_two_approvals(office: Office) -> None:
    """Invariant 7: one approval is not enough to start inside a guard window."""
    planned = await plan(office, emergency_override=True)
    assert planned.plan.approvals_needed == 2
    with pytest.raises(Exception, match="1 of 2 approvals"):
        await apply(office, planned.plan)
    assert "rollout.applied" not in await office.told()


async def test_a_narrowed_guard_window_needs_two_approvals(office: Office) -> None:
    """Invariant 7: a window of one second would be an override that one person approves."""
    assert (await plan(office, guard_window_seconds=1)).plan.approvals_needed == 2
    assert (await plan(office, guard_window_seconds=36 * 3600)).plan.approvals_needed == 1


async def test_changed_world_is_refused(office: Office) -> None:
    """A plan whose release was withdrawn, or whose node lost access, is not applied."""
    planned = await plan(office)
    office.nodes.discard("lpse-papua")
    with pytest.raises(Exception, match="lpse-papua"):
        await apply(office, planned.plan)
    office.nodes.add("lpse-papua")
    withdrawn = directives.ReleaseWithdrawn(version="3.6", reason="bad")
    await office.releases.withdraw("3.6", withdrawn, office.now(), validate_only=False)
    with pytest.raises(Exception, match="withdrawn"):
        await apply(office, planned.plan)


async def test_wrong_wishes_are_told(office: Office) -> None:
    """Unknown nodes and versions, repeated nodes and impossible shares are refused with a code."""
    same = [RolloutWave(wave=name, node_ids=["lpse-papua"]) for name in ("a", "b")]
    stranger = [RolloutWave(wave="a", node_ids=["lpse-nowhere"])]
    many = [RolloutWave(wave="a", node_ids=[f"lpse-{'x' * 40}-{n}" for n in range(2_000)])]
    wanted: list[tuple[dict[str, Any], str]] = [
        ({"waves": same}, "FED-6201"),
        ({"waves": []}, "FED-6201"),
        ({"success_percent": 0}, "FED-6201"),
        ({"waves": stranger}, "FED-6202"),
        ({"waves": many}, "FED-6204"),
        ({"version": "9.9"}, "FED-6005"),
        ({"version": "latest"}, "FED-4010"),
    ]
    async with await office.person("siti") as channel:
        for changes, code in wanted:
            request = api.PlanRolloutRequest(spec=spec(**changes), reason="why")
            error = await refusal(RolloutsStub(channel).PlanRollout(request))
            assert error.code == code, (changes, error)
    await begin(office)
    with pytest.raises(Exception, match=r"is in rollouts/spse-3\.6"):
        await plan(office)


async def test_step_of_a_stranger_is_refused(office: Office) -> None:
    """Invariant 10: a step that belongs to no wave is refused, and the ledger parks it."""
    await begin(office)
    with pytest.raises(NotFound):
        await office.step("lpse-elsewhere", "APPLIED")
    with pytest.raises(FederationError):
        await office.step("lpse-papua", "APPLIED", rollout="rollouts/other")
    assert (await office.progress())["lpse-papua"] == "WAITING"


async def test_centre_restarted_goes_on(tmp_path: Path) -> None:
    """Invariant 3: everything is derived from what is stored; a restart opens no wave twice."""
    async with running(tmp_path) as office:
        await prepare(office)
        await begin(office)
        await office.step("lpse-pacitan", "APPLIED")
    async with running(tmp_path) as office:
        office.nodes = {"lpse-pacitan", *NODES}
        for _ in range(3):
            await office.worker.step(office.now())
        assert await opened(office) == 2
        assert (await office.told()).count("rollout.wave_opened") == 2


async def test_lkppctl_plans_approves_applies_and_watches(tmp_path: Path) -> None:
    """The real program: two persons, a still and a followed tree, exit code 10 after a halt."""
    home = tmp_path / "home"
    async with running(tmp_path) as office:
        await prepare(office)
        await office.enter(home, "siti", "budi")
        waves = ("--wave", "canary=lpse-pacitan", "--wave", f"west={','.join(NODES)}")
        planned = await lkppctl(
            home, "rollout", "plan", "--release", "3.6", *waves,
            *("--reason", "SPSE 3.6", "--guard-hours", "36", "-o", "json"),
        )  # fmt: skip
        assert planned.status == 0, planned.err
        name = planned.json["name"]
        assert planned.json["document"]["guard_window_seconds"] == 129_600
        by_budi = ("--context", "budi", "rollout", "approve", "--plan", name, "--yes")
        approved = await lkppctl(home, *by_budi)
        assert approved.status == 0, approved.err
        asked = await lkppctl(home, "--context", "siti", "rollout", "apply", "--plan", name)
        assert asked.status == 8, "cannot prompt never means yes"
        applied = await lkppctl(
            home, "--context", "siti", "rollout", "apply", "--plan", name,
            *("--expect-nodes", "5", "--yes", "-o", "json"),
        )  # fmt: skip
        assert applied.json["result"] == NAME, applied.err
        shown = await lkppctl(home, "rollout", "get", "spse-3.6", lang="id_ID")
        assert "lpse-pacitan" in shown.out and "canary" in shown.out
        await office.step("lpse-pacitan", "FAILED", detail="APPLY_FAILED: hook")
        await office.worker.step(office.now())
        watched = await lkppctl(home, "rollout", "watch", "spse-3.6", "-o", "jsonl")
        assert watched.status == 10 and '"state": "HALTED"' in watched.out
        lines = await lkppctl(home, "rollout", "watch", "spse-3.6")
        assert lines.status == 10 and "✗ FAILED" in lines.out
        listed = await lkppctl(home, "rollout", "list", "--state", "HALTED", "-o", "json")
        assert [row["name"] for row in listed.json] == [NAME]
