"""Bundles built once, and a node with SPSE 3.0 running, taken down by its own processes' ids."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.demo.bundles import build_bundle
from tests.regional_node.upgrades.world import World, free_port


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The three demo releases; the broken one is waited for only shortly."""
    folder = tmp_path_factory.mktemp("bundles")
    good = {version: build_bundle(version, folder) for version in ("3.0", "3.6")}
    return {**good, "3.6.1": build_bundle("3.6.1", folder, start_timeout_seconds=4)}


@pytest.fixture
async def world(tmp_path: Path, bundles: dict[str, Path]) -> AsyncIterator[World]:
    """A node that runs 3.0."""
    node = await World(tmp_path / "node", free_port()).open()
    await node.worker.install_first(bundles["3.0"])
    await node.version_soon()
    yield node
    try:
        await node.close()
    finally:
        for pid in node.programs():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
