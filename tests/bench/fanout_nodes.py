"""The stub nodes of the fan-out bench: one process, one mTLS connection per node and stream.

Owns 700 real sessions of the link and 700 bare streams. A stub verifies what a node verifies and
stores it durably before it acknowledges; all stubs of this process share one plain group-committed
store, and bytes that are the same for all are verified once, because every real node has a
processor and a disk of its own. Rule: a line of JSON on stdout says when the last stub had a
frame. Leaves out cosigning, heartbeats and the stub's own journal.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import grpc

from lpse.federation.checkpoints import Head
from lpse.federation.entries import verify_batch
from lpse.federation.merkle import CompactRange
from lpse.federation.notes import Verifier
from lpse.federation.v1 import link_pb2 as wire
from lpse.runtime import tls
from lpse.runtime.channels import open_channel
from tests.bench.raw_sqlite import RawGroupCommit

LINK = "/lpse.federation.v1.Link/Connect"
BARE = "/bench.Bare/Connect"
CONNECT_AT_ONCE = 32


class Arrivals:
    """Counts frames of one kind; tells when every stub has had its own."""

    def __init__(self, name: str, nodes: int) -> None:
        self._name, self._nodes, self._count = name, nodes, 0

    def one(self) -> None:
        """Another stub has the frame."""
        self._count += 1
        if self._count == self._nodes:
            self._count = 0
            say({"all": self._name, "time": time.monotonic()})


class National:
    """What the stubs know of the national journal, verified once per distinct frame."""

    def __init__(self, centre: Verifier) -> None:
        self._centre = centre
        self._tree = CompactRange()
        self.data = self._ack = b""

    def take(self, data: bytes) -> bytes:
        """The acknowledgement for a frame."""
        if data != self.data:
            batch = wire.CentralFrame.FromString(data).national
            head = Head.of(batch.head)
            verified = verify_batch(self._tree, self._centre, batch, head.party, head.epoch)
            self._tree = verified.tree
            ack = wire.NationalAck(stored_head=batch.head, applied_size=head.size)
            self.data, self._ack = data, wire.NodeFrame(national_ack=ack).SerializeToString()
        return self._ack

    def store(self, connection: sqlite3.Connection, numbers: list[int]) -> None:
        """One row per stub that has the newest frame."""
        rows = [(number, self.data) for number in numbers]
        connection.executemany("INSERT INTO raw (id, data) VALUES (?, ?)", rows)


class Fleet:
    """All stubs."""

    def __init__(self, plan: dict[str, Any], folder: Path) -> None:
        self._plan = plan
        self._national = National(Verifier.parse(plan["centre"]))
        self._store = RawGroupCommit(folder / "stubs.db", self._national.store)
        nodes = len(plan["nodes"])
        self._arrived = {name: Arrivals(name, nodes) for name in ("link", "bare", "welcome")}
        self._room = asyncio.Semaphore(CONNECT_AT_ONCE)

    async def run(self) -> None:
        """Serve until the parent ends this process."""
        await asyncio.gather(*(self._node(node) for node in self._plan["nodes"]))

    async def _node(self, node: dict[str, str]) -> None:
        credentials = tls.client_credentials(Path(node["identity"]))
        async with self._room:
            link = self._open(self._plan["link"], credentials, LINK)
            await link.write(bytes.fromhex(node["hello"]))
            welcome = wire.CentralFrame.FromString(await link.read()).welcome
            assert welcome.token.number, "the hello was refused"
            bare = self._open(self._plan["bare"], credentials, BARE)
            await bare.write(b"here")
            await bare.read()
        self._arrived["welcome"].one()
        await asyncio.gather(self._follow(link), self._echo(bare))

    @staticmethod
    def _open(endpoint: str, credentials: grpc.ChannelCredentials, method: str) -> Any:
        channel = open_channel(endpoint, credentials, server_name=tls.CENTRE_SERVER_NAME)
        return channel.stream_stream(method)()

    async def _follow(self, stream: Any) -> None:
        while (data := await stream.read()) is not grpc.aio.EOF:
            ack = self._national.take(data)
            self._arrived["link"].one()
            await self._store.insert()
            await stream.write(ack)

    async def _echo(self, stream: Any) -> None:
        while (data := await stream.read()) is not grpc.aio.EOF:
            self._arrived["bare"].one()
            await stream.write(data[:64])


def say(document: dict[str, Any]) -> None:
    """One line to the parent."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


async def main(folder: Path) -> None:
    """Read the plan, connect, follow."""
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    await Fleet(plan, folder).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
