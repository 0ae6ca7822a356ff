"""The road is cut in the middle of a frame or a chunk, again and again, while bytes drain."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from tests.faults.asking import drained, eventually
from tests.faults.checker import centre_at, check_centre, check_national, check_node, node_at
from tests.faults.conftest import Copy
from tests.faults.vendors import Submission, Vendors
from tests.federation.severable import SeverableProxy

CUTS = 6
LARGE_BYTES = 6_000_000


@pytest.fixture
async def road() -> AsyncIterator[SeverableProxy]:
    """A road that leads nowhere yet."""
    proxy = SeverableProxy(0)
    await proxy.start()
    yield proxy
    await proxy.stop()


async def test_cuts_in_mid_frame_lose_and_double_nothing(copy: Copy, road: SeverableProxy) -> None:
    """Invariants 1 to 3: after any number of cuts both sides hold the same bytes, once."""
    chance = random.Random(7)
    centre, nodes = copy(road.port)
    road.target_port = centre.ports[0]
    node = nodes["lpse-pacitan"]
    vendors = Vendors(random.Random(7))
    large = Submission("fault-large", "7781013", (chance.randbytes(LARGE_BYTES),))
    await asyncio.gather(centre.start(), node.start())
    handed = asyncio.create_task(vendors.hand_in(node.socket, [large, *vendors.plan(20)]))
    for _ in range(CUTS):
        forwarded = road.forwarded
        road.cut_after(chance.randint(20_000, LARGE_BYTES // 3))
        await eventually(lambda: _was_cut(road), about=f"a cut after {forwarded} bytes")
        road.mend()
    await handed
    await drained(node)
    await asyncio.gather(node.kill(), centre.kill())
    there, here = centre_at(centre.data), node_at(node.name, node.data)
    check_node(here, vendors.given)
    check_centre(there, here, vendors.given)
    check_national(there, here)


async def test_cut_transfer_goes_on_where_the_centre_has_it(
    copy: Copy, road: SeverableProxy
) -> None:
    """A blob cut near its end is not sent again from its beginning."""
    centre, nodes = copy(road.port)
    road.target_port = centre.ports[0]
    node = nodes["lpse-pacitan"]
    vendors = Vendors(random.Random(8))
    size = 24_000_000
    await asyncio.gather(centre.start(), node.start())
    await drained(node)
    road.cut_after(size * 3 // 4)
    large = Submission("fault-large", "7781013", (random.Random(8).randbytes(size),))
    await vendors.hand_in(node.socket, [large])
    await eventually(lambda: _was_cut(road), about="the cut")
    before = road.forwarded
    road.mend()
    await drained(node)
    again = road.forwarded - before
    assert again < size // 2, f"{again} bytes were sent again"
    await asyncio.gather(node.kill(), centre.kill())
    assert centre_at(centre.data).blob(large.digests[0]) == large.contents[0]


async def _was_cut(road: SeverableProxy) -> bool:
    return not road.is_whole
