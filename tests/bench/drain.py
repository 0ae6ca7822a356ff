"""Queue drain in MB/s over mTLS, against the same steps done locally.

Ours is the node's real queue worker in this process and the real Transfer service in another one:
claim, read, send, hash, write, fsync, re-read, name, rows and VERIFIED. The yardsticks: a plain
loop that reads, hashes, writes, fsyncs, re-reads and names the same files on the same disk; and the
same bytes over a bare mTLS stream that drops them. "Receive, then the steps" is their sum.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lpse.runtime import tls
from lpse.runtime.channels import open_channel
from tests.bench.drain_centre import BARE, CENTRE_KEY, NODE, NODE_KEY
from tests.bench.figures import Candidate, Report, interleave
from tests.federation.rig import CLOCK, Authority, eventually
from tests.federation.transfers import DrainingNode, TransferCentre

GOAL = 0.8
PIECE_BYTES = 1 << 20
LARGE = [128 * PIECE_BYTES]
SMALL = [100_000] * 300
DRAIN_SECONDS_MAX = 60  # a transfer that fails again and again is a fault, not a figure
_NUMBERS = itertools.count()


class _Known(Authority):
    """The keys that the other process has as well."""

    def __init__(self, identity: Path) -> None:
        self.centre = CENTRE_KEY
        self.nodes = {NODE: NODE_KEY}
        self._identity = identity

    def node(self, node_id: str) -> Path:
        """The bench's only node."""
        return self._identity


class _Elsewhere(TransferCentre):
    """The ports of the centre in the other process; never started here."""

    def __init__(self, port: int, transfer_port: int) -> None:
        self.port, self.transfer_port = port, transfer_port


async def measure(folder: Path, rounds: int) -> Report:
    """All figures of this benchmark."""
    report = Report("drain", "sealed bytes from the node's queue to VERIFIED at the centre")
    command = [sys.executable, "-m", "tests.bench.drain_centre", str(folder)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        ports = json.loads(await process.stdout.readline())
        authority = _Known(Path(ports["identity"]))
        elsewhere = _Elsewhere(ports["link"], ports["transfer"])
        node = DrainingNode(authority, folder / "node", NODE, elsewhere)
        await node.start()
        try:
            await eventually(node.is_open)
            for name, sizes in (("one large file", LARGE), ("300 files of 100 kB", SMALL)):
                await _compare(report, name, sizes, (node, ports["bare"], folder / "local"), rounds)
        finally:
            await node.stop()
    finally:
        process.kill()
        await process.wait()
    return report


async def _compare(
    report: Report,
    name: str,
    sizes: Sequence[int],
    parts: tuple[DrainingNode, int, Path],
    rounds: int,
) -> None:
    node, bare_port, local = parts
    local.mkdir(exist_ok=True)
    candidates: dict[str, Candidate] = {
        "drain": partial(_drain, node, sizes),
        "local": partial(_local, local, sizes),
        "bare": partial(_bare, node.identity, bare_port, sizes),
    }
    found = await interleave(candidates, rounds)
    report.add(f"{name}: drain", "MB/s", found["drain"])
    report.add(f"{name}: same steps locally", "MB/s", found["local"])
    report.add(f"{name}: bare mTLS stream", "MB/s", found["bare"])
    both = [1 / (1 / a + 1 / b) for a, b in zip(found["local"], found["bare"], strict=True)]
    goal = GOAL if len(sizes) == 1 else None
    report.compare(f"{name}: drain / receive, then steps", found["drain"], both, goal=goal)
    report.compare(f"{name}: drain / same steps locally", found["drain"], found["local"])


async def _drain(node: DrainingNode, sizes: Sequence[int]) -> float:
    await node.accept(*_contents(sizes))
    size = node.journal.head.size
    await eventually(lambda: node.stored_size(node.journal.epoch) >= size)
    await node.drain.follow()
    start = time.perf_counter()
    async with asyncio.timeout(DRAIN_SECONDS_MAX):
        while not await node.drained():
            await node.drain.step(CLOCK.wall())
    return _megabytes(sizes) / (time.perf_counter() - start)


async def _local(folder: Path, sizes: Sequence[int]) -> float:
    sources = []
    for content in _contents(sizes):
        source = folder / f"source-{next(_NUMBERS)}"
        source.write_bytes(content)
        sources.append(source)
    os.sync()
    start = time.perf_counter()
    for source in sources:
        _steps(source, folder)
    return _megabytes(sizes) / (time.perf_counter() - start)


def _steps(source: Path, folder: Path) -> None:
    """Read, hash, write, fsync, re-read, name, fsync the folder."""
    draft = folder / "draft"
    hashed = hashlib.sha256()
    with source.open("rb") as reader, draft.open("wb") as writer:
        while data := reader.read(PIECE_BYTES):
            hashed.update(data)
            writer.write(data)
        writer.flush()
        os.fsync(writer.fileno())
    with draft.open("rb") as reader:
        again = hashlib.file_digest(reader, "sha256")
    assert again.digest() == hashed.digest()
    draft.replace(folder / again.hexdigest())
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


async def _bare(identity: Path, port: int, sizes: Sequence[int]) -> float:
    contents = _contents(sizes)
    channel = open_channel(
        f"127.0.0.1:{port}", tls.client_credentials(identity), server_name=tls.CENTRE_SERVER_NAME
    )
    async with channel:
        call: Any = channel.stream_unary(BARE)
        await call(_pieces(contents[:1]))  # the connection is there before the clock runs
        start = time.perf_counter()
        answer = await call(_pieces(contents))
        took = time.perf_counter() - start
    assert int(answer) == sum(sizes)
    return _megabytes(sizes) / took


async def _pieces(contents: Sequence[bytes]) -> AsyncIterator[bytes]:
    for content in contents:
        for at in range(0, len(content), PIECE_BYTES):
            yield content[at : at + PIECE_BYTES]


def _contents(sizes: Sequence[int]) -> list[bytes]:
    """New bytes each time: what is known already is not sent."""
    block = os.urandom(PIECE_BYTES)
    made = []
    for size in sizes:
        mark = next(_NUMBERS).to_bytes(16, "big")
        body = block[: size - 16] if size < PIECE_BYTES else block * (size // PIECE_BYTES)
        made.append((mark + body)[:size])
    return made


def _megabytes(sizes: Sequence[int]) -> float:
    return sum(sizes) / 1e6
