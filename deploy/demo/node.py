"""One node of a demonstration: enrolled, run, killed and started again as a real process.

Owns its folder, ports, officers and the way to ask it. Rule: what a person does goes through
`lpse-node`; only questions that are asked again and again use the same local API directly. Leaves
out vendors and their files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import grpc

from deploy.demo.centre import wait_ready
from deploy.demo.processes import Processes, Running, set_clock
from deploy.demo.scenario import NodeFacts
from deploy.demo.tools import Answer, Tools
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import compensations_pb2 as compensations
from lpse.intake.v1 import node_pb2 as api
from lpse.intake.v1 import outages_pb2 as outages
from lpse.intake.v1 import submissions_pb2 as submissions
from lpse.intake.v1.compensations_pb2_grpc import CompensationsStub
from lpse.intake.v1.node_pb2_grpc import NodeStub
from lpse.intake.v1.outages_pb2_grpc import OutagesStub
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.runtime.channels import open_local_channel

ADMIN: Final = "admin"
POKJA: Final = "pokja"
PRESENT: Final = (api.LINK_PHASE_CONNECTED, api.LINK_PHASE_CATCHING_UP)


class Node:
    """An LPSE: one daemon, its local service, an administrator and a Pokja."""

    def __init__(
        self,
        facts: NodeFacts,
        folder: Path,
        processes: Processes,
        tools: Tools,
        ports: tuple[int, int, int],
    ) -> None:
        self.facts = facts
        self.id = facts.node_id
        self.folder = folder / self.id
        self.data = self.folder / "data"
        self.vendors = self.folder / "vendors"
        self._processes = processes
        self._tools = tools
        self._http_port, self.service_port, self.upload_port = ports
        self._link_port = self._vendors_port = 0
        self._bundle: Path | None = None
        self._running: Running | None = None
        self._channel: grpc.aio.Channel | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Settings of a small, impatient node on one machine."""
        return {
            "LPSE_NODE__DATA": str(self.data),
            "LPSE_NODE__ENVIRONMENT": "exercise",
            "LPSE_NODE__LINK__NODES": f"127.0.0.1:{self._link_port}",
            "LPSE_NODE__LINK__RECONNECT_FIRST_SECONDS": "0.3",
            "LPSE_NODE__LINK__RECONNECT_MAX_SECONDS": "2",
            "LPSE_NODE__HTTP__LISTEN": f"127.0.0.1:{self._http_port}",
            "LPSE_NODE__UPLOAD__LISTEN": f"127.0.0.1:{self.upload_port}",
            "LPSE_NODE__UPLOAD__PUBLIC_URL": f"http://127.0.0.1:{self._vendors_port}",
            "LPSE_NODE__SCRUB__EVERY_DAYS": "0.00003",
            "LPSE_NODE__SERVICE__PORT": str(self.service_port),
            "LPSE_NODE__SERVICE__PROBE_SECONDS": "0.5",
            "LPSE_NODE__SERVICE__PROBE_TIMEOUT_SECONDS": "5",
            "LPSE_NODE__UPGRADES__SOAK_SECONDS": "0.5",
            "LPSE_NODE__UPGRADES__FIRST_BUNDLE": str(self._bundle),
            "LPSE_NODE__UPGRADES__EXPECTED_SECONDS": "900",
        }

    async def enrol(self, invitation: dict[str, str], roads: tuple[int, int], bundle: Path) -> None:
        """Redeem the one-use code; the link, and vendors' lines, go through severable roads."""
        self._link_port, self._vendors_port = roads
        self._bundle = bundle
        self.folder.mkdir(parents=True)
        self.vendors.mkdir()
        words = ("enrol", "--endpoint", invitation["endpoint"], "--code", "-")
        await self.lpse(*words, stdin=f"{invitation['code']}\n")

    async def start(self, legal: datetime) -> None:
        """Start the daemon at a legal time and wait until it is ready."""
        set_clock(self.data, legal)
        self._running = self._processes.start(
            self.id, self._tools.command("lpse-node", "run"), self.environment
        )
        await wait_ready(self._running, self._http_port)

    async def kill(self) -> None:
        """`kill -9`; the local service outlives its daemon and is adopted again."""
        assert self._running is not None
        await self._processes.kill(self._running)
        await self.close()

    async def close(self) -> None:
        """Close the driver's own channel."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def appoint(self) -> None:
        """The first officer is an administrator, who then adds the Pokja."""
        admin, pokja = self.key(ADMIN), self.key(POKJA)
        await self.lpse("officer", "add", ADMIN, "--role", "admin", "--key-out", str(admin))
        await self.lpse(
            "officer", "add", POKJA, "--role", "pokja", "--key-out", str(pokja),
            "--as", ADMIN, "--key", str(admin),
        )  # fmt: skip

    async def announce(self) -> None:
        """Import the packages as SPSE hands them over."""
        file = self.folder / "packages.json"
        documents = [package.document() for package in self.facts.packages]
        file.write_text(json.dumps(documents, ensure_ascii=False), "utf-8")
        await self.lpse("package", "import", str(file))

    @property
    def vendors_road(self) -> str:
        """Name of the road on which vendors' browsers reach it."""
        return f"{self.id}/vendors"

    def key(self, officer: str) -> Path:
        """Where an officer keeps the private key."""
        return self.folder / f"{officer}.key"

    def signed(self, officer: str) -> tuple[str, ...]:
        """Flags with which an officer signs."""
        return ("--as", officer, "--key", str(self.key(officer)))

    async def lpse(self, *words: str, stdin: str = "", expect: tuple[int, ...] = (0,)) -> Answer:
        """What a person at the office does with `lpse-node`, with JSON as the answer."""
        return await self._tools.ask(
            "lpse-node", *words, "-o", "json", more=self.environment, stdin=stdin, expect=expect
        )

    async def say(self, *words: str) -> str:
        """The same for people: the text that `lpse-node` prints."""
        return (await self._tools.ask("lpse-node", *words, more=self.environment)).stdout

    async def offline(self, *words: str, expect: tuple[int, ...] = (0,)) -> Answer:
        """What anybody can do with `lpse-node` and files alone: there is no node behind it."""
        nowhere = {"LPSE_NODE__DATA": str(self.folder / "nowhere")}
        return await self._tools.ask("lpse-node", *words, "-o", "json", more=nowhere, expect=expect)

    async def status(self) -> api.GetNodeStatusResponse:
        """The node at a glance, from the node itself."""
        return await NodeStub(self.channel()).GetNodeStatus(api.GetNodeStatusRequest())

    async def is_linked(self) -> bool:
        """Whether the node itself says that it reaches the centre."""
        return (await self.status()).link in PRESENT

    async def compensations(self) -> dict[str, compensations.Compensation]:
        """The newest proposal of every package that has one."""
        stub = CompensationsStub(self.channel())
        answer = await stub.ListCompensations(compensations.ListCompensationsRequest())
        return {one.package: one for one in answer.compensations}

    async def submission(self, key: str) -> submissions.Submission:
        """What became of one submission."""
        request = submissions.GetSubmissionRequest(name=f"submissions/{key}")
        return await SubmissionsStub(self.channel()).GetSubmission(request)

    async def link_outages(self) -> list[outages.Outage]:
        """What the node's own probes measured of its link."""
        answer = await OutagesStub(self.channel()).ListOutages(outages.ListOutagesRequest())
        return [one for one in answer.outages if one.kind == records.MEASURED_KIND_LINK]

    async def sees_cut(self) -> bool:
        """Whether its probes noticed that the link is away, and still is."""
        return any(not one.HasField("end_time") for one in await self.link_outages())

    async def step(self, legal: datetime) -> None:
        """Step its legal time."""
        request = api.SetLegalTimeRequest()
        request.legal_time.FromDatetime(legal.astimezone(UTC))
        await NodeStub(self.channel()).SetLegalTime(request)

    def stub(self, kind: Callable[[grpc.aio.Channel], Any]) -> Any:
        """A stub of the local API."""
        return kind(self.channel())

    def channel(self) -> grpc.aio.Channel:
        """The local socket of the daemon."""
        if self._channel is None:
            self._channel = open_local_channel(self.data / "intake.sock")
        return self._channel
