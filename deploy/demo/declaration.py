"""Declaring an outage and deciding what follows: two persons at LKPP, a Pokja at each office.

Owns the acts that both scenarios share: plan → approve → declare, the wait for proposals, their
comparison with the ends that the scenario expects, and the Pokja's decision. Rule: nothing here
computes a deadline. Leaves out when it happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from deploy.demo.centre import APPROVER, OPERATOR
from deploy.demo.document import items
from deploy.demo.federation import Federation
from deploy.demo.node import POKJA, Node
from deploy.demo.scenario import UPLOAD, PackageFacts
from deploy.demo.together import together
from deploy.demo.tools import error_code
from lpse.operator.v1 import outages_pb2 as api
from lpse.operator.v1.outages_pb2_grpc import OutagesStub
from lpse.terminal.words import date_text, say

_LKPP_OPERATOR: Final = f"LKPP {OPERATOR}"
_LKPP_APPROVER: Final = f"LKPP {APPROVER}"


async def declare(world: Federation) -> str:
    """Plan, approve and declare the scenario's outage; returns its name."""
    facts, story, centre = world.scenario.outage, world.story, world.centre
    where = ["--province", facts.province] if facts.province else []
    planned = await centre.ctl(
        OPERATOR, "outage", "plan", "--scope", facts.scope, *where, "--start", facts.start,
        "--end", facts.end, "--precision", facts.precision, "--zone", facts.zone,
        "--cause", facts.cause, "--attribution", facts.attribution, "--title", facts.title,
        "--reason", facts.reason,
    )  # fmt: skip
    plan = planned.document
    story.tell(
        _LKPP_OPERATOR,
        "plans to declare “{title}”: {nodes} nodes, {packages} affected packages.",
        title=facts.title,
        nodes=plan["node_count"],
        packages=plan["packages"],
    )
    count = str(plan["node_count"])
    apply = ("outage", "declare", "--plan", plan["name"], "--expect-nodes", count, "--yes")
    early = await centre.ctl(OPERATOR, *apply, expect=(0, 4, 5))
    story.promise(
        "nothing-is-declared-by-one-person-alone",
        early.status != 0,
        error_code(early.stderr),
    )
    await centre.ctl(APPROVER, "outage", "approve", "--plan", plan["name"], "--yes")
    story.tell(_LKPP_APPROVER, "approves the plan with an own signature.")
    declared = await centre.ctl(OPERATOR, *apply)
    name = str(declared.document["result"])
    story.tell(_LKPP_OPERATOR, "declares {name}; every node hears the same bytes.", name=name)
    return name


async def proposals(node: Node) -> dict[str, dict[str, Any]]:
    """The newest proposal of every package of a node."""
    listed = items((await node.lpse("compensation", "list")).document)
    return {one["package"]: one for one in listed}


async def wait_for_proposals(world: Federation, nodes: list[Node]) -> None:
    """Until every package that must move has a proposal."""

    async def proposed(node: Node) -> bool:
        found = await node.compensations()
        return all(p.code in found for p in node.facts.packages if p.new_end)

    await together(world.until(f"{one.id} proposes", partial(proposed, one)) for one in nodes)


async def judge_proposals(world: Federation, nodes: list[Node]) -> None:
    """Every package against the end that the scenario expects."""
    listed = await together(proposals(node) for node in nodes)
    for node, found in zip(nodes, listed, strict=True):
        for package in node.facts.packages:
            _judge(world, package, found.get(package.code))


async def is_applied(world: Federation, name: str) -> bool:
    """Whether every node that the declaration names has said that it applied it."""
    told = await _outage(world, name)
    return told.outage.nodes == told.outage.nodes_applied > 0


async def late_nodes(world: Federation, name: str) -> list[str]:
    """Nodes that had been away when the declaration was written, in their own words."""
    return [one.node_id for one in (await _outage(world, name)).receipts if one.late]


async def _outage(world: Federation, name: str) -> api.GetOutageResponse:
    stub = OutagesStub(world.centre.channel())
    return await stub.GetOutage(api.GetOutageRequest(name=name))


async def accept(world: Federation, node: Node, codes: Sequence[str], reason: str) -> None:
    """The Pokja accepts the proposals of several packages."""
    await together(_accept(world, node, code, reason) for code in codes)


async def _accept(world: Federation, node: Node, code: str, reason: str) -> None:
    words = ("compensation", "decide", code, "accept", "--reason", reason)
    told = (await node.lpse(*words, *node.signed(POKJA))).document
    world.story.tell(
        f"Pokja {node.id}",
        "decides package {code}: {state} – {reason}",
        code=code,
        state=told["state"],
        reason=reason,
    )
    world.story.promise(f"pokja-decision-on-{code}", told["state"] == "ACCEPTED", told["state"])


def _judge(world: Federation, package: PackageFacts, found: dict[str, Any] | None) -> None:
    """One row of the worked example."""
    proposed = [one for one in (found or {}).get("adjustments", []) if one["stage"] == UPLOAD]
    old = date_text(package.old_end, package.zone)
    name = f"deadline-of-{package.code}"
    if package.new_end is None:
        world.story.promise(name, not proposed, "{old} → unchanged", old=old)
        return
    ends = {datetime.fromisoformat(one["new_end_time"]) for one in proposed}
    seen = ", ".join(date_text(end, package.zone) for end in ends) or say("no proposal")
    world.story.promise(name, ends == {package.new_end}, "{old} → {seen}", old=old, seen=seen)
