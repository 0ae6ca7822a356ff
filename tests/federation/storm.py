"""A storm of hellos over real gRPC: many nodes at one moment, each on a stream of its own.

Owns nodes that hold one stored entry each, and the counting of what became of their hellos. They
come over a few plain connections, with their names in the metadata: what is measured is admission,
judgement and sessions, not TLS. Leaves out what the figures must be (tests, bench).
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import grpc

from lpse.federation.checkpoints import Head
from lpse.federation.entries import timestamp
from lpse.federation.limits import LINK_WELCOME_SECONDS_MAX
from lpse.federation.notes import Signer
from lpse.federation.v1 import link_pb2 as wire
from lpse.runtime.channels import SERVER_OPTIONS, ErrorInterceptor
from tests.central.ledger.test_ledger import Writer
from tests.federation.rig import CLOCK, LOG, Centre

METHOD = "/lpse.federation.v1.Link/Connect"
CHANNELS = 16


@dataclass
class StormNode:
    """One node: its head at the centre, and the token that it was given."""

    node_id: str
    head: Head
    boot_id: bytes
    national: Head
    token: wire.SessionToken | None = None

    def hello(self) -> wire.Hello:
        """Full at the first contact, slim afterwards."""
        hello = wire.Hello(
            boot_id=self.boot_id,
            protocol_min=1,
            protocol_max=2,
            own_head=self.head.message(),
            software_version="0.2.0",
            service_version="v4.5u20250321",
            clock_time=timestamp(CLOCK.wall()),
            national_head=self.national.message(),
        )
        if self.token is None:
            hello.node_id = self.node_id
            return hello
        hello.token.CopyFrom(self.token)
        for head in (hello.own_head, hello.national_head):
            head.ClearField("party")
            head.ClearField("signature")
        return hello


@dataclass
class StormResult:
    """What became of one storm; seconds are those of this machine."""

    nodes: int
    seconds: float = 0.0
    welcomed: int = 0
    refused: int = 0  # told when to come back, counted per hello
    timed_out: int = 0
    broken: Counter[str] = field(default_factory=Counter)  # by code or detail
    attempts_max: int = 0
    answer_seconds_max: float = 0.0
    inside_max: int = 0
    appointed_max: int = 0
    hello_bytes_max: int = 0  # of an equal hello and its answer
    peak_mebibytes: float = 0.0


class Storm:
    """Nodes prepared at a running centre; `blow` lets them all say hello at once."""

    def __init__(self, centre: Centre, count: int) -> None:
        self.nodes = [self._node(centre, number) for number in range(count)]
        self._centre = centre
        self._port = 0

    def _node(self, centre: Centre, number: int) -> StormNode:
        node_id = f"lpse-{number:05}"
        signer = Signer.from_seed(node_id, sha256(node_id.encode()).digest())
        centre.authority.nodes[node_id] = signer
        empty = Writer(signer).head()
        boot_id = sha256(f"boot {number}".encode()).digest()[:16]
        return StormNode(node_id, empty, boot_id, centre.national.head)

    async def prepare(self) -> None:
        """Every node has handed one entry over."""
        for first in range(0, len(self.nodes), 500):
            await asyncio.gather(*(self._hand_over(one) for one in self.nodes[first : first + 500]))

    async def _hand_over(self, node: StormNode) -> None:
        writer = Writer(self._centre.authority.nodes[node.node_id])
        batch = writer.batch(1)
        await self._centre.ledger.accept(node.node_id, writer.epoch, [batch])
        node.head = Head.of(batch.head)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """The centre's own link service on a plain listener, with names from the metadata."""
        self._centre.enrolled.require_node = _named  # type: ignore[method-assign] # plain listener
        server = grpc.aio.server(options=SERVER_OPTIONS, interceptors=[ErrorInterceptor(LOG)])
        self._centre.service.register(server)
        self._port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield
        finally:
            await server.stop(0)

    async def blow(self) -> StormResult:
        """All at once; returns when every node was welcomed, or gave up."""
        result = StormResult(len(self.nodes))
        doors = self._centre.service.doors
        channels = [
            grpc.aio.insecure_channel(
                f"127.0.0.1:{self._port}", options=[("grpc.use_local_subchannel_pool", 1)]
            )
            for _ in range(CHANNELS)
        ]
        begin = time.monotonic()
        tasks = [
            asyncio.create_task(self._one(channels[number % CHANNELS], node, result))
            for number, node in enumerate(self.nodes)
        ]
        gathered = asyncio.gather(*tasks)
        while not gathered.done():
            result.inside_max = max(result.inside_max, doors.inside)
            result.appointed_max = max(result.appointed_max, doors.appointed)
            await asyncio.wait([gathered], timeout=0.02)
        await gathered
        result.seconds = time.monotonic() - begin
        result.peak_mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        await asyncio.gather(*(one.close() for one in channels))
        return result

    async def _one(self, channel: grpc.aio.Channel, node: StormNode, result: StormResult) -> None:
        attempts = 0
        while True:
            attempts += 1
            result.attempts_max = max(result.attempts_max, attempts)
            try:
                frame = await self._hello(channel, node, result)
            except TimeoutError:
                result.timed_out += 1
                return
            except grpc.aio.AioRpcError as error:
                result.broken[error.details() or error.code().name] += 1
                return
            if frame.HasField("welcome"):
                result.welcomed += 1
                return
            if not frame.refusal.retry_after_seconds:
                result.broken[frame.refusal.code] += 1
                return
            result.refused += 1
            await asyncio.sleep(frame.refusal.retry_after_seconds)

    async def _hello(
        self, channel: grpc.aio.Channel, node: StormNode, result: StormResult
    ) -> wire.CentralFrame:
        """One stream: hello, answer, and where welcome the token's confirmation and goodbye."""
        connect: Any = channel.stream_stream(METHOD)
        call = connect(metadata=(("node", node.node_id),))
        said = wire.NodeFrame(hello=node.hello()).SerializeToString()
        begin = time.monotonic()
        async with asyncio.timeout(LINK_WELCOME_SECONDS_MAX):
            await call.write(said)
            data = await call.read()
        result.answer_seconds_max = max(result.answer_seconds_max, time.monotonic() - begin)
        frame = wire.CentralFrame.FromString(data if isinstance(data, bytes) else b"")
        if frame.HasField("welcome"):
            if node.token is not None:
                result.hello_bytes_max = max(result.hello_bytes_max, len(said) + len(data))
            node.token = frame.welcome.token
            await _leave(call, node.token)
        return frame


async def _leave(call: Any, token: wire.SessionToken) -> None:
    """Confirm the token, say goodbye, and read to the end; the centre may be quicker."""
    confirmed = wire.TokenConfirmed(number=token.number)
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await call.write(wire.NodeFrame(token_confirmed=confirmed).SerializeToString())
        await call.write(wire.NodeFrame(goodbye=wire.Goodbye()).SerializeToString())
        await call.done_writing()
        while isinstance(await call.read(), bytes):
            pass


def _named(context: Any) -> str:
    return str(dict(context.invocation_metadata())["node"])
