"""A storm: every node of a large country says hello at the same moment, known and equal.

Owns two storms. One has no network: streams call the real link service with the bytes that nodes
send, which shows admission, judgement and sessions alone. The other comes over the real listener:
another process opens one mTLS connection per node, all at once. A node that is told to come back
does so when it was told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lpse.federation.checkpoints import sign_head
from lpse.federation.entries import timestamp
from lpse.federation.limits import EPOCH_BYTES, PROTOCOL_MAX, PROTOCOL_MIN
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.v1 import journal_pb2 as journal
from lpse.federation.v1 import link_pb2 as wire
from tests.bench.figures import Report
from tests.bench.reconcile_nodes import signer_of
from tests.federation.rig import CLOCK, Authority, Centre

MEMORY_GOAL_KB: Final = 120.0  # per node that is in a session
_PAGE_KB: Final = 4
_FOUNDED_AT_ONCE: Final = 64
_TIMED_OUT: Final = "FED-2211"


class Stream:
    """One stream as the service sees it: what it reads is put, what it writes is taken."""

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self.frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.answer: asyncio.Future[wire.CentralFrame] = asyncio.get_running_loop().create_future()

    async def read(self) -> bytes | None:
        return await self.frames.get()

    async def write(self, data: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(wire.CentralFrame.FromString(data))

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    def cancelled(self) -> bool:
        return False


class Caller:
    """One node."""

    def __init__(self, number: int) -> None:
        self.node_id = f"lpse-{number:05}"
        self._epoch = (number + 1).to_bytes(EPOCH_BYTES, "big")
        self._tree = CompactRange.from_leaf_hashes([leaf_hash(self.node_id.encode())])
        self._token: wire.SessionToken | None = None
        self.refused = 0
        self.timed_out = 0
        self.task: asyncio.Task[None] | None = None
        self.stream: Stream | None = None

    async def found(self, centre: Centre) -> None:
        """The first session: one entry, one token."""
        welcome = await self._welcomed(centre, slim=False)
        assert self.stream is not None and self.task is not None
        head = self._head()
        batch = journal.EntryBatch(
            first_index=0, entries=[self.node_id.encode()], head=head.message()
        )
        frames = [
            wire.NodeFrame(token_confirmed=wire.TokenConfirmed(number=welcome.token.number)),
            wire.NodeFrame(regional=batch),
        ]
        for frame in frames:
            self.stream.frames.put_nowait(frame.SerializeToString())
        while (held := centre.ledger.current(self.node_id)) is None or not held.tree.size:
            await asyncio.sleep(0.001)
        await self.leave()
        self._token = welcome.token

    async def come_back(self, centre: Centre) -> None:
        """Say a slim hello until welcomed; the session stays open."""
        await self._welcomed(centre, slim=True)

    async def leave(self) -> None:
        """Goodbye."""
        if self.stream is not None and self.task is not None:
            goodbye = wire.NodeFrame(goodbye=wire.Goodbye(reason="bench"))
            self.stream.frames.put_nowait(goodbye.SerializeToString())
            self.stream.frames.put_nowait(None)
            await asyncio.gather(self.task, return_exceptions=True)

    async def _welcomed(self, centre: Centre, *, slim: bool) -> wire.Welcome:
        while True:
            stream = self.stream = Stream(self.node_id)
            hello = wire.NodeFrame(hello=self.hello(slim=slim))
            stream.frames.put_nowait(hello.SerializeToString())
            context: Any = stream
            self.task = asyncio.create_task(centre.service.connect(None, context))
            answer = await stream.answer
            if answer.WhichOneof("frame") == "welcome":
                return answer.welcome
            assert answer.WhichOneof("frame") == "refusal", answer
            self.refused += 1
            self.timed_out += answer.refusal.code == _TIMED_OUT
            await asyncio.gather(self.task, return_exceptions=True)
            await asyncio.sleep(answer.refusal.retry_after_seconds)

    def _head(self) -> Any:
        return sign_head(signer_of(self.node_id), self._epoch, self._tree.size, self._tree.root())

    def hello(self, *, slim: bool) -> wire.Hello:
        """What it says next."""
        own = self._head().message()
        if slim:
            own = journal.Head(epoch=own.epoch, size=own.size, root=own.root)
        return wire.Hello(
            node_id="" if slim else self.node_id,
            boot_id=bytes(16),
            protocol_min=PROTOCOL_MIN,
            protocol_max=PROTOCOL_MAX,
            own_head=own,
            clock_time=timestamp(CLOCK.wall()),
            token=self._token,
            attempts=1,
        )


async def measure(report: Report, folder: Path, hellos: int) -> None:
    """Once: time until the last one is welcomed, refusals, time-outs, memory."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority(folder / "identities")
    centre = Centre(authority, folder / "centre")
    centre.lease_seconds = 86_400
    await centre.start()
    try:
        callers = [Caller(number) for number in range(hellos)]
        await found(centre, authority, callers)
        await _storm(report, centre, callers)
    finally:
        await centre.stop()


async def found(centre: Centre, authority: Authority, callers: Sequence[Caller]) -> None:
    """The first session of each, without a network; from now on names come with the streams."""
    centre.enrolled.require_node = lambda context: str(context.node_id)  # type: ignore[method-assign] # streams here have no certificate
    authority.nodes |= {one.node_id: signer_of(one.node_id) for one in callers}
    room = asyncio.Semaphore(_FOUNDED_AT_ONCE)

    async def one(caller: Caller) -> None:
        async with room:
            await caller.found(centre)

    await asyncio.gather(*map(one, callers))
    for caller in callers:
        caller.refused = caller.timed_out = 0


async def _storm(report: Report, centre: Centre, callers: list[Caller]) -> None:
    before, watched = resident_kb(), Peak()
    start = time.monotonic()
    await asyncio.gather(*(one.come_back(centre) for one in callers))
    seconds = time.monotonic() - start
    peak = watched.stop()
    refused = sum(one.refused for one in callers)
    report.add(f"{len(callers):,} hellos at once, last one welcomed", "s", [seconds])
    report.add("  told to come back", "times", [float(refused)])
    report.add("  timed out", "", [float(sum(one.timed_out for one in callers))])
    report.add("  memory per session at the peak", "kB", [(peak - before) / len(callers)])
    report.compare(
        "storm, memory per session / 120 kB",
        [(peak - before) / len(callers)],
        [MEMORY_GOAL_KB],
        goal=1.0,
        at_most=True,
    )
    for one in callers:
        await one.leave()


class Peak:
    """The largest resident memory while it watches."""

    def __init__(self) -> None:
        self._peak = 0
        self._task = asyncio.create_task(self._watch())

    def stop(self) -> int:
        """Kilobytes."""
        self._task.cancel()
        return max(self._peak, resident_kb())

    async def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, resident_kb())
            await asyncio.sleep(0.05)


def resident_kb() -> int:
    """Of this process, kilobytes."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE_KB
