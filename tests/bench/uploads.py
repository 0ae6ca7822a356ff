"""Uploads of vendors over HTTP, beside the programs that people use for it, on the same disk.

Owns the rounds, the table and the goals: one large file against the bare steps over the same HTTP
server; many small files against two tus servers, once as `tus-js-client` sends them by default
(create, then PATCH) and once with the bytes in the creation; records with a receipt; memory; and
what was acknowledged and is lost after kill -9 and after a power cut. One client program for all
(`tus_client`). Leaves out the slow line (`uploads_line`) and starting programs.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench import losses, peer_programs, uploads_line, uploads_memory
from tests.bench.figures import Candidate, Report, interleave
from tests.bench.peer_programs import System, Unavailable
from tests.bench.tus_client import Manner, TusConnection, send_all
from tests.bench.upload_node import UploadNode, found
from tests.faults.disks import DisksImpossible

LARGE_GOAL: Final = 0.8
SMALL_GOAL: Final = 2.0
LARGE_BYTES: Final = 200_000_000
SMALL_BYTES: Final = 100_000
SMALL_COUNT: Final = 500
RECORD_BYTES: Final = 4_096
RECORD_COUNT: Final = 200  # a package takes 2,000 submissions, and there are two
AT_ONCE: Final = (1, 8)
RECORDS_AT_ONCE: Final = (1, 8, 64)
SEED: Final = 20_150_327


async def measure(folder: Path, rounds: int) -> Report:
    """All figures of this benchmark."""
    report = Report("uploads", "uploads over HTTP, and what is left of them after a crash")
    node = UploadNode(await found(folder / "founding"))
    systems: dict[str, System] = {"ours": node, "ceiling": peer_programs.ceiling()}
    systems |= _peers()
    for name, system in systems.items():
        await system.start(folder / name.replace("/", "-"))
    try:
        say("a large file")
        await _large(report, systems, rounds)
        say("small files")
        for at_once in AT_ONCE:
            for with_upload in (False, True):
                await _small(report, systems, rounds, (at_once, with_upload))
        say("records and memory")
        for at_once in RECORDS_AT_ONCE:
            await _records(report, systems, node, rounds, at_once)
        await uploads_memory.measure(report, node)
    finally:
        for system in systems.values():
            system.kill()
    say("kills and power cuts")
    await _losses(report, folder, systems)
    say("the slow line")
    await uploads_line.measure(report, folder / "line", node.founding, rounds)
    return report


def _peers() -> dict[str, System]:
    found: dict[str, System] = {}
    for make in (peer_programs.tus_node_server, peer_programs.tuspy_server):
        try:
            peer = make()
            found[peer.name] = peer
        except Unavailable as error:
            say(f"WITHOUT {make.__name__}: {error}")
    return found


async def _large(report: Report, systems: dict[str, System], rounds: int) -> None:
    candidates: dict[str, Candidate] = {
        name: partial(_upload, system, [LARGE_BYTES], 1, False) for name, system in systems.items()
    }
    candidates["ceiling"] = partial(_ceiling, systems["ceiling"], LARGE_BYTES)
    found = await interleave(candidates, rounds)
    for name, rates in found.items():
        report.add(f"one file of 200 MB: {name}", "MB/s", rates)
    ours = found["ours"]
    report.compare("200 MB: ours / ceiling", ours, found["ceiling"], goal=LARGE_GOAL)
    for name in _peer_names(found):
        report.compare(f"200 MB: ours / {name}", ours, found[name])


async def _small(
    report: Report, systems: dict[str, System], rounds: int, mode: tuple[int, bool]
) -> None:
    at_once, with_upload = mode
    sizes = [SMALL_BYTES] * SMALL_COUNT
    candidates: dict[str, Candidate] = {
        name: partial(_upload, system, sizes, at_once, with_upload)
        for name, system in systems.items()
        if name != "ceiling"
    }
    found = await interleave(candidates, rounds)
    how = f"{at_once} at once, {'bytes in the creation' if with_upload else 'create, then PATCH'}"
    for name, rates in found.items():
        files = [rate * 1e6 / SMALL_BYTES for rate in rates]
        report.add(f"500 x 100 kB, {how}: {name}", "files/s", files)
    if peers := _peer_names(found):
        faster = max(peers, key=lambda name: sum(found[name]))
        about = f"500 x 100 kB, {how}: ours / {faster}"
        report.compare(about, found["ours"], found[faster], goal=SMALL_GOAL)


async def _records(
    report: Report, systems: dict[str, System], node: UploadNode, rounds: int, at_once: int
) -> None:
    sizes = [RECORD_BYTES] * RECORD_COUNT
    candidates: dict[str, Candidate] = {
        name: partial(_upload, system, sizes, at_once, True)
        for name, system in systems.items()
        if name != "ceiling"
    }
    candidates["ours, with submit and receipt"] = partial(_submit, node, at_once)
    for name, rates in (await interleave(candidates, rounds)).items():
        scale = 1.0 if "receipt" in name else 1e6 / RECORD_BYTES
        report.add(
            f"records of 4 kB, {at_once} at once: {name}", "/s", [rate * scale for rate in rates]
        )


async def _upload(system: System, sizes: Sequence[int], at_once: int, with_upload: bool) -> float:
    """MB/s from the first connection to the last acknowledgement."""
    contents = _contents(sizes)
    await system.expect(len(sizes))
    start = time.perf_counter()
    await asyncio.to_thread(send_all, system.place, contents, Manner(at_once, with_upload))
    return sum(sizes) / 1e6 / (time.perf_counter() - start)


async def _ceiling(system: System, size: int) -> float:
    (content,) = _contents([size])
    start = time.perf_counter()
    await asyncio.to_thread(_post, system, content)
    return size / 1e6 / (time.perf_counter() - start)


def _post(system: System, content: bytes) -> None:
    connection = TusConnection(system.place(0))
    connection.post(system.place(0).path, content)
    connection.close()


async def _submit(node: UploadNode, at_once: int) -> float:
    """Submissions per second: one grant, one file, one receipt each."""
    contents = _contents([RECORD_BYTES] * RECORD_COUNT)
    await node.expect(RECORD_COUNT, each=1)
    start = time.perf_counter()
    manner = Manner(at_once, with_upload=True, then=TusConnection.submit)
    await asyncio.to_thread(send_all, node.place, contents, manner)
    return RECORD_COUNT / (time.perf_counter() - start)


async def _losses(report: Report, folder: Path, systems: dict[str, System]) -> None:
    tries: list[tuple[str, Callable[[], object]]] = []
    for name, system in systems.items():
        if name == "ceiling":
            continue
        place = folder / f"loss-{name.replace('/', '-')}"
        place.mkdir()
        tries.append((f"{name}, kill -9", partial(losses.after_kill, system, place / "k", SEED)))
        tries.append((f"{name}, power cut", partial(losses.after_power_cut, system, place, SEED)))
    for name, attempt in tries:
        try:
            loss = await attempt()  # type: ignore[misc]  # each of them is a coroutine function
            _add_loss(report, name, loss)
        except DisksImpossible as error:
            say(f"WITHOUT {name}: {error}")
    place = folder / "loss-rsync"
    place.mkdir()
    try:
        loss = await asyncio.to_thread(losses.rsync_after_power_cut, place, SEED)
        _add_loss(report, "rsync --fsync, power cut", loss)
    except (DisksImpossible, FileNotFoundError) as error:
        say(f"WITHOUT rsync: {error}")


def _add_loss(report: Report, name: str, loss: losses.Loss) -> None:
    report.add(f"acknowledged uploads, {name}", "", [float(loss.uploads)])
    report.add(f"  of them LOST, {name}", "", [float(loss.uploads_lost)])
    report.add(f"  acknowledged MB of a long upload LOST, {name}", "MB",
               [loss.piece_bytes_lost / 1e6])  # fmt: skip
    if loss.resumed_whole is not None:
        answer = 0.0 if loss.resumed_whole else 1.0
        report.add(f"  resumed uploads complete and CORRUPT, {name}", "", [answer])


def _peer_names(found: dict[str, list[float]]) -> list[str]:
    return [name for name in found if name not in ("ours", "ceiling")]


def _contents(sizes: Sequence[int]) -> list[bytes]:
    """New bytes each time; large ones repeat a block, for nobody here compresses."""
    block = os.urandom(1 << 20)
    made = []
    for size in sizes:
        mark = os.urandom(16)
        made.append((mark + block * (size // len(block) + 1))[:size])
    return made


def say(text: str) -> None:
    """To the person who runs the bench."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
