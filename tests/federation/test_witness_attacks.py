"""A node with a valid certificate tries to keep a restored centre from being made whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from central.witness import returning
from lpse.federation.limits import NATIONAL_CALLS_PER_NODE_MAX
from lpse.federation.v1.witness_pb2_grpc import WitnessStub
from lpse.runtime import tls
from lpse.runtime.channels import error_from, open_channel
from tests.federation.restored import WitnessNode
from tests.federation.rig import Authority, eventually, running
from tests.federation.test_centre_restored import _lost

NODE, SPY = "lpse-pacitan", "lpse-compromised"


async def test_a_node_that_begins_to_give_back_and_falls_silent_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: its turn ends, and the others bring the lost entries back."""
    monkeypatch.setattr(returning, "NATIONAL_PART_SECONDS_MAX", 0.2)
    authority = Authority(tmp_path / "identities")
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = await _lost(authority, tmp_path, [node], 20)
    async with running(centre):
        spying = open_channel(
            f"127.0.0.1:{centre.port}",
            tls.client_credentials(authority.node(SPY)),
            server_name=tls.CENTRE_SERVER_NAME,
        )
        async with spying:
            silent = [WitnessStub(spying).ReturnNational() for _ in range(5)]
            codes = []
            for call in silent:
                with pytest.raises(grpc.aio.AioRpcError) as ended:
                    async with asyncio.timeout(10):
                        await call
                codes.append(error_from(ended.value).code)
            assert codes.count("FED-2405") == len(silent) - NATIONAL_CALLS_PER_NODE_MAX
            silent = [WitnessStub(spying).ReturnNational() for _ in range(2)]
            await eventually(centre.returning._taking.locked)
            node.port = centre.port
            async with running(node):
                await eventually(lambda: node.holds(centre.journal.head))
            for call in silent:
                call.cancel()
