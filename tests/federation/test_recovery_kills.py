"""Real daemons killed between the steps of a recovery: each start goes on where the last one was.

Owns the kills, at moments drawn from a seed; what a recovery that nobody disturbs ends with is in
`test_recovery_processes`. Where a kill falls decides nothing: the end is the same.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.asking import drained, eventually, status
from tests.faults.checker import centre_at, check_centre, check_node, node_at
from tests.faults.conftest import Copy, copy, founding  # noqa: F401 - fixtures
from tests.faults.vendors import Vendors
from tests.faults.world import BIN, Node, Party, base_environment, call
from tests.federation.test_recovery_processes import NODE, _agreed_code, _came_back, _epoch, _whole

KILLS = 2
SECONDS_MAX = 1.8  # about what a start and the first steps take


async def _disturbed(chance: random.Random, *parties: Party) -> None:
    """Start and kill, again and again; afterwards all of them run."""
    for number in range(KILLS):
        for party in parties:
            if not party.is_running:
                party.launch()
        await asyncio.sleep(chance.uniform(0.3, SECONDS_MAX))
        await parties[number % len(parties)].kill()
    for party in parties:
        if not party.is_running:
            party.launch()
    for party in parties:
        await party.ready()


async def _saved(party: Party) -> Path:
    """A raw copy of the folder of a party that stands still."""
    saved = party.data.with_name(f"{party.data.name}.saved")
    await asyncio.to_thread(
        shutil.copytree, party.data, saved, ignore=shutil.ignore_patterns("*.lock", "*.sock")
    )
    return saved


def _put_back(party: Party, saved: Path) -> None:
    shutil.rmtree(party.data)
    saved.rename(party.data)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1])
async def test_a_rewound_node_killed_again_and_again(copy: Copy, seed: int) -> None:  # noqa: F811 - the fixture
    """Invariants 1 and 5: its tail comes back whole, and what it took in meanwhile stays."""
    chance, vendors = random.Random(seed), Vendors(random.Random(seed))
    centre, nodes = copy(0)
    node = nodes[NODE]
    await asyncio.gather(centre.start(), node.start())
    await vendors.hand_in(node.socket, vendors.plan(2, prefix="a"))
    await drained(node)
    await node.kill()
    saved = await _saved(node)
    await node.start()
    await vendors.hand_in(node.socket, vendors.plan(12, prefix="b"))
    await drained(node)
    left = await _epoch(node)
    await node.kill()
    _put_back(node, saved)
    await _disturbed(chance, node, centre)
    await _came_back(node, left)
    await vendors.hand_in(node.socket, vendors.plan(1, prefix="c"))
    await _whole(node, centre)
    here = node_at(node.name, node.data)
    check_node(here, vendors.given)
    check_centre(centre_at(centre.data), here, vendors.given)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [2])
async def test_a_new_machine_killed_again_and_again(copy: Copy, seed: int) -> None:  # noqa: F811 - the fixture
    """Its enrolment too may die at any moment: repeated with the same code it goes on."""
    chance, vendors = random.Random(seed), Vendors(random.Random(seed))
    centre, nodes = copy(0)
    node = nodes[NODE]
    await asyncio.gather(centre.start(), node.start())
    await vendors.hand_in(node.socket, vendors.plan(6, prefix="a"))
    await drained(node)
    left = await _epoch(node)
    paper = node.data.with_name("paper")
    words: tuple[str, ...] = ("recovery-code", "show", "--yes")
    told = await asyncio.to_thread(call, "lpse-node", *words, environment=node.environment)
    paper.write_text(told["recovery_code"], "utf-8")
    await node.kill()
    shutil.rmtree(node.data)
    code = await asyncio.to_thread(_agreed_code, centre)
    words = ("enrol", "--recover", "--endpoint", f"127.0.0.1:{centre.ports[1]}", "--code", "-")
    words += ("--recovery-code-file", str(paper))
    for _ in range(2):
        await asyncio.to_thread(_cut_off, node, words, code, chance.uniform(0.4, 1.6))
    if not (node.data / "node.db").exists():
        given = f"{code}\n"
        await asyncio.to_thread(
            call, "lpse-node", *words, environment=node.environment, stdin=given
        )
    await _disturbed(chance, node, centre)
    await _came_back(node, left)
    await vendors.hand_in(node.socket, vendors.plan(1, prefix="c"))
    await _whole(node, centre)
    rows = {row.key: row.signed for row in node_at(node.name, node.data).submissions()}
    assert rows == {key: receipt for key, (_, receipt) in vendors.given.items()}


def _cut_off(node: Node, words: tuple[str, ...], code: str, seconds: float) -> None:
    """`kill -9` of a command that has run so long, if it has not ended before."""
    if (node.data / "node.db").exists():
        return
    with subprocess.Popen(
        [str(BIN / "lpse-node"), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**base_environment(), **node.environment},
    ) as process:
        try:
            process.communicate(f"{code}\n".encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [3])
async def test_a_restored_centre_killed_again_and_again(copy: Copy, seed: int) -> None:  # noqa: F811 - the fixture
    """Invariants 2 and 5: entries, bytes and the national journal come back, each once."""
    chance, vendors = random.Random(seed), Vendors(random.Random(seed))
    centre, nodes = copy(0)
    centre.environment["LKPP_CENTRAL__BEACON_SECONDS"] = "0.5"
    node = nodes[NODE]
    await asyncio.gather(centre.start(), node.start())
    await vendors.hand_in(node.socket, vendors.plan(2, prefix="a"))
    await drained(node)
    saved = str(centre.data.with_name("saved"))
    words: tuple[str, ...] = ("backup", "create", saved)
    await asyncio.to_thread(call, "lkpp-central", *words, environment=centre.environment)
    await vendors.hand_in(node.socket, vendors.plan(10, prefix="b"))
    await drained(node)
    seen = await _national(node)
    await centre.kill()
    original = centre_at(centre.data).own()
    shutil.rmtree(centre.data)
    words = ("restore", saved)
    await asyncio.to_thread(call, "lkpp-central", *words, environment=centre.environment)
    await _disturbed(chance, centre, node)
    await vendors.hand_in(node.socket, vendors.plan(1, prefix="c"))

    async def goes_on() -> bool:
        return await _national(node) > seen + 1

    await eventually(goes_on, about=f"new national entries:\n{centre.tail()}")
    await drained(node)
    await asyncio.gather(node.kill(), centre.kill())
    here, there = node_at(node.name, node.data), centre_at(centre.data)
    check_node(here, vendors.given)
    check_centre(there, here, vendors.given)
    for epoch, entries in original.items():
        assert there.own()[epoch][:seen] == entries[:seen], "an index was used again"


async def _national(node: Node) -> int:
    answer = await status(node)
    return answer.national_head.size if answer is not None else 0
