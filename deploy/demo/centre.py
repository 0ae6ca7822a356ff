"""The centre of a demonstration: founded, served, killed and started again as a real process.

Owns its folder, ports, persons and the way to ask it. Rule: what a person does goes through
`lkppctl` with that person's own keys; only questions that are asked again and again use the same
API directly. Leaves out the nodes.
"""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import grpc

from deploy.demo.processes import DemoFailed, Processes, Running, free_ports, set_clock
from deploy.demo.together import together
from deploy.demo.tools import Answer, Tools
from lpse.operator.v1 import exercise_pb2 as exercise
from lpse.operator.v1 import fleet_pb2 as fleet
from lpse.operator.v1.exercise_pb2_grpc import ExerciseStub
from lpse.operator.v1.fleet_pb2_grpc import FleetStub
from lpse.runtime.channels import open_channel
from lpse.runtime.tls import CENTRE_SERVER_NAME, client_credentials

OPERATOR: Final = "sri"
APPROVER: Final = "budi"
_READY_SECONDS: Final = 60.0


class Centre:
    """LKPP: one daemon and two persons."""

    def __init__(self, folder: Path, processes: Processes, tools: Tools) -> None:
        self.data = folder / "centre"
        self._people = folder / "people"
        self._processes = processes
        self._tools = tools
        self.ports = free_ports(4)
        self._running: Running | None = None
        self._channel: grpc.aio.Channel | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the daemon runs."""
        return self._running is not None and self._running.is_alive

    @property
    def environment(self) -> dict[str, str]:
        """Settings of a small, impatient federation on one machine."""
        return {
            "LKPP_CENTRAL__DATA": str(self.data),
            "LKPP_CENTRAL__LINK__HEARTBEAT_SECONDS": "1",
            "LKPP_CENTRAL__LINK__LEASE_SECONDS": "6",
        }

    async def found(self, legal: datetime) -> None:
        """Make the centre, start it, and let its two persons redeem their invitations."""
        answer = await self._tools.ask(
            "lkpp-central", "init", "--operator", OPERATOR, "--approver", APPROVER,
            "--public-host", "127.0.0.1", "--listen-host", "127.0.0.1",
            "--ports", ",".join(map(str, self.ports)), "--exercise", "-o", "json",
            more=self.environment,
        )  # fmt: skip
        await self.start(legal)
        await together(self._invite(one) for one in answer.document)

    async def start(self, legal: datetime) -> None:
        """Start the daemon at a legal time and wait until it is ready."""
        set_clock(self.data, legal)
        self._running = self._processes.start(
            "lkpp-central", self._tools.command("lkpp-central", "serve"), self.environment
        )
        await wait_ready(self._running, self.ports[3])

    async def kill(self) -> None:
        """`kill -9`."""
        assert self._running is not None
        await self._processes.kill(self._running)
        await self.close()

    async def close(self) -> None:
        """Close the driver's own channel."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def ctl(
        self, person: str, *words: str, stdin: str = "", expect: tuple[int, ...] = (0,)
    ) -> Answer:
        """What a person does with `lkppctl`, with JSON as the answer."""
        home = {"LKPPCTL_HOME": str(self._people / person)}
        return await self._tools.ask(
            "lkppctl", *words, "-o", "json", more=home, stdin=stdin, expect=expect
        )

    async def say(self, person: str, *words: str) -> str:
        """The same for people: the text that `lkppctl` prints."""
        home = {"LKPPCTL_HOME": str(self._people / person)}
        return (await self._tools.ask("lkppctl", *words, more=home)).stdout

    async def statuses(self) -> dict[str, fleet.NodeStatus]:
        """The two facts of every node as the centre sees them."""
        answer = await FleetStub(self.channel()).ListNodeStatuses(fleet.ListNodeStatusesRequest())
        return {status.node_id: status for status in answer.statuses}

    async def step(self, legal: datetime) -> None:
        """Step its legal time."""
        request = exercise.SetLegalTimeRequest()
        request.legal_time.FromDatetime(legal.astimezone(UTC))
        await ExerciseStub(self.channel()).SetLegalTime(request)

    def channel(self) -> grpc.aio.Channel:
        """mTLS to the operators' listener, as the operator."""
        if self._channel is None:
            folder = self._people / OPERATOR / "contexts" / OPERATOR
            self._channel = open_channel(
                f"127.0.0.1:{self.ports[2]}",
                client_credentials(folder),
                server_name=CENTRE_SERVER_NAME,
            )
        return self._channel

    async def _invite(self, invitation: dict[str, Any]) -> None:
        person = str(invitation["subject"])
        enrolment = f"127.0.0.1:{self.ports[1]}"
        words = ("context", "create", person, "--enrolment", enrolment, "--code", "-")
        await self.ctl(person, *words, stdin=f"{invitation['code']}\n")


async def wait_ready(running: Running, port: int) -> None:
    """Wait until a daemon's `/readyz` answers 200."""
    give_up = time.monotonic() + _READY_SECONDS
    while time.monotonic() < give_up:
        if not running.is_alive:
            raise DemoFailed(f"{running.name} ended by itself", log=running.name)
        if await asyncio.to_thread(_is_ready, port):
            return
        await asyncio.sleep(0.05)
    raise DemoFailed(f"{running.name} is not ready after {_READY_SECONDS:.0f} s", log=running.name)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False
