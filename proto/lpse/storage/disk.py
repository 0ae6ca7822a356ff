"""The one door through which the blob store touches files.

Owns nothing but the calls themselves, so that a test can put a faulty disk in the place of
`blob_files.disk` (`tests/faults/disk.py`): EIO, ENOSPC and EROFS at a chosen call cannot be had
from a healthy machine. Rule: no behaviour of its own and no switch; every method is one call of
the operating system. Leaves out what an error means (`blob_files`) and SQLite, which has its own
door (`runtime.sqlite.database.plain_connector`).
"""

from __future__ import annotations

import os
from pathlib import Path


class Disk:
    """The machine's own disk."""

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        """A descriptor of a file or folder."""
        return os.open(path, flags, mode)

    def write(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        """Bytes written at an offset; may be fewer than given."""
        return os.pwrite(descriptor, data, offset)

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        """Bytes at an offset; empty at the end."""
        return os.pread(descriptor, size, offset)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut or grow a file."""
        os.ftruncate(descriptor, size)

    def allocate(self, descriptor: int, size: int) -> None:
        """Give a file its blocks, so that writing into it cannot meet a full disk."""
        os.posix_fallocate(descriptor, 0, size)

    def sync(self, descriptor: int) -> None:
        """Fsync of a file or folder; never to be repeated after a failure."""
        os.fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Move a file over another name of the same file system."""
        source.replace(target)

    def unlink(self, path: Path) -> None:
        """Delete a name; a missing one is no error."""
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        """A folder for its owner alone; one that exists is no error."""
        path.mkdir(mode=0o700, exist_ok=True)

    def free(self, folder: Path) -> int:
        """Bytes that an ordinary user may still write where the folder is."""
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize
