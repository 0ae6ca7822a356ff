"""A disk that remembers what a power cut would leave, and one that writes other bytes.

Owns the model: bytes count when their file was fsynced after them, a name when its folder was
fsynced after it. Rule: everything is really done too, so that the code under test notices nothing.
Leaves out every assertion.
"""

from __future__ import annotations

import os
from pathlib import Path

from lpse.storage.disk import Disk


class CutDisk(Disk):
    """The machine's disk, and what of it would be there after a cut."""

    def __init__(self) -> None:
        self._bytes: dict[int, bytes] = {}  # of files, by inode
        self._names: dict[Path, dict[str, int]] = {}  # of folders: names and inodes

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.is_dir():
            self._names[path] = {one.name: one.inode() for one in os.scandir(path)}
        else:
            found = os.fstat(descriptor)
            self._bytes[found.st_ino] = os.pread(descriptor, found.st_size, 0)

    def left(self, path: Path) -> bytes | None:
        """What stands under this name after a cut; None where the name does not survive."""
        inode = self._names.get(path.parent, {}).get(path.name)
        return None if inode is None else self._bytes.get(inode, b"")

    def leave(self, source: Path, target: Path) -> None:
        """A copy of a folder of blobs as it is after a cut."""
        for folder in [source, *(path for path in source.rglob("*") if path.is_dir())]:
            place = target / folder.relative_to(source)
            place.mkdir(parents=True, exist_ok=True)
            for name in self._names.get(folder, {}):
                if not (folder / name).is_dir():
                    (place / name).write_bytes(self.left(folder / name) or b"")


class LyingDisk(Disk):
    """Says that it wrote, and changed a bit on the way."""

    def write(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        changed = bytearray(data)
        if changed:
            changed[len(changed) // 2] ^= 1
        return super().write(descriptor, bytes(changed), offset)
