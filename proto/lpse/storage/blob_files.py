"""Files of the blob store: write, fsync, re-read, rename, fsync the directory.

Owns the blocking steps; every function here runs in a thread. Rules: a name under `sha256/` appears
only when its bytes have been fsynced and re-read from the disk; nothing outside the store's folder
is ever opened. Errors of the disk become storage errors and carry no path. Leaves out who may
write what, and when (`blobs`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from lpse.federation.errors import Refused
from lpse.federation.limits import BLOB_READ_AHEAD_BYTES, BLOB_READ_BYTES
from lpse.runtime.sqlite.errors import StorageFailed, StorageFull
from lpse.storage.disk import Disk

disk = Disk()  # tests put a faulty one in its place; nothing else does
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_BROKEN = (errno.EIO, errno.EROFS, errno.EUCLEAN)


class BlobUnreadable(Refused):
    """The disk does not give these bytes back; other files are not concerned."""

    def __init__(self) -> None:
        super().__init__(
            "FED-1210",
            "the disk cannot read these bytes back",
            remedy="check the disk; a good copy is fetched from the other side where there is one",
        )


@contextmanager
def disk_errors() -> Iterator[None]:
    """Tell a full disk from a broken one; other errors are our own mistakes and pass through."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull from error
        if error.errno in _BROKEN:
            name = errno.errorcode.get(error.errno or 0, "unknown")
            raise StorageFailed(name) from error
        raise


@contextmanager
def disk_reads() -> Iterator[None]:
    """Bytes that cannot be read are one damaged file, not a failed disk."""
    try:
        yield
    except OSError as error:
        if error.errno in _BROKEN:
            raise BlobUnreadable from error
        raise


def open_part(path: Path, keep_bytes: int) -> int:
    """Open a part for writing with at most `keep_bytes` kept; a shorter file starts again at 0."""
    new = not path.exists()
    with disk_errors():
        descriptor = disk.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with disk_errors():
            found = os.fstat(descriptor).st_size
            kept = keep_bytes if found >= keep_bytes else 0
            disk.truncate(descriptor, kept)
            disk.sync(descriptor)
            if new:
                sync_folder(path.parent)  # what is promised of a part needs its name too
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def write_all(descriptor: int, data: bytes, offset: int) -> None:
    """Write every byte at its offset."""
    view = memoryview(data)
    with disk_errors():
        while view:
            written = disk.write(descriptor, view, offset)
            view, offset = view[written:], offset + written


def cut(descriptor: int, size: int) -> None:
    """Forget the bytes behind `size`."""
    with disk_errors():
        disk.truncate(descriptor, size)


def sync_file(descriptor: int) -> None:
    """Force the file's bytes to the disk; after a failure it must not be tried again."""
    with disk_errors():
        disk.sync(descriptor)


def begin_writing_back(descriptor: int, offset: int, size: int) -> None:
    """Let the disk begin while the next bytes come in: the later fsync then has less to wait for.

    Linux writes dirty pages out before it drops them; an error of it is told by that fsync.
    """
    os.posix_fadvise(descriptor, offset, size, os.POSIX_FADV_DONTNEED)


def forget_cached(descriptor: int) -> None:
    """Make the next reads come from the disk, in order."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)


def read_ahead(descriptor: int, offset: int) -> None:
    """Let the disk fetch what comes next while this piece is hashed; at every half of a window."""
    half = BLOB_READ_AHEAD_BYTES // 2
    if offset % half == 0:
        os.posix_fadvise(descriptor, offset + half, half, os.POSIX_FADV_WILLNEED)


def digest_of_file(descriptor: int) -> tuple[bytes, int]:
    """SHA-256 and size as the disk gives them back: cached pages are dropped first."""
    forget_cached(descriptor)
    with disk_reads():
        found, size = sha256(), 0
        read_ahead(descriptor, 0)
        while piece := disk.read(descriptor, BLOB_READ_BYTES, size):
            read_ahead(descriptor, size)
            found.update(piece)
            size += len(piece)
    return found.digest(), size


def digest_of_path(path: Path) -> tuple[bytes, int]:
    """The same for a stored blob."""
    with disk_reads():
        descriptor = disk.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return digest_of_file(descriptor)
    finally:
        os.close(descriptor)


def write_small(path: Path, data: bytes) -> None:
    """Write a whole new part, fsync it, re-read it."""
    descriptor = create_part(path)
    try:
        write_all(descriptor, data, 0)
        seal_small(descriptor, data)
    finally:
        os.close(descriptor)


def create_part(path: Path) -> int:
    """A new, empty part, open for writing and reading."""
    flags = os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    with disk_errors():
        return disk.open(path, flags)


def seal_small(descriptor: int, data: bytes) -> None:
    """Fsync what was written and re-read it; bytes are compared, which says more than a digest."""
    sync_file(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)  # the read comes from the disk
    with disk_reads():
        found = disk.read(descriptor, len(data) + 1, 0)
    if found != data:
        raise StorageFailed("re-read bytes differ")


def move_into_place(moves: Iterable[tuple[Path, Path]]) -> None:
    """Rename fsynced parts to their final names; one fsync per directory for all of them."""
    touched: set[Path] = set()
    with disk_errors():
        for source, target in moves:
            if not target.parent.exists():
                disk.make_folder(target.parent)
                touched.add(target.parent.parent)
            disk.rename(source, target)
            # The old name may come back after a power cut: it is a part that nobody vouches for.
            touched.add(target.parent)
        for folder in touched:
            sync_folder(folder)


def remove(paths: Iterable[Path]) -> None:
    """Delete files durably; a missing one is no error."""
    touched: set[Path] = set()
    with disk_errors():
        for path in paths:
            disk.unlink(path)
            touched.add(path.parent)
        for folder in touched:
            if folder.exists():
                sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make names in a directory durable."""
    descriptor = disk.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


def free_bytes(folder: Path) -> int:
    """Bytes that an ordinary user may still write on the disk of this folder."""
    return disk.free(folder)
