"""Real daemons with one identity: a raw copy beside the running machine, a machine thought dead.

Owns the stories in which two folders hold the keys of one node and both take bids. What a single
machine goes through is in `test_recovery_processes`.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from lpse.federation.receipts import verify_receipt
from regional_node.identity.history import former_verifiers
from tests.faults.asking import drained, eventually, link_status, status
from tests.faults.checker import centre_at, check_node, node_at
from tests.faults.conftest import Copy, copy, founding  # noqa: F401 - fixtures
from tests.faults.vendors import Vendors
from tests.faults.world import Centre, Node, call
from tests.federation.test_recovery_processes import (
    NODE,
    _agreed_code,
    _came_back,
    _decide,
    _epoch,
    _whole,
)


def beside(node: Node, centre: Centre, folder: str) -> Node:
    """Another machine with a raw copy of the node's folder; the copy is made now."""
    data = node.data.parent / folder / "data"
    shutil.copytree(node.data, data, ignore=shutil.ignore_patterns("*.lock", "*.sock"))
    made = Node(node.name, data, centre.ports[0], centre.ports[1])
    made.environment = {**node.environment, **made.environment}
    return made


async def advised(node: Node, advice: str) -> None:
    """Wait until the centre's advice to the quarantined node is this one."""

    async def given() -> bool:
        answer = await status(node)
        return answer is not None and answer.recovery.advice == advice

    await eventually(given, about=f"the advice {advice}:\n{node.tail()}")


def enrolled_anew(node: Node, centre: Centre, name: str) -> None:
    """The machine takes an identity of its own and keeps what it holds."""
    sri = {"LKPPCTL_HOME": str(Path(centre.data).parent / "sri")}
    words: tuple[str, ...] = ("enrol", "create", name, "--province", "ID-JI")
    code = call("lkppctl", *words, "--zone", "Asia/Jakarta", environment=sri)["code"]
    words = ("enrol", "--reimport", "--endpoint", f"127.0.0.1:{centre.ports[1]}", "--code", "-")
    call("lpse-node", *words, environment=node.environment, stdin=f"{code}\n")


@pytest.mark.timeout(300)
async def test_the_offered_history_goes_on_and_the_other_machine_becomes_a_node(
    copy: Copy,  # noqa: F811 - the fixture
) -> None:
    """Both take bids side by side, two persons choose the copy: no bid of either is lost."""
    centre, nodes = copy(0)
    first = nodes[NODE]
    firsts, seconds = Vendors(random.Random(18)), Vendors(random.Random(19))
    await asyncio.gather(centre.start(), first.start())
    await firsts.hand_in(first.socket, firsts.plan(2, prefix="a"))
    await drained(first)
    await first.kill()
    second = beside(first, centre, "second")
    try:
        await first.start()
        await firsts.hand_in(first.socket, firsts.plan(2, prefix="b"))
        await drained(first)
        await second.start()
        await seconds.hand_in(second.socket, seconds.plan(3, prefix="f"))
        await advised(second, "WAIT")
        await _decide(centre, "CONTINUE_OFFERED")
        left = await _epoch(second)
        await firsts.hand_in(first.socket, firsts.plan(1, prefix="c"))  # it works on till the end
        await drained(first)
        await first.kill()
        await _came_back(second, left)
        await seconds.hand_in(second.socket, seconds.plan(1, prefix="g"))
        await drained(second)

        await first.start()
        await firsts.hand_in(first.socket, firsts.plan(2, prefix="h"))
        await advised(first, "WAIT")
        await _decide(centre, "CONTINUE_STORED", "branches/2")
        await advised(first, "REIMPORT")
        await first.kill()
        await asyncio.to_thread(enrolled_anew, first, centre, "lpse-dua")
        await first.start()
        await drained(first)
        await first.kill()
        await _whole(second, centre)
    finally:
        second.end()
    whole = {key: one for key, one in firsts.given.items() if not key.startswith("fault-h")}
    check_node(node_at(NODE, second.data), {**whole, **seconds.given})
    here, there = node_at("lpse-dua", first.data), centre_at(centre.data)
    here.heads()  # every epoch verifies, the old ones with the old key
    rows = {row.key: row.signed for row in here.submissions()}
    (former,) = former_verifiers(first.data / "identity")
    _, copied = there.copy_of("ledger", "lpse-dua")
    entries = b"".join(entry for listed in copied.values() for entry in listed)
    assert {key for key in firsts.given if key.startswith("fault-h")}
    for key, (_, receipt) in firsts.given.items():
        assert rows[key] == receipt
        accepted = verify_receipt(receipt, former)
        assert accepted.accepted
        assert not key.startswith("fault-h") or accepted.commitment in entries


@pytest.mark.timeout(300)
async def test_a_machine_thought_lost_comes_back_with_bids_that_only_it_holds(
    copy: Copy,  # noqa: F811 - the fixture
) -> None:
    """Its keys open no door any more, it is told so, and what it alone holds gets over once."""
    centre, nodes = copy(0)
    old = nodes[NODE]
    stored, alone, later = (Vendors(random.Random(seed)) for seed in (28, 29, 30))
    await asyncio.gather(centre.start(), old.start())
    await stored.hand_in(old.socket, stored.plan(2, prefix="a"))
    await drained(old)
    left = await _epoch(old)
    await centre.kill()
    await alone.hand_in(old.socket, alone.plan(2, prefix="x"))  # then the machine is lost
    await old.kill()
    await centre.start()
    new = beside(old, centre, "new")
    shutil.rmtree(new.data)
    try:
        code = await asyncio.to_thread(_agreed_code, centre)
        words = ("enrol", "--recover", "--endpoint", f"127.0.0.1:{centre.ports[1]}", "--code", "-")
        await asyncio.to_thread(
            call, "lpse-node", *words, environment=new.environment, stdin=f"{code}\n"
        )
        await new.start()
        await _came_back(new, left)
        await later.hand_in(new.socket, later.plan(1, prefix="n"))
        await drained(new)

        await old.start()
        await _refused(old, "FED-3009")
        told = await asyncio.to_thread(call, "lpse-node", "status", environment=old.environment)
        assert told["link"] == "REFUSED"
        await alone.hand_in(old.socket, alone.plan(1, prefix="y"))  # nobody told its vendors
        await old.kill()
        await asyncio.to_thread(enrolled_anew, old, centre, "lpse-dua")
        await old.start()
        await drained(old)
        await asyncio.gather(old.kill(), new.kill(), centre.kill())
    finally:
        new.end()
    assert set(later.given) <= {row.key for row in node_at(NODE, new.data).submissions()}
    here, there = node_at("lpse-dua", old.data), centre_at(centre.data)
    here.heads()
    rows = {row.key: row.signed for row in here.submissions()}
    (former,) = former_verifiers(old.data / "identity")
    _, copied = there.copy_of("ledger", "lpse-dua")
    entries = b"".join(entry for listed in copied.values() for entry in listed)
    for key, (_, receipt) in (stored.given | alone.given).items():
        assert rows[key] == receipt
        commitment = verify_receipt(receipt, former).commitment
        assert entries.count(commitment) == (key in alone.given), "once, under one name"


async def _refused(node: Node, code: str) -> None:
    """Wait until the newest attempt of the link was turned down with this code."""

    async def turned_down() -> bool:
        attempts = (await link_status(node)).attempts
        return bool(attempts) and attempts[0].outcome == code

    await eventually(turned_down, about=f"the refusal {code}:\n{node.tail()}")
