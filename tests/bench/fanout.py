"""One national entry to 700 nodes over mTLS: from publishing to the last durable acknowledgement.

Ours is the real centre (journal commit, head file, link service, sessions) in this process and 700
stub nodes in another one. The yardstick sends the same bytes to the same stubs over bare mTLS
streams, with one wake-up for all and no storage anywhere; it is timed until the last stub has the
bytes, and until the last echo is back. Both run in the same round, one after the other.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from central.link.session import Session
from lpse.federation.checkpoints import sign_head
from lpse.federation.entries import timestamp
from lpse.federation.limits import EPOCH_BYTES, PROTOCOL_MAX, PROTOCOL_MIN
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import link_pb2 as wire
from lpse.runtime import tls
from lpse.runtime.channels import SERVER_OPTIONS
from tests.bench.figures import Report
from tests.federation.rig import CLOCK, Authority, Centre

NODES = 700
GOAL = 1.5
SETTLE_SECONDS = 0.5  # what follows an acknowledgement is over before the next round begins


class Bare:
    """The yardstick: streams that get shared bytes on one wake-up."""

    def __init__(self) -> None:
        self._data = b""
        self._moved = asyncio.Event()
        self._echoes = 0
        self._all_back = asyncio.Event()

    async def start(self, identity: Path) -> int:
        """Listen; the port."""
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
            self._connect
        )
        generic = grpc.method_handlers_generic_handler("bench.Bare", {"Connect": handler})
        self._server = grpc.aio.server(options=SERVER_OPTIONS)
        self._server.add_generic_rpc_handlers((generic,))
        credentials = tls.server_credentials(identity, clients=True)
        port = self._server.add_secure_port("127.0.0.1:0", credentials)
        await self._server.start()
        return port

    async def send(self, data: bytes) -> float:
        """Seconds until the last echo is back."""
        self._data, self._echoes = data, 0
        self._all_back.clear()
        start = time.monotonic()
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        await self._all_back.wait()
        return time.monotonic() - start

    async def stop(self) -> None:
        """End all streams."""
        await self._server.stop(0)

    async def _connect(self, requests: Any, context: Any) -> None:
        await context.read()
        await context.write(b"here")
        reading = asyncio.ensure_future(self._read(context))
        while True:
            await self._moved.wait()
            await context.write(self._data)
            if reading.done():
                return

    async def _read(self, context: Any) -> None:
        while await context.read() is not grpc.aio.EOF:
            self._echoes += 1
            if self._echoes == NODES:
                self._all_back.set()


class Acks:
    """Counts acknowledgements of the newest head, inside the centre's own sessions."""

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self.all_back = asyncio.Event()

    def watch(self) -> Callable[[], None]:
        """Stand behind `Session._take_ack`; the function returned takes it away again."""
        original = Session._take_ack

        def counted(session: Session, ack: wire.NationalAck) -> None:
            original(session, ack)
            if ack.stored_head.size == self.size:
                self.count += 1
                if self.count == NODES:
                    self.all_back.set()

        Session._take_ack = counted  # type: ignore[method-assign,assignment] # the bench listens in
        return lambda: setattr(Session, "_take_ack", original)

    def expect(self, size: int) -> None:
        """From now on, count those that reach `size`."""
        self.count, self.size = 0, size
        self.all_back.clear()


