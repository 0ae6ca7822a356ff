"""A node whose data disk fills up: it refuses cleanly, stays up, and recovers by itself.

Needs a small file system of its own; where this process may not mount one, the tests say so loudly.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse.federation.limits import BLOB_RESERVE_BYTES_MIN
from tests.faults.checker import check_node, node_at
from tests.faults.conftest import Copy
from tests.faults.disks import fill
from tests.faults.vendors import Submission, Vendors
from tests.faults.world import Node

DISK_BYTES = 256 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An ext4 file system of its own, mounted over a loop device."""
    image, place = tmp_path / "disk.img", tmp_path / "disk"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    for command in (
        ["mkfs.ext4", "-q", "-m", "0", str(image)],
        ["mount", "-o", "loop", str(image), str(place)],
    ):
        try:
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            ran = None
        if ran is None or ran.returncode:
            text = f"FULL DISK NOT TESTED: {command[0]} is not possible here"
            warnings.warn(text, stacklevel=1)
            pytest.skip(text)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


async def test_full_disk_refuses_and_recovers_by_itself(copy: Copy, small_disk: Path) -> None:
    """Invariants 1, 4 and 12: no half submission, no restart, every older receipt still there."""
    _, nodes = copy(0)
    node = _on(nodes["lpse-pacitan"], small_disk)
    vendors = Vendors(random.Random(5))
    before, during, after = vendors.plan(9, bytes_max=200_000)[::3]
    await node.start()
    assert await vendors.try_once(node.socket, before), vendors.refused
    filler = small_disk / "filler"
    fill(filler, leave=BLOB_RESERVE_BYTES_MIN // 2)

    assert not await vendors.try_once(node.socket, during)
    assert "FED-5010" in vendors.refused[during.key] or "room" in vendors.refused[during.key]
    fill(filler, leave=0)
    assert not await vendors.try_once(node.socket, during)
    assert node.process is not None and node.process.poll() is None, node.tail()
    assert await vendors.try_once(node.socket, before), "an older receipt is not answered again"

    filler.unlink()
    assert await vendors.try_once(node.socket, during), vendors.refused
    assert await vendors.try_once(node.socket, after), vendors.refused
    await node.kill()
    check_node(node_at(node.name, node.data), vendors.given)
    given = [submission for submission, _ in vendors.given.values()]
    assert _stored(node) == {digest.hex() for one in given for digest in one.digests}


async def test_disk_that_fills_in_mid_upload_keeps_nothing(copy: Copy, small_disk: Path) -> None:
    """What was admitted and then met a full disk leaves no bytes behind, and can be repeated."""
    _, nodes = copy(0)
    node = _on(nodes["lpse-pacitan"], small_disk)
    vendors = Vendors(random.Random(6))
    large = Submission("fault-large", "7781013", (random.Random(6).randbytes(40_000_000),))
    await node.start()
    filler = small_disk / "filler"
    fill(filler, leave=BLOB_RESERVE_BYTES_MIN + 41_000_000)
    await vendors.race(node.socket, large, lambda: fill(filler, leave=0))
    assert not vendors.given
    assert node.process is not None and node.process.poll() is None, node.tail()
    filler.unlink()
    assert await vendors.try_once(node.socket, large), vendors.refused
    await node.kill()
    check_node(node_at(node.name, node.data), vendors.given)
    assert _stored(node) == {large.digests[0].hex()}


def _on(node: Node, disk: Path) -> Node:
    """The same node with its data on another disk."""
    data = disk / "n"
    shutil.copytree(node.data, data)
    node.data, node.environment["LPSE_NODE__DATA"] = data, str(data)
    return node


def _stored(node: Node) -> set[str]:
    """Names of the blobs on disk, and of parts that should not be there."""
    blobs = node.data / "blobs"
    return {path.name for path in blobs.rglob("*") if path.is_file()}
