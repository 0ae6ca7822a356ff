"""A release goes out in waves: added, planned, approved, applied, followed to its end.

Owns the acts of the two persons at LKPP and the driver's look at the rollout. Rule: what counts is
what the restarted services report, never that an order was given. Leaves out when it happens.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from deploy.demo.bundles import build_bundle
from deploy.demo.centre import APPROVER, OPERATOR
from deploy.demo.evidence import Copy, own_journal
from deploy.demo.federation import Federation
from deploy.demo.node import Node
from deploy.demo.scenario import ReleaseFacts
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.operator.v1 import rollouts_pb2 as api
from lpse.operator.v1.rollouts_pb2_grpc import RolloutsStub
from lpse.terminal.plain import plain
from lpse.terminal.words import when

_LKPP: Final = f"LKPP {OPERATOR}"
_REPLACING: Final = (records.UPGRADE_STATE_APPLYING, records.UPGRADE_STATE_CHECKING)


async def begin(world: Federation) -> str:
    """Add the release, and plan, approve and apply its rollout; the rollout's name."""
    facts, centre, story = _facts(world), world.centre, world.story
    bundle = await asyncio.to_thread(build_bundle, facts.version, world.folder / "bundles")
    origins = [word for version in facts.from_versions for word in ("--from", version)]
    await centre.ctl(OPERATOR, "release", "add", str(bundle), "--version", facts.version, *origins)
    story.tell(_LKPP, "adds release {version}, signed and published.", version=facts.version)
    waves = [
        word
        for number, nodes in enumerate(facts.waves, start=1)
        for word in ("--wave", f"wave-{number}={','.join(nodes)}")
    ]
    planned = await centre.ctl(
        OPERATOR, "rollout", "plan", "--release", facts.version, *waves, "--soak", "1",
        "--reason", "Pemutakhiran nasional SPSE",
    )  # fmt: skip
    plan = planned.document
    await centre.ctl(APPROVER, "rollout", "approve", "--plan", plan["name"], "--yes")
    count = str(plan["node_count"])
    applied = await centre.ctl(
        OPERATOR, "rollout", "apply", "--plan", plan["name"], "--expect-nodes", count, "--yes"
    )
    name = str(applied.document["result"])
    story.tell(
        _LKPP,
        "applies {name} to {count} nodes in {waves} waves; a second person approved the plan.",
        name=name,
        count=count,
        waves=len(facts.waves),
    )
    return name


async def upload_meanwhile(world: Federation, node: Node, code: str) -> None:
    """Hand a bid in while the node replaces SPSE; the order in its journal proves it."""

    async def replacing() -> bool:
        return _last_step(await asyncio.to_thread(own_journal, node.data)) in _REPLACING

    await world.until(f"{node.id} replaces SPSE", replacing)
    handed = await world.vendors.submit(world.vendors.bid(node, code))
    await world.until(f"{node.id} runs the new SPSE", partial(_is_applied, node))
    journal = list(own_journal(node.data).records())
    begun = _place(journal, records.UpgradeStepped, state=records.UPGRADE_STATE_APPLYING)
    taken = _place(journal, records.UploadAccepted, commitment=handed.commitment)
    ended = _place(journal, records.UpgradeStepped, state=records.UPGRADE_STATE_APPLIED)
    world.story.promise(
        "uploads-stay-open-while-spse-is-replaced",
        begun < taken < ended,
        "{node}: replacing at entry {begun}, bid at {taken}, applied at {ended}",
        node=node.id,
        begun=begun,
        taken=taken,
        ended=ended,
    )


async def follow(world: Federation, name: str) -> None:
    """Until every node runs the version, but for the one that must hold."""
    facts = _facts(world)

    async def settled() -> bool:
        progress = _progress(await state(world, name))
        others = {node: one for node, one in progress.items() if node != facts.held}
        held = progress.get(facts.held) == api.NODE_PROGRESS_HELD
        return held and set(others.values()) == {api.NODE_PROGRESS_APPLIED}

    await world.until("the waves are through and one node holds", settled)
    rollout = await state(world, name)
    nodes = {node.node_id: node for wave in rollout.waves for node in wave.nodes}
    held = nodes[facts.held]
    world.story.promise(
        "a-deadline-holds-the-upgrade",
        plain(held)["hold_reason"] == "DEADLINE" and held.from_version == world.scenario.version,
        "{node} stays at {version}: {reason}, until {until}",
        node=facts.held,
        version=held.from_version,
        reason=plain(held)["hold_reason"],
        until=when(world.scenario.node(facts.held).zone)(plain(held)["hold_until_time"]),
    )
    await _judge_versions(world, {node for node in nodes if node != facts.held}, "in-waves")
    world.story.quote(await world.centre.say(OPERATOR, "rollout", "get", name))


async def finish(world: Federation, name: str) -> None:
    """Until the held node runs the version, too, and the rollout is complete."""
    facts = _facts(world)

    async def completed() -> bool:
        return (await state(world, name)).state == directives.ROLLOUT_STATE_COMPLETED

    await world.until("the rollout is complete", completed)
    world.story.tell(
        facts.held, "Nothing is due soon: the node upgrades to {version}.", version=facts.version
    )
    await _judge_versions(world, {facts.held}, "after-its-deadline")


async def state(world: Federation, name: str) -> api.Rollout:
    """The rollout as the centre counts it."""
    stub = RolloutsStub(world.centre.channel())
    return await stub.GetRollout(api.GetRolloutRequest(name=name))


async def _judge_versions(world: Federation, nodes: set[str], when: str) -> None:
    """What the restarted services themselves report."""
    facts = _facts(world)
    seen = {name: (await world.nodes[name].status()).service_version for name in sorted(nodes)}
    world.story.promise(
        f"upgraded-{when}",
        set(seen.values()) == {facts.version},
        ", ".join(f"{name} {version}" for name, version in seen.items()),
    )


async def _is_applied(node: Node) -> bool:
    journal = await asyncio.to_thread(own_journal, node.data)
    return _last_step(journal) == records.UPGRADE_STATE_APPLIED


def _last_step(journal: Copy) -> int:
    steps = [one.state for one in journal.records() if isinstance(one, records.UpgradeStepped)]
    return steps[-1] if steps else records.UPGRADE_STATE_UNSPECIFIED


def _place(journal: list[object], kind: type[object], **wanted: object) -> int:
    """Index of the first record of a kind with these fields; -1 where there is none."""
    for index, one in enumerate(journal):
        if isinstance(one, kind) and all(getattr(one, k) == v for k, v in wanted.items()):
            return index
    return -1


def _progress(rollout: api.Rollout) -> dict[str, api.NodeProgress.ValueType]:
    return {node.node_id: node.progress for wave in rollout.waves for node in wave.nodes}


def _facts(world: Federation) -> ReleaseFacts:
    assert world.scenario.release is not None
    return world.scenario.release
