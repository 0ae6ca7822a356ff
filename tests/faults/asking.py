"""Questions to running parties, asked until the answer is yes.

Owns polling of a node's local API. Rule: the limit only ends a test that has failed already. Leaves
out everything that reads disks (`checker`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc

from lpse.intake.v1 import node_pb2 as api
from lpse.intake.v1 import submissions_pb2 as intake
from lpse.intake.v1.node_pb2_grpc import NodeStub
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.runtime.channels import open_local_channel
from tests.faults.world import Node

WAIT_SECONDS = 100.0  # longer than a transfer waits for an answer before it tries again
PRESENT = (api.LINK_PHASE_CONNECTED, api.LINK_PHASE_CATCHING_UP)


async def eventually(condition: Callable[[], Awaitable[bool]], *, about: str = "") -> None:
    """Return once `condition` holds."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not await condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"never came true: {about}") from None


async def status(node: Node) -> api.GetNodeStatusResponse | None:
    """The node at a glance; None while it does not answer."""
    try:
        async with open_local_channel(node.socket) as channel:
            return await NodeStub(channel).GetNodeStatus(api.GetNodeStatusRequest(), timeout=5)
    except grpc.aio.AioRpcError:
        return None


async def link_status(node: Node) -> api.GetLinkStatusResponse:
    """The link in detail."""
    async with open_local_channel(node.socket) as channel:
        return await NodeStub(channel).GetLinkStatus(api.GetLinkStatusRequest(), timeout=5)


async def queued(node: Node) -> int | None:
    """Sealed blobs that the centre has not verified; None while the node does not answer."""
    try:
        async with open_local_channel(node.socket) as channel:
            request = intake.ListQueueRequest(page_size=1)
            return (await SubmissionsStub(channel).ListQueue(request, timeout=5)).waiting_count
    except grpc.aio.AioRpcError:
        return None


async def drained(node: Node) -> None:
    """Wait until everything that this node has is at the centre."""

    async def empty() -> bool:
        # The queue first: it is filled from the journal, and asking for it fills it.
        waiting, now = await queued(node), await status(node)
        return now is not None and now.link in PRESENT and now.queue_entries == waiting == 0

    await eventually(empty, about=f"{node.name} drained:\n{node.tail()}")
