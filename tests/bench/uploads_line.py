"""Goodput over a shaped line: our drain to the centre, our upload, rsync and one bare TCP stream.

Owns two hosts (`shaped`): on one a real node and the senders, on the other a real centre and the
receivers. Every system carries the same bytes in the same run; the bare stream is the yardstick.
Rule: a transfer ends when the other side has fsynced and said so. Leaves out the programs.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench import peers
from tests.bench.figures import Candidate, Report, interleave
from tests.bench.line_parties import LineParties
from tests.bench.shaped import ADDRESSES, Line, NoNamespaces, line
from tests.faults.world import Founding

GOAL: Final = 0.97
RATES: Final = {"40 Mbit/s": (40_000_000, 40_000_000), "2 Mbit/s": (2_000_000, 2_000_000)}
ROUNDS_MAX: Final = 3  # a transfer takes about eight seconds
TCP_PORT: Final = 5_001
RSYNC_PORT: Final = 5_002
PLAIN_TCP: Final = str(Path(peers.__file__).parent / "plain_tcp.py")


async def measure(report: Report, folder: Path, founding: Founding, rounds: int) -> None:
    """All figures at both rates."""
    folder.mkdir()
    try:
        with line() as between:
            await _measure(report, folder, (between, founding), min(rounds, ROUNDS_MAX))
    except NoNamespaces as error:
        print(f"bench: WITHOUT the shaped line: {error}", file=sys.stderr, flush=True)


async def _measure(report: Report, folder: Path, world: tuple[Line, Founding], rounds: int) -> None:
    between, founding = world
    received = folder / "received"
    received.mkdir()
    parties = LineParties(between, founding, folder / "parties")
    with _receivers(between, received, folder):
        await parties.start()
        try:
            for name, (rate, size) in RATES.items():
                between.shape(rate)
                candidates: dict[str, Candidate] = {
                    "plain TCP": partial(_plain, between, size),
                    "drain to the centre": partial(parties.drain, size // 8),
                    "upload to the node": partial(parties.upload, size // 8),
                    "rsync --fsync": partial(_rsync, between, folder, size),
                }
                candidates["plain TCP"] = partial(_plain, between, size // 8)
                candidates["rsync --fsync"] = partial(_rsync, between, folder, size // 8)
                _add(report, name, await interleave(candidates, rounds))
        finally:
            parties.end()


def _add(report: Report, rate: str, found: dict[str, list[float]]) -> None:
    for name, rates in found.items():
        report.add(f"{rate}: {name}", "Mbit/s", [one * 8 for one in rates])
    for name, rates in found.items():
        if name != "plain TCP":
            goal = None if name.startswith("rsync") else GOAL
            report.compare(f"{rate}: {name} / plain TCP", rates, found["plain TCP"],
                           goal=goal)  # fmt: skip


@contextmanager
def _receivers(between: Line, received: Path, folder: Path) -> Iterator[None]:
    config = folder / "rsyncd.conf"
    config.write_text(
        f"[place]\npath = {received}\nread only = false\nuse chroot = false\n"
        "uid = root\ngid = root\n",
        "utf-8",
    )
    tcp = [sys.executable, PLAIN_TCP, "receive", ADDRESSES[1], str(TCP_PORT), str(received)]
    rsync = ["rsync", "--daemon", "--no-detach", f"--port={RSYNC_PORT}", f"--config={config}"]
    started = [subprocess.Popen(between.on(1, tcp), stdout=subprocess.PIPE)]
    try:
        assert started[0].stdout is not None
        started[0].stdout.readline()
        started.append(subprocess.Popen(between.on(1, rsync)))
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


async def _plain(between: Line, size: int) -> float:
    command = [sys.executable, PLAIN_TCP, "send", ADDRESSES[1], str(TCP_PORT), str(size)]
    ran = await asyncio.to_thread(
        subprocess.run, between.on(0, command), check=True, capture_output=True, text=True
    )
    return size / 1e6 / float(ran.stdout)


async def _rsync(between: Line, folder: Path, size: int) -> float:
    source = folder / "source.rhs"
    source.write_bytes(os.urandom(size))
    target = f"rsync://{ADDRESSES[1]}:{RSYNC_PORT}/place/"
    command = ["rsync", "--fsync", "--whole-file", "--ignore-times", str(source), target]
    start = time.perf_counter()
    await asyncio.to_thread(subprocess.run, between.on(0, command), check=True)
    return size / 1e6 / (time.perf_counter() - start)
