"""Entries travel both ways over a real link and are acknowledged only when they are durable."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from tests.federation.rig import Authority, Centre, Figures, Node, eventually, running


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


async def test_entries_reach_the_other_side_and_are_acknowledged(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 1: what either side acknowledges lies in the other side's database."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        node = Node(authority, tmp_path / "node", "lpse-pacitan", centre.port)
        async with running(node):
            for number in range(10):
                await node.journal.append(records.HoldEnded(package="p", reason=str(number)))
            await centre.national.publish(directives.PolicyPublished(guard_window_seconds=7))
            await eventually(lambda: node.national.state.policy.guard_window_seconds == 7)
            await eventually(node.settled)
            stored = node.state.stored_head
            assert stored is not None
            assert centre.stored("lpse-pacitan") >= 11
            assert stored == centre.ledger.current("lpse-pacitan").head  # type: ignore[union-attr] # it is stored
            assert await node.state.store.cosigned(node.journal.epoch) is not None


async def test_a_change_of_the_service_does_not_wait_for_the_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator sees within a moment that a service is disrupted, however rare heartbeats are."""
    authority = Authority(tmp_path)
    centre = Centre(authority, tmp_path / "centre")
    centre.lease_seconds, centre.heartbeat_seconds = 7200, 3600
    async with running(centre):
        node = Node(authority, tmp_path / "node", "lpse-pacitan", centre.port)
        async with running(node):
            await eventually(lambda: node.state.session is not None)
            monkeypatch.setattr(Figures, "service", lambda _: (wire.SERVICE_STATE_DISRUPTED, "3.0"))

            async def told() -> bool:
                found = await centre.parts.fleet.find(["lpse-pacitan"])
                mine = found.get("lpse-pacitan")  # its first heartbeat may still be on its way
                return mine is not None and mine.service == wire.SERVICE_STATE_DISRUPTED

            await eventually(told)
