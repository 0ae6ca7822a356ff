"""The commands of an officer against a running node's API: real socket, real signatures."""

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

from lpse.intake.v1 import (
    compensations_pb2_grpc,
    node_pb2,
    node_pb2_grpc,
    officers_pb2_grpc,
    outages_pb2_grpc,
    packages_pb2_grpc,
)
from lpse.runtime.channels import SERVER_OPTIONS, ErrorInterceptor
from lpse.runtime.clock import SystemClock
from regional_node.officers.service import OfficersService
from regional_node.officers.store import Officers
from regional_node.outages.rules import Kind, ProbeState
from regional_node.outages.service import OutagesService
from regional_node.schedule.service import CompensationsService, PackagesService
from tests.regional_node.schedule.world import World, at, by_day, package

PROGRAM = Path(sys.executable).parent / "lpse-node"


class Status(node_pb2_grpc.NodeServicer):
    """Stands for the link's service: only who and where the node is."""

    async def GetNodeStatus(self, request: Any, context: Any) -> node_pb2.GetNodeStatusResponse:
        return node_pb2.GetNodeStatusResponse(node_id="lpse-pacitan", zone="Asia/Jakarta")


@pytest.fixture
async def data(world: World, tmp_path: Path) -> AsyncIterator[Path]:
    """A data folder whose socket is served by the world's node."""
    officers = Officers(
        world.database, world.journal.append_in, SystemClock(), party="lpse-pacitan"
    )
    server = grpc.aio.server(
        interceptors=[ErrorInterceptor(structlog.get_logger())], options=SERVER_OPTIONS
    )
    clock = world.clock
    status = Status()  # type: ignore[abstract] # the commands ask nothing else of it
    node_pb2_grpc.add_NodeServicer_to_server(status, server)
    officers_pb2_grpc.add_OfficersServicer_to_server(OfficersService(officers), server)
    packages_pb2_grpc.add_PackagesServicer_to_server(
        PackagesService(
            world.packages,
            world.proposals,
            world.effective,
            world.national,
            clock,
            zone="Asia/Jakarta",
        ),
        server,
    )
    compensations_pb2_grpc.add_CompensationsServicer_to_server(
        CompensationsService(world.proposals, officers, clock), server
    )
    outages_pb2_grpc.add_OutagesServicer_to_server(
        OutagesService(
            world.outages, world.proposals.affected_by, officers, clock, zone="Asia/Jakarta"
        ),
        server,
    )
    server.add_insecure_port(f"unix:{tmp_path / 'intake.sock'}")
    await server.start()
    yield tmp_path
    await server.stop(None)


async def command(data: Path, *arguments: str | Path, lang: str = "C") -> tuple[int, str, str]:
    """Run `lpse-node` as a person would: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "--data",
        data,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "LANG": lang, "COLUMNS": "200"},
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_officer_imports_reads_and_decides(world: World, data: Path) -> None:
    """Import, proposal in words, signed decision, and the schedule that follows, by commands."""
    keys = {}
    for name, role in (("admin", "admin"), ("budi", "pokja")):
        keys[name] = data / f"{name}.key"
        signer = () if role == "admin" else ("--as", "admin", "--key", keys["admin"])
        code, _, err = await command(
            data, "officer", "add", name, "--role", role, "--key-out", keys[name], *signer
        )
        assert code == 0, err
    file = data / "packages.json"
    file.write_text(json.dumps([package("P3", "2015-03-31 12:00")]))
    code, _, err = await command(data, "package", "import", file, "--validate-only")
    assert code == 0 and "nothing was imported" in err
    code, out, err = await command(data, "package", "import", file, "-o", "json")
    assert code == 0, err
    assert json.loads(out)[0]["changed"] is True
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-31 09:00"))
    code, out, err = await command(data, "compensation", "get", "P3", lang="id_ID.UTF-8")
    assert code == 0, err
    assert "Sel, 31 Mar 2015 12.00 WIB → Sen, 6 Apr 2015 12.00 WIB" in out
    assert "4 tanggal tersentuh: 27, 28, 29, 30 Mar 2015" in out
    deciding = ("compensation", "decide", "P3", "accept", "--reason", "sesuai usulan")
    code, _, err = await command(data, *deciding, "--as", "admin", "--key", keys["admin"])
    assert code == 5 and "FED-31" in err
    code, out, err = await command(
        data, *deciding, "--as", "budi", "--key", keys["budi"], "-o", "json"
    )
    assert code == 0, err
    assert json.loads(out)["state"] == "ACCEPTED"
    code, out, err = await command(data, "package", "get", "P3")
    assert code == 0, err
    assert "Tue, 31 Mar 2015 12:00 WIB → Mon, 6 Apr 2015 12:00 WIB" in out
    code, out, _ = await command(data, "outage", "report", "outages/2015-0001")
    assert code == 0
    assert "jadwal semula Sel, 31 Mar 2015 12.00 WIB → jadwal menjadi Sen, 6 Apr 2015" in out


async def test_measured_outage_is_listed_and_confirmed(world: World, data: Path) -> None:
    """What probes saw is shown beside declarations; an admin's signature makes it count."""
    key = data / "admin.key"
    await command(data, "officer", "add", "siti", "--role", "admin", "--key-out", key)
    await world.outages.start(
        Kind.SERVICE, ProbeState(3, at("2015-03-26 07:00"), "the service answered with status 503")
    )
    code, out, err = await command(data, "outage", "list")
    assert code == 0 and "service" in out and "UNSPECIFIED" not in out, err
    code, _, err = await command(
        data, "outage", "confirm", "measured/1", "--cause", "POWER", "--attribution", "REGION",
        "--reason", "genset gagal", "--as", "siti", "--key", key,
    )  # fmt: skip
    assert code == 0, err
    code, out, _ = await command(data, "outage", "list", "-o", "json")
    assert code == 0
    (listed,) = json.loads(out)
    assert (listed["counts"], listed["confirmed_by"], listed["cause"]) == (True, "siti", "POWER")
    code, _, err = await command(data, "outage", "get", "measured/9")
    assert code == 3 and "FED-4202" in err


async def test_preview_needs_no_node(tmp_path: Path) -> None:
    """Anyone can check the arithmetic from files alone; a missing file is a clear error."""
    files = {
        "package": package("P3", "2015-03-31 12:00"),
        "outages": [{"start": "2015-03-27T00:00:00+07:00", "end": "2015-03-31T00:00:00+07:00"}],
        "calendar": {"holidays": ["2015-04-03"]},
    }
    arguments: list[str | Path] = ["compensation", "preview", "-o", "json"]
    for name, document in files.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(document))
        arguments += [f"--{name}", path]
    code, out, err = await command(tmp_path, *arguments)
    assert code == 0, err
    assert json.loads(out)["stages"][0]["proposed_end"] == "2015-04-06T12:00:00+07:00"
    (tmp_path / "calendar.json").unlink()
    code, out, err = await command(tmp_path, *arguments)
    assert code == 1 and "FED-4117" in err and not out
