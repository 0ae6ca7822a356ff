"""Every contact with the centre measures the node's clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpse.federation.v1 import records_pb2 as records
from tests.federation.rig import Authority, Centre, Node, eventually, running
from tests.federation.severable import SeverableProxy

NODE = "lpse-pacitan"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


async def test_a_contact_measures_the_clock_and_it_outlives_the_link(
    authority: Authority, tmp_path: Path
) -> None:
    """Offset and error stem from a heartbeat's answer; cut off or restarted, they are still known.

    Both sides share this machine's clock: the interval must hold an offset of zero.
    """
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        proxy = SeverableProxy(centre.port)
        await proxy.start()
        node = Node(authority, tmp_path / "node", NODE, proxy.port)
        async with running(node):
            await eventually(lambda: node.keeper.moment().basis == "MEASURED")
            await proxy.stop()
            await eventually(lambda: node.state.session is None)
            now = node.keeper.moment()
            assert now.basis == "MEASURED"
            assert now.measure_time is not None
            assert abs(now.offset_seconds) <= now.error_seconds < 20
        again = Node(authority, tmp_path / "node", NODE, proxy.port)
        async with running(again):
            assert again.keeper.moment().basis == "MEASURED"
            assert again.keeper.moment().measure_time == now.measure_time


async def test_the_centre_keeps_the_record_of_a_step(authority: Authority, tmp_path: Path) -> None:
    """A step of a node's clock reaches the centre like every other entry."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            await eventually(node.settled)
            await node.journal.append(records.ClockStepped(before_boot_id="a", after_boot_id="b"))
            size = node.journal.head.size
            await eventually(lambda: node.state.row.applied_size >= size and node.settled())
            (seen,) = await centre.recorder.seen(records.ClockStepped)
            assert seen.after_boot_id == "b"
            assert not node.state.row.parked
