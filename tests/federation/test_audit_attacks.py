"""A node with a valid certificate asks the audit for more than its share."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from lpse.federation.limits import AUDIT_CALLS_MAX, AUDIT_CALLS_PER_NODE_MAX
from lpse.federation.v1 import audit_pb2 as wire
from lpse.federation.v1.audit_pb2_grpc import AuditStub
from lpse.runtime import tls
from lpse.runtime.channels import error_from, open_channel
from tests.federation.audits import AuditedCentre
from tests.federation.rig import Authority, running

SPY = "lpse-compromised"


async def test_examinations_of_one_node_leave_room_for_those_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: each walks through a whole journal, so one node has only so many at once."""
    authority = Authority(tmp_path / "identities")
    centre = AuditedCentre(authority, tmp_path / "centre")
    async with running(centre):
        walked, ending = 0, asyncio.Event()

        async def walk(*_: object) -> list[object]:
            nonlocal walked
            walked += 1
            await ending.wait()
            return []

        monkeypatch.setattr(centre.audit.service._examining, "examine", walk)
        channel = open_channel(
            f"127.0.0.1:{centre.audit_port}",
            tls.client_credentials(authority.node(SPY)),
            server_name=tls.CENTRE_SERVER_NAME,
        )
        request = wire.ExamineObjectsRequest(
            epoch=b"e" * 16, size=0, objects=[wire.ExaminedObject(id=b"i" * 16)]
        )
        async with channel:
            stub = AuditStub(channel)
            calls = [stub.ExamineObjects(request) for _ in range(AUDIT_CALLS_MAX)]
            refused = 0
            for call in asyncio.as_completed([_answer(one) for one in calls]):
                refused += await call == "FED-7073"
                if refused == len(calls) - AUDIT_CALLS_PER_NODE_MAX:
                    ending.set()
            assert walked == AUDIT_CALLS_PER_NODE_MAX


async def _answer(call: grpc.aio.UnaryUnaryCall[Any, Any]) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error_from(error).code
    return ""
