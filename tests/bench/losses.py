"""What a system acknowledged and no longer has, after kill -9 and after a power cut.

Owns the vendors' side: uploads of many sizes, one of them piece by piece, and the list of what the
server said it has. A power cut is a copy of the live image of a loop-mounted ext4: what was in the
page cache is gone, as when the plug is pulled. Rule: only what was acknowledged before the copy
began counts. Leaves out starting systems (`peer_programs`, `upload_node`).
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from pathlib import Path
from typing import Final

from tests.bench.peer_programs import System
from tests.bench.tus_client import TusConnection, Unexpected, send_one
from tests.faults.disks import Disk

IMAGE_BYTES: Final = 2 << 30
COMMIT_SECONDS: Final = 5  # as ext4 is mounted everywhere
WORK_SECONDS: Final = 7.0  # longer than one commit of the file system
VENDORS: Final = 3
PIECE_BYTES: Final = 256 * 1024
LONG_BYTES: Final = 512 << 20
BROKEN_BYTES: Final = 24 << 20
UPLOADS_APART: Final = 50
UPLOADS_MAX: Final = 10_000


@dataclass
class Acknowledged:
    """What a server said: whole uploads, and how far the long one had come."""

    whole: dict[str, bytes] = field(default_factory=dict)
    long_path: str = ""
    long_content: bytes = b""
    long_offset: int = 0
    broken_path: str = ""
    broken_content: bytes = b""

    def copy(self) -> Acknowledged:
        """As of now."""
        return replace(self, whole=dict(self.whole))


@dataclass(frozen=True, slots=True)
class Loss:
    """Uploads and bytes that were acknowledged, and those of them that are gone or differ.

    `resumed_whole`: an upload that was broken off in the middle of a request, resumed from where
    the server said and acknowledged as complete, has its bytes; None where it could not be tried.
    """

    uploads: int
    uploads_lost: int
    piece_bytes: int
    piece_bytes_lost: int
    resumed_whole: bool | None = None


class Vendors:
    """Upload until the server is gone."""

    def __init__(self, system: System, seed: int) -> None:
        self.acknowledged = Acknowledged()
        self._system = system
        self._lock = threading.Lock()
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        self._number = UPLOADS_APART  # the long ones have places of their own
        works: list[Callable[[], None]] = [*[self._whole] * VENDORS, self._long, self._broken]
        self._threads = [threading.Thread(target=self._until_gone, args=[work]) for work in works]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Stop after the present request."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def snapshot(self) -> Acknowledged:
        """What was acknowledged up to now."""
        with self._lock:
            return self.acknowledged.copy()

    def _until_gone(self, work: Callable[[], None]) -> None:
        with suppress(OSError, HTTPException, Unexpected):
            work()

    def _whole(self) -> None:
        connection = TusConnection(self._system.place(0))
        while not self._stop.is_set():
            with self._lock:
                size = self._chance.choice((3_000, 40_000, 100_000, 600_000))
                content = self._chance.randbytes(size)
                self._number += 1
                collection = self._system.place(self._number).path
            path = send_one(connection, collection, content, with_upload=True)
            with self._lock:
                self.acknowledged.whole[path] = content

    def _long(self) -> None:
        content = random.Random(7).randbytes(LONG_BYTES >> 5) * 32
        connection = TusConnection(self._system.place(1))
        path = connection.create(self._system.place(1).path, len(content))
        with self._lock:
            self.acknowledged.long_path, self.acknowledged.long_content = path, content
        offset = 0
        while offset < len(content) and not self._stop.is_set():
            offset = connection.patch(path, offset, content[offset : offset + PIECE_BYTES])
            with self._lock:
                self.acknowledged.long_offset = offset

    def _broken(self) -> None:
        """One request that is never whole: its bytes come slowly, until the server is gone."""
        content = random.Random(11).randbytes(BROKEN_BYTES)
        connection = TusConnection(self._system.place(2))
        path = connection.create(self._system.place(UPLOADS_APART).path, len(content))
        with self._lock:
            self.acknowledged.broken_path, self.acknowledged.broken_content = path, content
        connection.patch_slowly(path, content, WORK_SECONDS * 2, self._stop)


async def after_kill(system: System, folder: Path, seed: int) -> Loss:
    """Kill the server while it takes uploads, start it again, ask for everything."""
    await system.start(folder)
    await system.expect(UPLOADS_MAX)
    vendors = Vendors(system, seed)
    vendors.start()
    await asyncio.sleep(WORK_SECONDS)
    system.kill()
    vendors.join()
    await system.start(folder)
    try:
        return await asyncio.to_thread(_compare, system, vendors.snapshot())
    finally:
        system.kill()


async def after_power_cut(system: System, folder: Path, seed: int) -> Loss:
    """Cut the power while the server takes uploads, start it on what is left, ask again."""
    disk = Disk(folder, "vendors", size=IMAGE_BYTES, commit_seconds=COMMIT_SECONDS)
    try:
        await system.start(disk.place / "data")
        await system.expect(UPLOADS_MAX)
        await asyncio.to_thread(os.sync)  # what was installed long ago is on the disk
        vendors = Vendors(system, seed)
        vendors.start()
        await asyncio.sleep(WORK_SECONDS)
        told = vendors.snapshot()
        system.freeze()
        await asyncio.to_thread(disk.copy_at_once)
        system.kill()
        vendors.join()
        disk.come_back()
        await system.start(disk.place / "data")
        return await asyncio.to_thread(_compare, system, told)
    finally:
        system.kill()
        disk.unmount()


def _compare(system: System, told: Acknowledged) -> Loss:
    connection = TusConnection(system.place(0))
    lost = 0
    for path, content in told.whole.items():
        whole = connection.offset(path) == len(content)
        lost += not (whole and system.bytes_of(path, content) == content)
    reached = connection.offset(told.long_path) if told.long_path else 0
    kept = system.bytes_of(told.long_path, b"") if told.long_path else b""
    sure = min(reached or 0, told.long_offset)
    if kept is not None and kept[:sure] != told.long_content[:sure]:
        sure = 0
    connection.close()
    resumed = _resume(system, told)
    return Loss(len(told.whole), lost, told.long_offset, told.long_offset - sure, resumed)


def _resume(system: System, told: Acknowledged) -> bool | None:
    path, content = told.broken_path, told.broken_content
    connection = TusConnection(system.place(2))
    offset = connection.offset(path) if path else None
    try:
        if offset is None:
            return None
        while offset < len(content):
            offset = connection.patch(path, offset, content[offset:])
        return system.bytes_of(path, content) == content
    except (OSError, HTTPException, Unexpected):
        return None
    finally:
        connection.close()


def rsync_after_power_cut(folder: Path, seed: int) -> Loss:
    """`rsync --fsync`, one file after the other: a file counts when rsync has ended well."""
    source = folder / "source"
    source.mkdir()
    chance = random.Random(seed)
    told: dict[str, bytes] = {}
    disk = Disk(folder, "copies", size=IMAGE_BYTES, commit_seconds=COMMIT_SECONDS)
    try:
        end = time.monotonic() + WORK_SECONDS
        while time.monotonic() < end:
            name, content = f"{len(told)}.rhs", chance.randbytes(chance.choice((3_000, 600_000)))
            (source / name).write_bytes(content)
            subprocess.run(["rsync", "--fsync", str(source / name), f"{disk.place}/"], check=True)
            told[name] = content
        disk.copy_at_once()
        disk.come_back()
        found = {path.name: path.read_bytes() for path in disk.place.glob("*.rhs")}
    finally:
        disk.unmount()
    lost = sum(found.get(name) != content for name, content in told.items())
    return Loss(len(told), lost, 0, 0)
