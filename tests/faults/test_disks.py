"""Daemons whose disk fails: what they say, that they leave, and what a restart finds.

The disk is the one of `disk`; everything else is real. What a full disk does is in
`test_full_disk`.
"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.faults.checker import centre_at, check_centre, check_node, node_at
from tests.faults.conftest import Copy
from tests.faults.disk import Fault, arm, faulty, fired
from tests.faults.vendors import Vendors
from tests.faults.world import Party

LEAVE_SECONDS = 60.0


@pytest.mark.parametrize(
    "fault",
    [
        Fault("sync", "EIO", path="*.part"),
        Fault("rename", "EROFS"),
        Fault("sql", "EIO", path="COMMIT", done=True),
    ],
    ids=["fsync", "read-only", "commit-done"],  # the storms and the long run draw more
)
async def test_first_failed_write_ends_the_daemon_and_the_next_start_verifies(
    copy: Copy, tmp_path: Path, fault: Fault
) -> None:
    """Invariant 1: no receipt after the fault, exit 1, and all receipts stand after a restart."""
    _, nodes = copy(0)
    node, plan = nodes["lpse-pacitan"], tmp_path / "plan.json"
    faulty(node, plan)
    vendors = Vendors(random.Random(3))
    before, during, after = vendors.plan(3, bytes_max=300_000)
    await node.start()
    assert await vendors.try_once(node.socket, before), vendors.refused
    arm(plan, [fault])
    assert not await vendors.try_once(node.socket, during)
    assert await _left(node) == 1, node.tail()
    assert fired(plan) == 1, "a failed call was tried again"
    arm(plan, [])
    await node.start()
    assert await vendors.try_once(node.socket, during), vendors.refused
    assert await vendors.try_once(node.socket, after), vendors.refused
    await node.kill()
    check_node(node_at(node.name, node.data), vendors.given)


@pytest.mark.parametrize(
    "fault",
    [Fault("sync", "EIO", path="*.part"), Fault("sql", "EIO", path="COMMIT", done=True)],
    ids=["fsync", "commit-done"],
)
async def test_failed_disk_of_the_centre_never_says_verified(
    copy: Copy, tmp_path: Path, fault: Fault
) -> None:
    """Invariant 1: the centre leaves at the first fault; afterwards it has everything once."""
    centre, nodes = copy(0)
    node, plan = nodes["lpse-pacitan"], tmp_path / "plan.json"
    faulty(centre, plan)
    vendors = Vendors(random.Random(4))
    await centre.start()
    await node.start()
    arm(plan, [fault])
    await vendors.hand_in(node.socket, vendors.plan(3, bytes_max=300_000))
    assert await _left(centre) == 1, centre.tail()
    assert "FED-1102" in centre.tail(40)
    arm(plan, [])
    await centre.start()
    digests = [one for submission, _ in vendors.given.values() for one in submission.digests]
    give_up = time.monotonic() + LEAVE_SECONDS
    while not all(centre_at(centre.data).blob(digest) for digest in digests):
        assert time.monotonic() < give_up, "the bytes do not come"
        await asyncio.sleep(0.1)
    await node.kill()
    await centre.kill()
    party = node_at(node.name, node.data)
    check_node(party, vendors.given)
    check_centre(centre_at(centre.data), party, vendors.given)


async def _left(node: Party) -> int:
    """The exit status of a daemon that leaves by itself."""
    assert node.process is not None
    give_up = time.monotonic() + LEAVE_SECONDS
    while node.process.poll() is None:
        assert time.monotonic() < give_up, f"{node.name} stays:\n{node.tail()}"
        await asyncio.sleep(0.05)
    return int(node.process.returncode)
