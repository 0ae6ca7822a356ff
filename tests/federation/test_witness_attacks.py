"""A node with a valid certificate tries to keep a restored centre from being made whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from central.national.rules import Gate
from central.witness import returning
from lpse.federation.limits import NATIONAL_CALLS_PER_NODE_MAX
from lpse.federation.v1 import witness_pb2 as wire
from lpse.federation.v1.witness_pb2_grpc import WitnessStub
from lpse.runtime import tls
from lpse.runtime.channels import error_from, open_channel
from tests.federation.restored import LosingCentre, WitnessNode, policy
from tests.federation.rig import Authority, eventually, running
from tests.federation.test_centre_restored import _lost

NODE, SPY = "lpse-pacitan", "lpse-compromised"


def _spying(authority: Authority, centre: LosingCentre) -> grpc.aio.Channel:
    return open_channel(
        f"127.0.0.1:{centre.port}",
        tls.client_credentials(authority.node(SPY)),
        server_name=tls.CENTRE_SERVER_NAME,
    )


async def test_a_node_that_begins_to_give_back_and_falls_silent_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: its turn ends, and the others bring the lost entries back."""
    monkeypatch.setattr(returning, "NATIONAL_PART_SECONDS_MAX", 0.2)
    authority = Authority(tmp_path / "identities")
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = await _lost(authority, tmp_path, [node], 20)
    async with running(centre), _spying(authority, centre) as spying:
        silent = [WitnessStub(spying).ReturnNational() for _ in range(5)]
        codes = []
        for call in silent:
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                async with asyncio.timeout(60):
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


async def test_giving_back_what_is_not_missing_does_not_shut_the_national_gate(
    tmp_path: Path,
) -> None:
    """One node, with a head that the centre itself signed and holds, stops no publishing."""
    authority = Authority(tmp_path / "identities")
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = LosingCentre(authority, tmp_path / "centre")
    async with running(centre):
        node.port = centre.port
        async with running(node):
            await eventually(lambda: centre.national.gate is Gate.OPEN)
            await centre.national.publish(policy(1), policy(2))
            await eventually(lambda: node.holds(centre.journal.head))
            head = centre.journal.head
            entries = [one.data for one in await centre.journal.entries(0, 1)]
            for first in (0, head.size):
                part = wire.ReturnNationalRequest(
                    first_index=first, entries=entries, head=head.message()
                )
                async with _spying(authority, centre) as spying:
                    call = WitnessStub(spying).ReturnNational(iter([part]))
                    with pytest.raises(grpc.aio.AioRpcError):
                        await call
            assert centre.national.gate is Gate.OPEN
            await centre.national.publish(policy(3))
