"""One performance: found the federation, play the scenario, let it settle, judge, write it down.

Owns the frame around a scenario and the promises that every scenario makes: everything drains,
heads are equal, nothing lost, nothing twice, every receipt true. Leaves out arguments and clean-up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from deploy.demo import document, kalsel, pacitan
from deploy.demo.centre import OPERATOR
from deploy.demo.federation import Federation
from deploy.demo.processes import Processes
from deploy.demo.scenario import Scenario
from deploy.demo.secrecy import judge_secrecy
from deploy.demo.story import Story
from deploy.demo.together import together
from deploy.demo.verification import judge_uploads
from lpse.federation.notes import Verifier
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.terminal.words import say, size_text

_PLAYS: Final[dict[str, Callable[[Federation], Awaitable[None]]]] = {
    "pacitan-2015": pacitan.play,
    "kalsel-2021": kalsel.play,
}


async def perform(
    scenario: Scenario, folder: Path, processes: Processes, story: Story, seed: int
) -> dict[str, Any]:
    """Play a scenario to its end; the JSON document."""
    began = time.monotonic()
    world = Federation.make(scenario, folder, processes, story, seed)
    story.title(f"{say(scenario.title)} ({say('exercise')})")
    try:
        await world.found()
        versions = await document.before(world)
        await _PLAYS[scenario.name](world)
        return await _judge(world, versions, seed, began)
    finally:
        await world.close()


async def _judge(
    world: Federation, versions: dict[str, str], seed: int, began: float
) -> dict[str, Any]:
    story = world.story
    story.title(say("What both sides have in the end"))
    await world.until("every node is drained", world.all_drained)
    await _tell_runs(world)
    keys = {name: await _key(world, name) for name in world.nodes}
    uploads = await asyncio.to_thread(
        judge_uploads, story, world.vendors, world.nodes, world.centre.data, keys
    )
    logs, data = world.processes.logs, world.centre.data
    judge_secrecy(story, world.vendors, logs, data, world.opened)
    await _verify_as_anyone(world)
    told = await document.document(world, versions, uploads, seed)
    equal = [run for run in told["reconciliation"] if run["heads_equal"]]
    story.promise(
        "every-reconciliation-ends-with-equal-heads",
        len(equal) == len(told["reconciliation"]) > 0,
        "{count} of {all} runs",
        count=len(equal),
        all=len(told["reconciliation"]),
    )
    told["ok"] = story.ok
    _summary(world, told, time.monotonic() - began)
    return told


async def _tell_runs(world: Federation) -> None:
    """Every run after a lost link, as the programs themselves tell it to a person."""
    listed = await world.centre.ctl(OPERATOR, "recon", "list", "--trigger", "RECONNECT")
    names = [row["name"] for row in reversed(document.items(listed.document))]
    told = await together(world.centre.say(OPERATOR, "recon", "get", name) for name in names)
    for text in told:
        world.story.quote(text)


async def _verify_as_anyone(world: Federation) -> None:
    """The shipped verifier, offline, with a receipt, the files and the node's public key."""
    handed = world.vendors.handed[-1]
    node, bid = handed.bid.node, handed.bid
    key = node.folder / "public-key"
    await node.lpse("receipt", "show", bid.key, "--public-key", str(key))
    files = [str(file) for file in bid.files]
    words = ("receipt", "verify", str(bid.receipt), *files, "--public-key", str(key))
    told = (await node.lpse(*words)).document
    world.story.promise(
        "anyone-can-verify-a-receipt",
        told["valid"] and told["files_checked"] == len(files),
        "{node}, {verdict}, {count} files compared",
        node=node.id,
        verdict=told["verdict"],
        count=told["files_checked"],
    )


async def _key(world: Federation, node_id: str) -> Verifier:
    """A node's public key, as it hands it out with a receipt."""
    node = world.nodes[node_id]
    handed = next(one for one in world.vendors.handed if one.bid.node is node)
    request = wire.GetReceiptRequest(name=f"submissions/{handed.bid.key}")
    answer = await node.stub(SubmissionsStub).GetReceipt(request)
    return Verifier.parse(answer.public_key)


def _summary(world: Federation, told: dict[str, Any], seconds: float) -> None:
    story = world.story
    story.title(say("Summary"))
    story.table(
        ("Node", "Province", "Before", "After", "Service", "Link"),
        [
            (
                n["node_id"],
                n["province"],
                n["version_before"],
                n["version_after"],
                n["service"],
                n["link"],
            )
            for n in told["nodes"]
        ],
    )
    uploads = told["uploads"]
    kept = sum(promise.kept for promise in story.promises)
    story.table(
        ("Figure", "Value"),
        [
            (say("uploads accepted"), uploads["accepted"]),
            (say("of these while the link was down"), uploads["accepted_while_link_down"]),
            (say("at the centre"), uploads["at_centre"]),
            (say("lost"), uploads["lost"]),
            (say("duplicated"), uploads["duplicated"]),
            (say("resumed"), uploads["resumed"]),
            (say("bytes"), size_text(uploads["bytes"])),
            (say("proposals"), len(told["compensations"])),
            (say("reconciliation runs"), len(told["reconciliation"])),
            (say("promises kept"), f"{kept} / {len(story.promises)}"),
            (say("commands called"), world.tools.calls),
            (say("seconds"), f"{seconds:.0f}"),
        ],
    )
