"""Grants over the local socket and from the terminal: made, shown, taken back, never listed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog

from lpse.federation.errors import FederationError
from lpse.intake.v1 import grants_pb2 as wire
from lpse.intake.v1 import grants_pb2_grpc, node_pb2, node_pb2_grpc
from lpse.intake.v1 import submissions_pb2 as shared
from lpse.runtime.channels import ErrorInterceptor, error_from, open_local_channel
from lpse.runtime.clock import SystemEntropy
from regional_node.grants.rules import Grant
from regional_node.grants.service import GrantsService
from regional_node.grants.store import Grants
from tests.regional_node.intake.node import CODE, START, start_node
from tests.regional_node.intake.processes import ENVIRONMENT, ROOT

DETAILS = b'{"vendor": "PT Sangat Rahasia"}'
SECRET = "PT Sangat Rahasia"


class Office(node_pb2_grpc.NodeServicer):
    """Says the zone."""

    async def GetNodeStatus(self, request: Any, context: Any) -> node_pb2.GetNodeStatusResponse:
        return node_pb2.GetNodeStatusResponse(zone="Asia/Jakarta")


class Desk:
    """The served RPCs, and the grants whose uploads were ended."""

    def __init__(self, folder: Path, channel: grpc.aio.Channel, ended: list[Grant]) -> None:
        self.folder = folder
        self.stub = grants_pb2_grpc.GrantsStub(channel)
        self.ended = ended


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    ended: list[Grant] = []

    async def end(grant: Grant) -> None:
        ended.append(grant)

    async with start_node(tmp_path) as node:
        grants = Grants(
            node.database, node.plan, node.clock, SystemEntropy(), bytes(32), bytes_max=1_000_000
        )
        server = grpc.aio.server(interceptors=[ErrorInterceptor(structlog.get_logger())])
        service = GrantsService(grants, node.clock, lambda token: f"https://x.test/g/{token}", end)
        grants_pb2_grpc.add_GrantsServicer_to_server(service, server)
        node_pb2_grpc.add_NodeServicer_to_server(Office(), server)  # type: ignore[abstract] # one call is needed
        server.add_insecure_port(f"unix:{node.socket}")
        await server.start()
        async with open_local_channel(node.socket) as channel:
            yield Desk(tmp_path, channel, ended)
        await server.stop(None)


def wish(**fields: Any) -> wire.CreateGrantRequest:
    """A usable request."""
    given = {"package": CODE, "details_json": DETAILS, "channel": shared.CHANNEL_DIRECT}
    return wire.CreateGrantRequest(**{**given, **fields})


async def refused(call: Any) -> FederationError:
    """What a call is refused with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from(caught.value)


async def test_address_is_said_once(desk: Desk) -> None:
    """Only the answer that makes a grant has its address; no answer has the vendor."""
    made = await desk.stub.CreateGrant(wish(request_id="r1"))
    assert made.url.startswith("https://x.test/g/")
    assert made.grant.state == wire.GRANT_STATE_LIVE
    seen = await desk.stub.GetGrant(wire.GetGrantRequest(name=made.grant.name))
    assert made.url[-32:] not in str(seen)
    assert SECRET not in str(made) + str(seen)
    again = await desk.stub.CreateGrant(wish(request_id="r1"))
    assert again == made


async def test_revoking_ends_running_uploads(desk: Desk) -> None:
    """A revocation is told to whoever still receives bytes for the grant."""
    made = await desk.stub.CreateGrant(wish())
    request = wire.RevokeGrantRequest(name=made.grant.name, reason="lost")
    answer = await desk.stub.RevokeGrant(request)
    assert answer.grant.state == wire.GRANT_STATE_REVOKED
    assert [f"grants/{grant.name}" for grant in desk.ended] == [made.grant.name]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"package": "9"}, "FED-4101"),
        ({"details_json": b"{}"}, "FED-5001"),
        ({"channel": shared.CHANNEL_UNSPECIFIED}, "FED-5007"),
        ({"channel": shared.CHANNEL_BIDDING_ROOM, "seat": 100}, "FED-5007"),
        ({"bytes_max": 2_000_000}, "FED-5302"),
    ],
)
async def test_wrong_wish_has_its_code(desk: Desk, fields: dict[str, Any], code: str) -> None:
    """What cannot be granted is refused with a stable code."""
    error = await refused(desk.stub.CreateGrant(wish(**fields)))
    assert error.code == code
    assert SECRET not in str(error)


async def test_instant_outside_the_calendar_is_refused(desk: Desk) -> None:
    """An expire_time that is no instant is FED-5303, not a fault."""
    request = wish()
    request.expire_time.seconds = 1 << 60
    assert (await refused(desk.stub.CreateGrant(request))).code == "FED-5303"


async def test_names_of_nothing_are_not_found(desk: Desk) -> None:
    """An unknown or malformed name is FED-5305."""
    for name in ("grants/g-aaaaaaaaaaaaaaaa", "g-aaaaaaaaaaaaaaaa", "", "grants/../x"):
        assert (await refused(desk.stub.GetGrant(wire.GetGrantRequest(name=name)))).code == (
            "FED-5305"
        )


def test_no_call_lists_grants() -> None:
    """The API has no way to count a package's future bidders."""
    service = wire.DESCRIPTOR.services_by_name["Grants"]
    assert {method.name for method in service.methods} == {
        "CreateGrant", "GetGrant", "RevokeGrant",
    }  # fmt: skip
    repeated = [
        field.name
        for message in wire.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
        if field.is_repeated
    ]
    assert not repeated


async def test_commands_make_show_and_revoke(desk: Desk) -> None:
    """The terminal takes the vendor from standard input, prints the address once, and revokes."""
    words = ("create", "--package", CODE, "--details", "-", "--seat", "7")
    code, out, err = await command(desk.folder, *words, stdin=DETAILS)
    assert code == 0, err
    made = json.loads(out)
    assert made["url"].startswith("https://x.test/g/")
    assert (made["channel"], made["seat"], made["state"]) == ("BIDDING_ROOM", 7, "LIVE")
    code, out, err = await command(desk.folder, "get", made["name"])
    assert code == 0, err
    assert made["url"][-32:] not in out
    code, out, err = await command(desk.folder, "revoke", made["name"][7:], "--reason", "done")
    assert code == 0, err
    assert json.loads(out)["state"] == "REVOKED"
    code, _, err = await command(desk.folder, "get", "g-nothing")
    assert code == 3
    assert "FED-5305" in err


async def test_command_refuses_an_end_without_zone(desk: Desk) -> None:
    """--expires without a zone could mean three hours; it is refused before anything is made."""
    words = ("create", "--package", CODE, "--details", "-", "--expires", "2015-04-01T10:00")
    code, _, err = await command(desk.folder, *words, stdin=DETAILS)
    assert code != 0
    assert "FED-5303" in err
    words = (*words[:-1], (START.replace(month=5)).isoformat())
    code, out, err = await command(desk.folder, *words, stdin=DETAILS)
    assert code == 0, err
    assert json.loads(out)["expire_time"].startswith("2015-05-26T01:00")


async def command(folder: Path, *words: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """Run `lpse-node grant …`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from regional_node.cli import main; main()"),
        *("--data", str(folder), "grant", *words, "-o", "json"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
    )
    out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
