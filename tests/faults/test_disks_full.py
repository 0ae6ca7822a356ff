"""A disk that a foreign program fills to its last block: what still works, and the way back.

Needs a small file system of its own; where this process may not mount one, the test says so loudly.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from lpse.storage.ballast import ballast_bytes
from tests.faults.checker import check_node, node_at
from tests.faults.conftest import Copy
from tests.faults.disks import fill
from tests.faults.test_full_disk import _on, small_disk
from tests.faults.vendors import Vendors
from tests.faults.world import Node, call, package

__all__ = ["small_disk"]  # the fixture
WAIT_SECONDS = 60.0


async def test_ballast_lets_records_and_draining_go_on_and_comes_back(
    copy: Copy, small_disk: Path, tmp_path: Path
) -> None:
    """Invariant 1: on a full disk uploads are refused, everything else commits, also a restart."""
    centre, nodes = copy(0)
    node = _on(nodes["lpse-pacitan"], small_disk)
    vendors = Vendors(random.Random(9))
    before, during = vendors.plan(2, bytes_max=90_000)
    await node.start()
    assert await vendors.try_once(node.socket, before), vendors.refused
    held = ballast_bytes(node.data)
    assert held > 0
    filler = small_disk / "filler"
    assert node.process is not None
    os.kill(node.process.pid, signal.SIGSTOP)  # or the filler takes the ballast's room as well
    fill(filler, leave=0)
    os.kill(node.process.pid, signal.SIGCONT)

    await centre.start()
    await _until(lambda: all(_at(centre.data, digest) for digest in before.digests))
    for number in range(3):
        _import(node, tmp_path, number, count=60)
    assert ballast_bytes(node.data) == 0, "the room was not needed: the disk was not full"
    assert not await vendors.try_once(node.socket, during)
    assert "FED-5010" in vendors.refused[during.key] or "room" in vendors.refused[during.key]
    assert await vendors.try_once(node.socket, before), "an older receipt is not answered again"
    told = call("lpse-node", "status", environment=node.environment)
    assert told["disk"]["state"] == "FULL"

    await node.kill()
    await node.start()
    _import(node, tmp_path, 99, count=1)
    filler.unlink()
    await _until(lambda: ballast_bytes(node.data) == held)
    assert await vendors.try_once(node.socket, during), vendors.refused
    assert call("lpse-node", "status", environment=node.environment)["disk"]["state"] == "OK"
    await node.kill()
    check_node(node_at(node.name, node.data), vendors.given)


async def test_disk_that_the_kernel_made_read_only_ends_the_node(
    copy: Copy, small_disk: Path
) -> None:
    """Invariant 1: a write that the kernel refuses ends the node, and a later start has all."""
    _, nodes = copy(0)
    node = _on(nodes["lpse-pacitan"], small_disk)
    os.sync()  # the copy of the founded node, which no daemon has fsynced
    node.log_folder = small_disk.parent  # the daemon's words must not need the disk
    vendors = Vendors(random.Random(10))
    before, during = vendors.plan(2, bytes_max=90_000)
    await node.start()
    assert await vendors.try_once(node.socket, before), vendors.refused
    await asyncio.to_thread(_abort, small_disk)
    assert not await vendors.try_once(node.socket, during)
    assert node.process is not None
    assert await asyncio.to_thread(node.process.wait, WAIT_SECONDS) == 1, node.tail()
    assert '"FED-1102"' in node.tail(60)
    image = small_disk.with_name("disk.img")
    await asyncio.to_thread(_mount_again, image, small_disk)
    await node.start()
    assert await vendors.try_once(node.socket, during), vendors.refused
    await node.kill()
    check_node(node_at(node.name, node.data), vendors.given)


def _import(node: Node, folder: Path, number: int, *, count: int) -> None:
    """Journalled records that an officer brings, a few kB each."""
    file = folder / f"{number}.json"
    name = ("jembatan " * 30).strip()
    told = [package(f"88{number:02}{one:03}") | {"name": name} for one in range(count)]
    file.write_text(json.dumps(told), "utf-8")
    call("lpse-node", "package", "import", str(file), environment=node.environment)


def _abort(place: Path) -> None:
    """What the kernel does to an ext4 after an error: nothing is written any more."""
    subprocess.run(["mount", "-o", "remount,abort", str(place)], check=True)


def _mount_again(image: Path, place: Path) -> None:
    subprocess.run(["umount", str(place)], check=True)
    subprocess.run(["e2fsck", "-p", "-f", str(image)], check=False, capture_output=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=True)


def _at(data: Path, digest: bytes) -> bool:
    return (data / "blobs" / "sha256" / digest.hex()[:2] / digest.hex()).exists()


async def _until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + WAIT_SECONDS
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < give_up, "it did not come"
        await asyncio.sleep(0.1)
