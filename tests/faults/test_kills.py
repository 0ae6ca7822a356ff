"""`kill -9` of node and centre while they drain, at points drawn from a seed.

The whole product runs: real programs, real files, mTLS on loopback. Vendors go on handing in and
repeat after a failure; afterwards the disks are compared, byte for byte.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.faults.asking import drained
from tests.faults.checker import centre_at, check_centre, check_national, check_node, node_at
from tests.faults.conftest import Copy
from tests.faults.vendors import Submission, Vendors
from tests.faults.world import Centre, Node, Party

KILLS = 5
SUBMISSIONS = 60


@pytest.mark.parametrize("seed", [1])
async def test_every_receipt_survives_kills_of_both_sides(copy: Copy, seed: int) -> None:
    """Invariants 1, 2 and 3: each receipt is there exactly once on both sides, with its bytes."""
    chance = random.Random(seed)
    centre, nodes = copy(0)
    node = nodes["lpse-pacitan"]
    vendors = Vendors(random.Random(seed))
    await asyncio.gather(centre.start(), node.start())
    handing_in = asyncio.create_task(vendors.hand_in(node.socket, vendors.plan(SUBMISSIONS)))
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.02, 0.5))
        await _kill_and_restart(chance, centre, node)
    await handing_in
    assert len(vendors.given) == SUBMISSIONS
    await drained(node)
    await asyncio.gather(node.kill(), centre.kill())
    _compare(centre, node, vendors)


async def test_node_killed_in_mid_upload_keeps_nothing_of_it(copy: Copy) -> None:
    """Half an upload leaves no bytes and no receipt; repeated, it is accepted once."""
    _, nodes = copy(0)
    node = nodes["lpse-pacitan"]
    vendors = Vendors(random.Random(9))
    large = Submission("fault-large", "7781013", (random.Random(9).randbytes(20_000_000),))
    await node.start()
    await vendors.race(node.socket, large, node.end)
    assert not vendors.given
    await node.start()
    assert not [path for path in (node.data / "blobs").rglob("*") if path.is_file()]
    assert await vendors.try_once(node.socket, large), vendors.refused
    assert await vendors.try_once(node.socket, large), vendors.refused
    await node.kill()
    check_node(node_at(node.name, node.data), vendors.given)


async def _kill_and_restart(chance: random.Random, centre: Centre, node: Node) -> None:
    both: list[Party] = [node, centre]
    victims = chance.choice([both[:1], both[1:], both])
    await asyncio.gather(*(victim.kill() for victim in victims))
    await asyncio.gather(*(victim.start() for victim in victims))


def _compare(centre: Centre, node: Node, vendors: Vendors) -> None:
    there, here = centre_at(centre.data), node_at(node.name, node.data)
    check_node(here, vendors.given)
    check_centre(there, here, vendors.given)
    check_national(there, here)
