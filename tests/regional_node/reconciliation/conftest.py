"""One node whose admin may decide, for every test of this folder that asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.regional_node.reconciliation.deciding import Node, running


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """See `deciding`."""
    async with running(tmp_path) as made:
        yield made
