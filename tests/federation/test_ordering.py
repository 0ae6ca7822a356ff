"""What goes first over the link: near deadlines as they count now, over a road with limits."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from lpse.federation.limits import MIB, TRANSFER_SMALL_BYTES_MAX
from regional_node.transfer.windows import Plan, Window
from tests.federation.rig import CLOCK, Authority, eventually, running
from tests.federation.transfers import DrainingNode, TransferCentre

LARGE = TRANSFER_SMALL_BYTES_MAX + 1
CLOSED = Plan((Window(frozenset(range(7)), 0, 0, 0),))


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[TransferCentre]:
    found = TransferCentre(Authority(tmp_path / "keys"), tmp_path / "centre")
    async with running(found):
        yield found


@pytest.fixture
async def node(centre: TransferCentre, tmp_path: Path) -> AsyncIterator[DrainingNode]:
    found = DrainingNode(centre.authority, tmp_path / "node", "lpse-pacitan", centre)
    async with running(found):
        yield found


def content(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


async def due(node: DrainingNode, size: int, seed: int, hours: float | None) -> bytes:
    """An accepted blob whose deadline is so many hours away."""
    (digest,) = await node.accept(content(size, seed))
    node.deadlines[digest] = None if hours is None else CLOCK.now() + timedelta(hours=hours)
    return digest


async def states(node: DrainingNode, *digests: bytes) -> list[str]:
    return [(await node.queue.item(digest)).state for digest in digests]


async def test_least_slack_first_as_the_deadline_counts_now(node: DrainingNode) -> None:
    """A deadline that a decision has moved since the acceptance moves the bytes too."""
    old = await due(node, LARGE, 1, None)
    far = await due(node, LARGE, 2, 30)
    near = await due(node, LARGE, 3, 2)
    await eventually(node.settled)
    assert await node.drain.step(CLOCK.wall()) == 1
    assert await states(node, old, far, near) == ["WAITING", "WAITING", "VERIFIED"]
    node.deadlines[old] = CLOCK.now() + timedelta(hours=10)
    node.drain._follower._asked = None  # its five seconds are over
    assert await node.drain.step(CLOCK.wall()) == 1
    assert await states(node, old, far) == ["VERIFIED", "WAITING"]
    assert await node.drain.step(CLOCK.wall()) == 1


async def test_an_urgent_blob_breaks_a_large_one_off(
    centre: TransferCentre, node: DrainingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on its way makes room, counts no failed attempt, and goes on where it stopped."""
    monkeypatch.setattr("regional_node.transfer.lanes.TRANSFER_DEADLINES_SECONDS", 0.0)
    node.road._plan = Plan((), 24_000)  # 3 MB/s
    large = await due(node, 14 * MIB, 1, None)
    await eventually(node.settled)
    node.begin_draining()
    await eventually(lambda: large in node.drain.sent)
    urgent = await due(node, 2 * MIB, 2, 1)

    async def arrived() -> bool:
        return (await states(node, urgent)) == ["VERIFIED"]

    await eventually(arrived)
    assert centre.bytes_of(large) is None
    node.road._plan = Plan()
    await eventually(node.drained)
    assert centre.bytes_of(large) == content(14 * MIB, 1)
    assert (await node.queue.item(large)).last_cause == ""


async def test_a_closed_window_lets_nothing_through_and_ends(
    centre: TransferCentre, node: DrainingNode
) -> None:
    """A limit of 0 holds bytes back in order, entries go on, and no restart is needed."""
    node.road._plan = CLOSED
    digest = await due(node, 70_000, 1, 1)
    await eventually(node.settled)  # the entry is at the centre all the same
    assert await node.drain.step(CLOCK.wall()) == 0
    assert (await node.queue.item(digest)).attempts == 0
    assert node.drain.road().limit_kbit_per_second == 0
    node.road._plan = Plan()
    assert await node.drain.step(CLOCK.wall()) == 1
    assert centre.bytes_of(digest) is not None


async def test_a_window_that_closes_in_the_middle_keeps_what_came(
    centre: TransferCentre, node: DrainingNode
) -> None:
    """The transfer is ended in order; afterwards it goes on from the centre's offset."""
    node.road._plan = Plan((), 40_000)
    digest = await due(node, 12 * MIB, 1, None)
    await eventually(node.settled)
    node.begin_draining()
    await eventually(lambda: digest in node.drain.sent)
    node.road._plan = CLOSED
    await eventually(lambda: digest not in node.drain.sent)
    item = await node.queue.item(digest)
    assert (item.state, item.last_cause) == ("WAITING", "")
    node.road._plan = Plan()
    await eventually(node.drained)
    assert centre.bytes_of(digest) == content(12 * MIB, 1)


async def test_the_limit_is_kept(node: DrainingNode) -> None:
    """Small and large blobs together never take more than the limit less the control's share."""
    plan = node.road._plan = Plan((), 16_000, control_kbit_per_second=4_000)
    sizes = [LARGE, *[100_000] * 12]
    for seed, size in enumerate(sizes):
        await due(node, size, seed, None)
    await eventually(node.settled)
    begun = CLOCK.monotonic()
    assert await node.drain.step(CLOCK.wall()) == len(sizes)
    allowed = plan.bulk_bytes(CLOCK.wall())
    assert allowed == 1_500_000
    on_credit = MIB
    assert CLOCK.monotonic() - begun >= (sum(sizes) - on_credit) / allowed - 1


async def test_the_policy_may_change_both_ways_while_bytes_wait(
    centre: TransferCentre, node: DrainingNode
) -> None:
    """Bytes kept under manifest_only go under sealed_copy, and what went stays where it is."""
    node.kept_here = True
    first = await due(node, 5_000, 1, None)
    await eventually(node.settled)
    assert await node.drain.step(CLOCK.wall()) == 0 and node.drain.queue_bytes() == 0
    node.kept_here = False
    assert node.drain.queue_bytes() == 5_000
    assert await node.drain.step(CLOCK.wall()) == 1
    node.kept_here = True
    second = await due(node, 6_000, 2, None)
    await eventually(node.settled)
    assert await node.drain.step(CLOCK.wall()) == 0
    assert centre.bytes_of(first) is not None and centre.bytes_of(second) is None
    node.kept_here = False
    assert await node.drain.step(CLOCK.wall()) == 1
