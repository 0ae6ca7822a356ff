"""The centre's persons: releases, rollouts and outages, planned, approved, applied as by lkppctl.

Owns acts over the operators' door with real signatures: budi plans and applies, siti approves. An
act gives the applied plan's result, or raises what the centre said. Rule: what was ordered is kept
in `acts`, for checkers. Leaves out when somebody acts (`World.later`, fault scenarios) and whether
it was obeyed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.demo.bundles import build_bundle
from lpse.federation.acts import CENTRE_PARTY, Deed, sign_act
from lpse.federation.v1 import directives_pb2 as directives
from lpse.operator.v1 import fleet_pb2, nodes_pb2, outages_pb2, plans_pb2, releases_pb2
from lpse.operator.v1 import resolutions_pb2 as resolutions
from lpse.operator.v1 import rollouts_pb2 as rollouts
from lpse.operator.v1.fleet_pb2_grpc import FleetStub
from lpse.operator.v1.nodes_pb2_grpc import NodesStub
from lpse.operator.v1.outages_pb2_grpc import OutagesStub
from lpse.operator.v1.plans_pb2_grpc import PlansStub
from lpse.operator.v1.releases_pb2_grpc import ReleasesStub
from lpse.operator.v1.resolutions_pb2_grpc import ResolutionsStub
from lpse.operator.v1.rollouts_pb2_grpc import RolloutsStub
from tests.simulation.time_and_chance import START

if TYPE_CHECKING:
    from tests.simulation.world import World

FIRST_VERSION: Final = "3.0"
PERSONS: Final = (("budi", "operator"), ("siti", "approver"), ("rini", "approver"))
_ROLES: Final = dict(PERSONS)


@dataclass(frozen=True)
class Ordered:
    """An act that the centre applied: `words` say it for people, `about` for checkers."""

    moment: float
    kind: str  # "release", "rollout", "pause", "resume", "stop", "withdraw", "outage", "decision"
    result: str
    about: dict[str, Any] = field(default_factory=dict)


class Operators:
    """See the module's first lines; every method is a coroutine of the world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.acts: list[Ordered] = []

    # --- versions ---

    async def add_release(self, version: str) -> bytes:
        """Bring the stand-in's bundle of a version (3.0, 3.6, 3.6.1, 4.4) and publish it."""
        data = bundle(version).read_bytes()
        digest = sha256(data).digest()
        stub = ReleasesStub(self._door("budi"))
        call = stub.UploadBundle()
        begin = releases_pb2.BeginBundle(digest=digest, size_bytes=len(data))
        await call.write(releases_pb2.UploadBundleRequest(begin=begin))
        await call.read()
        await call.write(releases_pb2.UploadBundleRequest(chunk=data))
        finish = releases_pb2.FinishBundle()
        await call.write(releases_pb2.UploadBundleRequest(finish=finish))
        await call.done_writing()
        async for _ in call:
            pass
        await stub.AddRelease(releases_pb2.AddReleaseRequest(version=version, bundle_digest=digest))
        self._did("release", version)
        return digest

    async def roll_out(
        self, version: str, waves: Sequence[Sequence[str]], *, failures_max: int = 0
    ) -> str:
        """Plan, approve and apply; the rollout's name."""
        spec = rollouts.RolloutSpec(version=version, failures_max=failures_max)
        for number, nodes in enumerate(waves):
            spec.waves.add(wave=f"wave-{number}", node_ids=nodes)
        request = rollouts.PlanRolloutRequest(spec=spec, reason="simulated rollout")
        answer = await RolloutsStub(self._door("budi")).PlanRollout(request)
        name = await self._apply(answer.plan)
        self._did("rollout", name, version=version, waves=[list(wave) for wave in waves])
        return name

    async def pause(self, rollout: str) -> None:
        """No wave opens and no node starts."""
        request = rollouts.PauseRolloutRequest(name=rollout, reason="simulated pause")
        await RolloutsStub(self._door("budi")).PauseRollout(request)
        self._did("pause", rollout)

    async def resume(self, rollout: str) -> None:
        """It goes on."""
        request = rollouts.ResumeRolloutRequest(name=rollout, reason="simulated resumption")
        await RolloutsStub(self._door("budi")).ResumeRollout(request)
        self._did("resume", rollout)

    async def stop(self, rollout: str) -> None:
        """It ends for good."""
        request = rollouts.StopRolloutRequest(name=rollout, reason="simulated stop")
        await RolloutsStub(self._door("budi")).StopRollout(request)
        self._did("stop", rollout)

    async def withdraw(self, version: str) -> None:
        """No node starts to apply a version any more."""
        request = releases_pb2.WithdrawReleaseRequest(
            name=f"releases/{version}", reason="simulated withdrawal"
        )
        await ReleasesStub(self._door("budi")).WithdrawRelease(request)
        self._did("withdraw", version)

    # --- outages ---

    async def declare(
        self,
        begin: float,
        end: float | None,
        *,
        nodes: Sequence[str] = (),
        province: str = "",
    ) -> str:
        """A declaration by the minute, in virtual seconds; national where no scope is named."""
        request = self._outage(directives.OUTAGE_ACT_DECLARE)
        request.title = "Gangguan simulasi"
        request.cause = directives.OUTAGE_CAUSE_NETWORK
        request.attribution = directives.OUTAGE_ATTRIBUTION_CENTRE
        request.scope = directives.OUTAGE_SCOPE_NATIONAL
        if nodes:
            request.scope = directives.OUTAGE_SCOPE_NODES
            request.node_ids.extend(nodes)
        elif province:
            request.scope = directives.OUTAGE_SCOPE_PROVINCE
            request.province = province
        request.window.start_time.FromDatetime(_minute(begin))
        if end is not None:
            request.window.end_time.FromDatetime(_minute(end))
        return await self._plan_outage(request, "declare", begin=begin, end=end)

    async def close(self, outage: str, end: float) -> str:
        """It ended."""
        request = self._outage(directives.OUTAGE_ACT_CLOSE, outage)
        request.window.end_time.FromDatetime(_minute(end))
        return await self._plan_outage(request, "close", end=end)

    async def take_back(self, outage: str) -> str:
        """It counts for nothing any more."""
        return await self._plan_outage(
            self._outage(directives.OUTAGE_ACT_WITHDRAW, outage), "withdraw"
        )

    # --- nodes ---

    async def revoke(self, node: str) -> None:
        """A node's access ends."""
        request = nodes_pb2.RevokeNodeRequest(name=f"nodes/{node}", reason="simulated revocation")
        await NodesStub(self._door("budi")).RevokeNode(request)
        self._did("revoke", node)

    async def release_quarantine(self, node: str) -> None:
        """A suspected clone may come in again."""
        request = fleet_pb2.ReleaseQuarantineRequest(
            name=f"nodes/{node}", reason="simulated release"
        )
        await FleetStub(self._door("budi")).ReleaseQuarantine(request)
        self._did("quarantine released", node)

    async def resolve(self, node: str, entry: tuple[str, int], choice: str) -> str:
        """An entry of a run about a node: which of two histories goes on."""
        run, number = entry
        request = resolutions.PlanResolutionRequest(
            run=run, entry=number, choice=choice, reason="simulated decision"
        )
        answer = await ResolutionsStub(self._door("budi")).PlanResolution(request)
        name = await self._apply(answer.plan)
        self._did("decision", name, node=node, choice=choice)
        return name

    # --- how ---

    def door(self, person: str) -> Any:
        """A channel of a person to the centre, for calls that have no method here."""
        return self._door(person)

    async def apply(self, plan: Any) -> str:
        """Approve and apply any plan; its result."""
        return await self._apply(plan)

    def _door(self, person: str) -> Any:
        world = self.world
        certificate = world.certificates[person]
        return world.network.channel(world.loop.world, "office", "lkpp/operators", certificate)

    async def _apply(self, plan: Any) -> str:
        for person in ("siti", "rini")[: plan.approvals_needed]:
            signed = sign_act(
                person_key(self.world.seed, person),
                Deed(CENTRE_PARTY, "plan.approve", plan.digest),
                actor=person,
                role=_ROLES[person],
                at=self.world.centre.clock.wall(),
            )
            approval = plans_pb2.ApprovePlanRequest(name=plan.name, act=signed)
            await PlansStub(self._door(person)).ApprovePlan(approval)
        request = plans_pb2.ApplyPlanRequest(
            name=plan.name, digest=plan.digest, expect_nodes=len(plan.node_ids)
        )
        answer = await PlansStub(self._door("budi")).ApplyPlan(request)
        return str(answer.plan.result)

    async def _plan_outage(self, request: Any, what: str, **about: Any) -> str:
        answer = await OutagesStub(self._door("budi")).PlanOutage(request)
        name = await self._apply(answer.plan)
        self._did("outage", name, what=what, **about)
        return name

    def _outage(self, act: Any, outage: str = "") -> Any:
        return outages_pb2.PlanOutageRequest(act=act, outage=outage, reason="simulated outage")

    def _did(self, kind: str, result: str, **about: Any) -> None:
        self.acts.append(Ordered(self.world.now, kind, result, about))
        self.world.trace.event(self.world.now, "act", f"{kind} {result}")


def person_key(seed: int, name: str) -> Ed25519PrivateKey:
    """The signing key of a person of the centre."""
    return Ed25519PrivateKey.from_private_bytes(random.Random(f"{seed} {name}").randbytes(32))


def bundle(version: str) -> Path:
    """The stand-in's bundle of a version, in the world's folder."""
    folder = Path("bundles")
    folder.mkdir(exist_ok=True)
    path = folder / f"spse-{version}.tar.gz"
    return path if path.exists() else build_bundle(version, folder)


def _minute(seconds: float) -> datetime:
    return START + timedelta(minutes=round(seconds / 60))