class Stubs:
    """The other process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, folder: Path) -> Stubs:
        """Start it; it connects by itself."""
        command = [sys.executable, "-m", "tests.bench.fanout_nodes", str(folder)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        return cls(process)

    async def all(self, name: str) -> float:
        """Wait for the line that says that every stub has had a frame; its monotonic time."""
        assert self._process.stdout is not None
        while True:
            line = await asyncio.wait_for(self._process.stdout.readline(), 120)
            assert line, "the stub nodes ended"
            told = json.loads(line)
            if told["all"] == name:
                return float(told["time"])

    async def stop(self) -> None:
        """End it."""
        self._process.kill()
        await self._process.wait()


async def measure(folder: Path, rounds: int) -> Report:
    """All figures of this benchmark."""
    authority = Authority(folder / "identities")
    hellos = [_node(authority, number) for number in range(NODES)]
    centre, bare, acks = Centre(authority, folder / "centre"), Bare(), Acks()
    centre.lease_seconds = 86_400
    unwatch = acks.watch()
    await centre.start()
    bare_port = await bare.start(authority.centre_identity)
    plan = {
        "centre": authority.centre.verifier.text,
        "link": f"127.0.0.1:{centre.port}",
        "bare": f"127.0.0.1:{bare_port}",
        "nodes": hellos,
    }
    (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
    acks.expect(centre.national.head.size)
    stubs = await Stubs.start(folder)
    try:
        await stubs.all("welcome")
        await acks.all_back.wait()
        return await _rounds(centre, bare, (acks, stubs), rounds)
    finally:
        await stubs.stop()
        await bare.stop()
        await centre.stop()
        unwatch()


async def _rounds(centre: Centre, bare: Bare, listeners: tuple[Acks, Stubs], rounds: int) -> Report:
    acks, stubs = listeners
    names = ("visible", "held", "ours", "received", "echoed")
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-1, rounds):  # the first one warms up
        await _calm()
        acks.expect(centre.national.head.size + 1)
        start = time.monotonic()
        await centre.national.publish(_outage(number))
        visible = time.monotonic() - start
        await acks.all_back.wait()
        ours = time.monotonic() - start
        held = await stubs.all("link") - start
        frame = await centre.frames.at(centre.national.head.size - 1)
        assert frame is not None
        await _calm()
        start = time.monotonic()
        echoed = await bare.send(frame.data)
        received = await stubs.all("bare") - start
        if number >= 0:
            measured = (visible, held, ours, received, echoed)
            for rounds_of, value in zip(found.values(), measured, strict=True):
                rounds_of.append(value * 1_000)
    return _report(found)


def _report(found: dict[str, list[float]]) -> Report:
    report = Report("fanout", f"one national entry to {NODES} nodes over mTLS, two processes")
    report.add("publish → durable and visible", "ms", found["visible"])
    report.add("publish → last node has it", "ms", found["held"])
    report.add("publish → last durable ack", "ms", found["ours"])
    report.add("bare → last client has it", "ms", found["received"])
    report.add("bare → last echo is back", "ms", found["echoed"])
    title = "durable ack / bare, there and back"
    report.compare(title, found["ours"], found["echoed"], goal=GOAL, at_most=True)
    report.compare("durable ack / bare, one way", found["ours"], found["received"])
    report.compare("one way / bare, one way", found["held"], found["received"])
    return report


async def _calm() -> None:
    """Witnessing and collecting garbage belong to no round."""
    await asyncio.sleep(SETTLE_SECONDS)
    gc.collect()


def _node(authority: Authority, number: int) -> dict[str, str]:
    """Identity and hello of a node whose journal has one entry."""
    node_id = f"lpse-{number:04}"
    identity = authority.node(node_id)
    tree = CompactRange.from_leaf_hashes([leaf_hash(node_id.encode())])
    epoch = number.to_bytes(EPOCH_BYTES, "big")
    head = sign_head(authority.nodes[node_id], epoch, tree.size, tree.root())
    hello = wire.Hello(
        node_id=node_id,
        boot_id=bytes(16),
        protocol_min=PROTOCOL_MIN,
        protocol_max=PROTOCOL_MAX,
        own_head=head.message(),
        clock_time=timestamp(CLOCK.wall()),
        attempts=1,
    )
    frame = wire.NodeFrame(hello=hello).SerializeToString()
    return {"identity": str(identity), "hello": frame.hex()}


def _outage(number: int) -> directives.OutageRevised:
    """A declaration of the usual size, about 500 bytes as a frame."""
    return directives.OutageRevised(
        outage=f"outages/2015-{number + 2:04}",
        revision=1,
        scope=directives.OUTAGE_SCOPE_NATIONAL,
        title="Pemutakhiran SPSE 3.0 ke 3.6 di seluruh Indonesia",
        reason="Layanan tidak dapat dijangkau penyedia. " * 4,
        plan_digest=bytes(32),
    )
