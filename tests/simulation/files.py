"""A machine's folder: blobs, keys, records, on a real folder in memory, with a disk's faults.

Owns what stands in the place of `lpse.storage.blob_files.disk` while a world runs: it finds the
machine by the path, meets that machine's faults, and remembers what a power cut would take back
(bytes since the last fsync of a file, names since the last fsync of their folder). Rule: a room
figure is a number of the world, never of the host. Leaves out SQLite (`disk`, `sql`).
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lpse.storage.disk import Disk
from tests.simulation.disk import Fault

FREE_BYTES: Final = 64 << 30
_GRAVES: Final = "graves"  # beside the machines: files whose removal was not fsynced yet


class Folder:
    """One machine's folder of files."""

    def __init__(self, path: Path, watch: Callable[[str, str], None]) -> None:
        self.path = path
        self.name = path.name
        self.faults: list[Fault] = []
        self.free = FREE_BYTES
        self.on_crash: Callable[[], None] | None = None
        self.over = False
        self._watch = watch
        self._durable: dict[int, tuple[Path, bytes]] = {}  # by inode: as last fsynced
        self._names: list[tuple[Path, Callable[[], None]]] = []  # folder, and how to take it back
        path.mkdir(parents=True, exist_ok=True)

    def meet(self, operation: str, path: str) -> None:
        """Raise what is planned for this call."""
        if self.over:
            raise OSError(errno.EIO, "this life is over")
        for fault in self.faults:
            if not fault.fires(operation, path):
                continue
            self._watch("fault", f"{self.name} {operation} {fault.kind}")
            if fault.kind == "CRASH" and self.on_crash is not None:
                self.on_crash()
                raise OSError(errno.EIO, "crashed")
            number = errno.ENOSPC if fault.kind == "ENOSPC" else errno.EIO
            raise OSError(number, os.strerror(number))
        if self.free <= 0 and operation in ("write", "allocate"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def touched(self, path: Path, inode: int, content: Callable[[], bytes]) -> None:
        """A file is about to differ from what is durable."""
        if inode not in self._durable:
            self._durable[inode] = (path, content())

    def synced(self, inode: int) -> None:
        """A file's bytes are durable."""
        if self._durable.pop(inode, None) is not None:
            self._watch("fsync", self.name)

    def named(self, folder: Path, back: Callable[[], None]) -> None:
        """A name changed."""
        self._names.append((folder, back))

    def folder_synced(self, folder: Path) -> None:
        """Its names are durable."""
        self._names = [one for one in self._names if one[0] != folder]

    def cut(self) -> None:
        """Power fails."""
        for _, back in reversed(self._names):
            back()
        for inode, (path, content) in sorted(self._durable.items()):
            if path.exists() and path.stat().st_ino == inode:
                path.write_bytes(content)
        self._names.clear()
        self._durable.clear()

    def copy_to(self, target: Path) -> None:
        """A copy of everything, as a backup or a clone takes it."""
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.path, target, symlinks=True)

    def stand_as(self, source: Path) -> None:
        """Stand as in that copy."""
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(source, self.path, symlinks=True)
        self._names.clear()
        self._durable.clear()


class CountryDisk(Disk):
    """`Disk` for every machine below one root; the first part of a path names the machine."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._folders: dict[str, Folder] = {}
        self._open: dict[int, tuple[Folder, Path]] = {}
        self._graves = self._root / _GRAVES
        self._buried = 0
        self._graves.mkdir(parents=True, exist_ok=True)

    def add(self, folder: Folder) -> None:
        """Let a machine's files be found."""
        self._folders[folder.name] = folder

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        folder = self._meet("open", path)
        descriptor = super().open(path, flags, mode)
        self._open[descriptor] = (folder, path.absolute())
        return descriptor

    def write(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        folder, path = self._open[descriptor]
        self._before(folder, path, descriptor, "write")
        return super().write(descriptor, data, offset)

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        folder, path = self._open[descriptor]
        folder.meet("read", str(path))
        return super().read(descriptor, size, offset)

    def truncate(self, descriptor: int, size: int) -> None:
        folder, path = self._open[descriptor]
        self._before(folder, path, descriptor, "truncate")
        super().truncate(descriptor, size)

    def allocate(self, descriptor: int, size: int) -> None:
        folder, path = self._open[descriptor]
        self._before(folder, path, descriptor, "allocate")
        super().truncate(descriptor, size)  # sparse: a ballast costs the host nothing

    def sync(self, descriptor: int) -> None:
        folder, path = self._open[descriptor]
        folder.meet("sync", str(path))
        if path.is_dir():
            folder.folder_synced(path)
        else:
            folder.synced(os.fstat(descriptor).st_ino)

    def rename(self, source: Path, target: Path) -> None:
        folder = self._meet("rename", target)
        grave = self._bury(target)
        super().rename(source, target)

        def back() -> None:
            if target.exists():
                target.replace(source)
            if grave is not None:
                grave.replace(target)

        folder.named(target.parent.absolute(), back)

    def unlink(self, path: Path) -> None:
        folder = self._meet("unlink", path)
        grave = self._bury(path)
        if grave is not None:
            folder.named(path.parent.absolute(), lambda: _undig(grave, path))

    def make_folder(self, path: Path) -> None:
        self._meet("make_folder", path)
        super().make_folder(path)

    def free(self, folder: Path) -> int:
        return max(0, self._meet("free", folder).free)

    def _bury(self, path: Path) -> Path | None:
        if not path.exists():
            return None
        self._buried += 1
        grave = self._graves / str(self._buried % 10_000)
        path.replace(grave)
        return grave

    def _before(self, folder: Folder, path: Path, descriptor: int, operation: str) -> None:
        folder.meet(operation, str(path))
        inode = os.fstat(descriptor).st_ino
        folder.touched(path, inode, path.read_bytes)

    def _meet(self, operation: str, path: Path) -> Folder:
        folder = self._folders[path.absolute().relative_to(self._root).parts[0]]
        folder.meet(operation, str(path))
        return folder


def _undig(grave: Path, path: Path) -> None:
    if grave.exists():
        grave.replace(path)
