"""A node in Pacitan on Thursday 26 March 2015, with the national calendar of that year."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lpse.federation.desired_state import NodeFacts
from tests.regional_node.schedule.world import World, at, holidays


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """An open node; closed after the test."""
    node = World(
        tmp_path, NodeFacts("lpse-pacitan", "ID-JI", "Asia/Jakarta"), at("2015-03-26 08:00")
    )
    node.national.receive(holidays("2015-04-03"))
    await node.open()
    yield node
    await node.close()
