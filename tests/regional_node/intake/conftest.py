"""Fixtures of intake's tests: a node with real parts, and a stub for its socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lpse.intake.v1 import submissions_pb2_grpc as grpc_wire
from tests.regional_node.intake.node import Node, serve, start_node


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with start_node(tmp_path) as started:
        yield started


@pytest.fixture
async def stub(node: Node) -> AsyncIterator[grpc_wire.SubmissionsAsyncStub]:
    async with serve(node) as made:
        yield made
