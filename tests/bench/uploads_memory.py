"""Memory of the node's process: one upload of 2 GB, and a thousand slow ones at the same time.

Owns the reading of the peak (the kernel's high-water mark, reset before) and the slow vendors.
Rule: growth is what the peak has above what the process had just before. Leaves out starting the
node.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.bench.figures import Report
from tests.bench.tus_client import TusConnection
from tests.bench.upload_node import UploadNode

GOAL_MEGABYTES: Final = 64.0
BLOCK_BYTES: Final = 1 << 20
BLOCKS: Final = 2_000
SLOW: Final = 1_000
SLOW_FILE_BYTES: Final = 256 * 1024
SLOW_PIECE_BYTES: Final = 2_048
SLOW_SECONDS: Final = 10.0
TUS: Final = "Tus-Resumable: 1.0.0\r\n"


async def measure(report: Report, node: UploadNode) -> None:
    """Both figures."""
    await node.expect(1, each=1)
    before = _reset(node.pid)
    start = time.perf_counter()
    await asyncio.to_thread(_large, node)
    rate = BLOCK_BYTES * BLOCKS / 1e6 / (time.perf_counter() - start)
    report.add("one file of 2 GB", "MB/s", [rate])
    grown = _peak(node.pid) - before
    report.add("memory growth with a file of 2 GB", "MB", [grown])
    report.compare("memory growth / 64 MB, 2 GB", [grown], [GOAL_MEGABYTES], goal=1, at_most=True)
    await node.expect(SLOW, each=50)
    before = _reset(node.pid)
    whole = await _slow(node)
    report.add("slow uploads under way at one time", "", [float(whole)])
    report.add("memory growth with them", "MB", [_peak(node.pid) - before])


def _large(node: UploadNode) -> None:
    place = node.place(0)
    connection = TusConnection(place)
    path = connection.create(place.path, BLOCK_BYTES * BLOCKS)
    reached = connection.patch_repeated(path, os.urandom(BLOCK_BYTES), BLOCKS)
    assert reached == BLOCK_BYTES * BLOCKS
    connection.close()


async def _slow(node: UploadNode) -> int:
    """How many vendors were still being served when the time was over."""
    paths = await asyncio.to_thread(_create, node)
    end = asyncio.get_running_loop().time() + SLOW_SECONDS
    served = await asyncio.gather(*(_one_slow(node, path, end) for path in paths))
    return sum(served)


def _create(node: UploadNode) -> list[str]:
    connection = TusConnection(node.place(0))
    made = [connection.create(node.place(n).path, SLOW_FILE_BYTES) for n in range(SLOW)]
    connection.close()
    return made


async def _one_slow(node: UploadNode, path: str, end: float) -> bool:
    reader, writer = await asyncio.open_connection(node.place(0).host, node.place(0).port)
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: node\r\n{TUS}Upload-Offset: 0\r\n"
        "Content-Type: application/offset+octet-stream\r\n"
        f"Content-Length: {SLOW_FILE_BYTES}\r\n\r\n"
    )
    writer.write(head.encode())
    piece = bytes(SLOW_PIECE_BYTES)
    answered = asyncio.create_task(reader.read(1))  # an answer before the end is a refusal
    try:
        while asyncio.get_running_loop().time() < end and not answered.done():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.5)
        return not answered.done()
    except ConnectionError:
        return False
    finally:
        answered.cancel()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def _reset(pid: int) -> float:
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")
    return _status(pid, "VmRSS")


def _peak(pid: int) -> float:
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> float:
    """Megabytes."""
    for text in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if text.startswith(f"{name}:"):
            return int(text.split()[1]) * 1024 / 1e6
    raise AssertionError(name)
