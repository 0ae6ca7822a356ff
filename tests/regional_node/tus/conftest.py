"""Fixtures of the tests of resumable files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.regional_node.tus.world import World, start_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with start_world(tmp_path) as started:
        yield started
