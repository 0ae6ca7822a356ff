"""The whole federation of a demonstration: one centre, its nodes, their links, one legal time.

Owns founding it all, stepping legal time everywhere at once, and waiting for something to become
true. Rule: a wait has a limit and says what it waited for. Leaves out the story: what happens, and
in which order, is told by each scenario.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import grpc

from deploy.demo.bundles import build_bundle
from deploy.demo.centre import OPERATOR, Centre
from deploy.demo.links import Links
from deploy.demo.node import Node
from deploy.demo.processes import DemoFailed, Processes, free_ports
from deploy.demo.scenario import Scenario
from deploy.demo.story import Story
from deploy.demo.together import together
from deploy.demo.tools import Tools
from deploy.demo.vendors import Vendors
from lpse.operator.v1 import fleet_pb2 as fleet

LKPP: Final = "LKPP"
_POLL_SECONDS: Final = 0.1


@dataclass
class Federation:
    """Everything that is started, and the hands of the driver on it."""

    scenario: Scenario
    folder: Path
    processes: Processes
    tools: Tools
    story: Story
    centre: Centre
    links: Links
    nodes: dict[str, Node]
    vendors: Vendors
    opened: list[str] = field(default_factory=list)  # packages whose bids were revealed

    @classmethod
    def make(
        cls, scenario: Scenario, folder: Path, processes: Processes, story: Story, seed: int
    ) -> Federation:
        """All parts, not yet started."""
        tools = Tools(processes.environment)
        ports = free_ports(3 * len(scenario.nodes))
        triples = zip(ports[::3], ports[1::3], ports[2::3], strict=True)
        nodes = {
            facts.node_id: Node(facts, folder / "nodes", processes, tools, triple)
            for facts, triple in zip(scenario.nodes, triples, strict=True)
        }
        centre = Centre(folder, processes, tools)
        links = Links(processes)
        return cls(scenario, folder, processes, tools, story, centre, links, nodes, Vendors(seed))

    async def found(self) -> None:
        """A centre with two persons; enrolled, running nodes with officers and packages."""
        say, scenario = self.story, self.scenario
        await together((self.centre.found(scenario.legal_start), self.links.start()))
        say.tell(
            LKPP, "The centre is founded: private CA, journal, two persons (operator, approver)."
        )
        bundle = await asyncio.to_thread(build_bundle, scenario.version, self.folder / "bundles")
        await together(self._settle(node, bundle) for node in self.nodes.values())
        await self.until("every node is linked", self.all_linked)
        say.tell(
            LKPP,
            "{count} nodes are enrolled over mTLS and serve SPSE {version}: {nodes}",
            count=len(self.nodes),
            version=scenario.version,
            nodes=", ".join(self.nodes),
        )
        file = self.folder / "calendar.json"
        days = {key: scenario.calendar[key] for key in ("holidays", "collective_leave")}
        file.write_text(_dump(days), "utf-8")
        await self.centre.ctl(
            OPERATOR, "calendar", "import", str(file), "--year", str(scenario.calendar["year"]),
            "--citation", scenario.calendar["citation"],
        )  # fmt: skip
        say.tell(LKPP, "Calendar {year} is published.", year=scenario.calendar["year"])

    async def step(self, local: str) -> None:
        """Step legal time everywhere that is alive; the text is local time of the scenario."""
        moment = datetime.fromisoformat(local).replace(tzinfo=self.scenario.legal_start.tzinfo)
        parties = [node.step(moment) for node in self.nodes.values()]
        if self.centre.is_alive:
            parties.append(self.centre.step(moment))
        await together(parties)
        self.story.legal = moment

    async def restart_centre(self) -> None:
        """Start the killed centre; its legal clock went on while it was down."""
        await self.centre.start(self.story.legal)

    async def all_linked(self) -> bool:
        """Whether every node says that it reaches the centre."""
        return all(await together(node.is_linked() for node in self.nodes.values()))

    async def is_drained(self, node: Node) -> bool:
        """Whether both sides agree on a node's journal and no byte waits."""
        own = await node.status()
        if own.queue_entries or own.queue_bytes or not await node.is_linked():
            return False
        seen = (await self.centre.statuses())[node.id]
        head, copy = own.own_head, seen.stored_head
        same = (head.epoch, head.size, head.root) == (copy.epoch, copy.size, copy.root)
        return same and seen.link == fleet.LINK_STATE_CONNECTED

    async def all_drained(self) -> bool:
        """Whether every node is drained."""
        return all(await together(self.is_drained(one) for one in self.nodes.values()))

    async def until(
        self, what: str, holds: Callable[[], Awaitable[bool]], seconds: float = 90.0
    ) -> float:
        """Wait until something holds; returns how long it took."""
        began = time.monotonic()
        trouble = ""
        while time.monotonic() < began + seconds:
            try:
                if await holds():
                    return time.monotonic() - began
            except grpc.aio.AioRpcError as error:  # a daemon that is just starting or just gone
                trouble = f" ({error.code().name}: {error.details()})"
            await asyncio.sleep(_POLL_SECONDS)
        raise DemoFailed(f"after {seconds:.0f} s it is still not so that {what}{trouble}")

    async def close(self) -> None:
        """Close the driver's own channels and links."""
        await self.links.close()
        await together((self.centre.close(), *(node.close() for node in self.nodes.values())))

    async def _settle(self, node: Node, bundle: Path) -> None:
        """From an enrolment code to an office that serves."""
        facts = node.facts
        created = await self.centre.ctl(
            OPERATOR, "enrol", "create", node.id, "--province", facts.province, "--zone", facts.zone
        )
        link_port = await self.links.open(node.id, self.centre.ports[0])
        vendors_port = await self.links.open(node.vendors_road, node.upload_port)
        await node.enrol(created.document, (link_port, vendors_port), bundle)
        await node.start(self.scenario.legal_start)
        await node.appoint()
        await node.announce()


def _dump(document: object) -> str:
    return json.dumps(document, ensure_ascii=False)
