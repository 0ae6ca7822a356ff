"""The stub nodes of the fan-out bench: one process, one mTLS connection per node and stream.

Owns 700 real sessions of the link and 700 bare streams. A stub verifies what a node verifies and
stores it durably before it acknowledges; all stubs of this process share one group-committed store,
and bytes that are the same for all are verified once, because every real node has a processor and a
disk of its own. Rule: a line of JSON on stdout says when the last stub had a frame. Leaves out
cosigning, heartbeats and the stub's own journal.
"""

from __future__ import annotations

import asyncio
import json
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
from lpse.runtime.sqlite import Database, Transaction

LINK = "/lpse.federation.v1.Link/Connect"
BARE = "/bench.Bare/Connect"
CONNECT_AT_ONCE = 32
SCHEMA = "CREATE TABLE stub (node INTEGER, size INTEGER, data BLOB, PRIMARY KEY (node, size));\n"


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
        self._last = (b"", b"", 0)

    def take(self, data: bytes) -> tuple[bytes, int]:
        """The acknowledgement for a frame, and the size that it reaches."""
        if data != self._last[0]:
            batch = wire.CentralFrame.FromString(data).national
            head = Head.of(batch.head)
            verified = verify_batch(self._tree, self._centre, batch, head.party, head.epoch)
            self._tree = verified.tree
            ack = wire.NationalAck(stored_head=batch.head, applied_size=head.size)
            self._last = (data, wire.NodeFrame(national_ack=ack).SerializeToString(), head.size)
        return self._last[1], self._last[2]


class Fleet:
    """All stubs."""

    def __init__(self, plan: dict[str, Any], database: Database) -> None:
        self._plan = plan
        self._database = database
        self._national = National(Verifier.parse(plan["centre"]))
        nodes = len(plan["nodes"])
        self._arrived = {name: Arrivals(name, nodes) for name in ("link", "bare", "welcome")}
        self._room = asyncio.Semaphore(CONNECT_AT_ONCE)

    async def run(self) -> None:
        """Serve until the parent ends this process."""
        await asyncio.gather(
            *(self._node(number, node) for number, node in enumerate(self._plan["nodes"]))
        )

    async def _node(self, number: int, node: dict[str, str]) -> None:
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
        await asyncio.gather(self._follow(number, link), self._echo(bare))

    @staticmethod
    def _open(endpoint: str, credentials: grpc.ChannelCredentials, method: str) -> Any:
        channel = open_channel(endpoint, credentials, server_name=tls.CENTRE_SERVER_NAME)
        return channel.stream_stream(method)()

    async def _follow(self, number: int, stream: Any) -> None:
        while (data := await stream.read()) is not grpc.aio.EOF:
            ack, size = self._national.take(data)
            self._arrived["link"].one()
            await self._database.write(lambda tx: _store(tx, number, size, data))  # noqa: B023 - awaited here
            await stream.write(ack)

    async def _echo(self, stream: Any) -> None:
        while (data := await stream.read()) is not grpc.aio.EOF:
            self._arrived["bare"].one()
            await stream.write(data[:64])


def _store(tx: Transaction, number: int, size: int, data: bytes) -> int:
    return tx.run("INSERT INTO stub VALUES (?, ?, ?)", (number, size, data))


def say(document: dict[str, Any]) -> None:
    """One line to the parent."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


async def main(folder: Path) -> None:
    """Read the plan, connect, follow."""
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    migrations = folder / "migrations"
    migrations.mkdir()
    (migrations / "0010_stub.sql").write_text(SCHEMA, "ascii")
    database = await Database.open(folder / "stubs.db", migrations)
    await Fleet(plan, database).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
