"""A node with a valid certificate and its own key harms nobody but itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from central.link import service as link_service
from lpse.federation.limits import LINK_HELLOS_PER_NODE_MAX
from tests.federation.rig import Authority, Centre, eventually
from tests.federation.test_link_protocol import Speaker

NODE = "lpse-pacitan"
SPY = "lpse-compromised"


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    centre = Centre(Authority(tmp_path / "identities"), tmp_path / "centre")
    await centre.start()
    yield centre
    await centre.stop()


async def test_silent_streams_of_one_node_leave_room_for_the_hellos_of_others(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: a node that opens streams and says nothing does not cut off the fleet."""
    places = 2 * LINK_HELLOS_PER_NODE_MAX
    monkeypatch.setattr(link_service, "LINK_HELLOS_MAX", places)
    arrived: list[object] = []
    admit = centre.service._admit

    async def counted(node_id: str, stream: Any) -> Any:
        arrived.append(node_id)
        return await admit(node_id, stream)

    monkeypatch.setattr(centre.service, "_admit", counted)
    speakers = [Speaker(centre, SPY) for _ in range(places)]
    try:
        await eventually(lambda: len(arrived) == places)
        sound = Speaker(centre, NODE)
        speakers.append(sound)
        await sound.welcomed()
    finally:
        for one in speakers:
            one.stream._call.cancel()
            await one.stream._channel.close()
