"""Real daemons: a machine is lost without its paper, and nothing that it promised is."""

from __future__ import annotations

import asyncio
import random
import shutil
from typing import Any

from tests.faults.asking import drained
from tests.faults.checker import node_at
from tests.faults.conftest import Copy, copy, founding  # noqa: F401 - fixtures
from tests.faults.vendors import Vendors
from tests.faults.world import Node, call
from tests.federation.test_recovery_processes import (
    NODE,
    _agreed_code,
    _came_back,
    _epoch,
    _whole,
)


async def test_a_machine_lost_without_its_paper_is_made_whole_later(copy: Copy) -> None:  # noqa: F811 - the fixture of that name
    """Submissions wait, one vendor brings its receipt, then the paper is found: all is there."""
    centre, nodes = copy(0)
    node = nodes[NODE]
    vendors = Vendors(random.Random(8))
    await asyncio.gather(centre.start(), node.start())
    await vendors.hand_in(node.socket, vendors.plan(4, prefix="a"))
    await drained(node)
    left = await _epoch(node)
    paper = node.data.with_name("paper")
    await asked(node, "recovery-code", "show", "--out", str(paper))
    await node.kill()
    shutil.rmtree(node.data)

    code = await asyncio.to_thread(_agreed_code, centre)
    words = ("enrol", "--recover", "--endpoint", f"127.0.0.1:{centre.ports[1]}", "--code", "-")
    await asyncio.to_thread(
        call, "lpse-node", *words, environment=node.environment, stdin=f"{code}\n"
    )
    await node.start()
    await _came_back(node, left)
    waiting = await asked(node, "receipt", "waiting")
    assert len(waiting) == 4 and all(one["sealed"] for one in waiting)
    (told,) = [one for one in await asked(node, "doctor") if one["check"] == "details"]
    assert told["state"] == "!" and told["values"] == {"count": 4}  # of the whole node
    assert "recovery-code enter" in told["action"] and "receipt restore" in told["action"]
    receipt = node.data.with_name("receipt.txt")
    receipt.write_bytes(next(iter(vendors.given.values()))[1])
    told = await asked(node, "receipt", "restore", str(receipt))
    assert told["waiting"] == 3
    told = await asked(node, "recovery-code", "enter", "--file", str(paper))
    assert told == {"restored": 3, "waiting": 0}
    await _whole(node, centre)
    rows = {row.key: row.signed for row in node_at(node.name, node.data).submissions()}
    assert rows == {key: receipt for key, (_, receipt) in vendors.given.items()}


async def asked(node: Node, *words: str) -> Any:
    """What a command says."""
    return await asyncio.to_thread(call, "lpse-node", *words, environment=node.environment)
