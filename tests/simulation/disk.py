"""A machine's disk for SQLite: bytes in memory, and what of them a power cut would leave.

Owns files, what was fsynced, and faults at chosen calls. Rules: a write is lost, kept or torn at a
power cut only as long as no fsync of that file followed; a killed program loses nothing; after a
cut the old handles lead to nowhere. `Fault`s fire by operation and count, so a seed decides them.
Files other than the database lie on a real folder in memory (see `files`). Leaves out SQL (`sql`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from zlib import crc32

PAGE: Final = 4096
_SECTOR: Final = 512


class DiskError(Exception):
    """What a call of the disk met: "EIO" or "ENOSPC"."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass
class Fault:
    """One thing that goes wrong: `after` calls of `operation` pass first, then `times` fail.

    `kind` is "EIO" or "ENOSPC", or "CRASH": the machine dies before the call is done.
    """

    operation: str  # "read", "write", "sync", "truncate" or "*"
    kind: str
    after: int = 0
    times: int = 1
    file: str = ""  # part of the file's name; empty: any

    def fires(self, operation: str, name: str) -> bool:
        """Whether this call fails; counts."""
        if self.operation not in ("*", operation) or self.file not in name or not self.times:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


@dataclass
class _Write:
    """A write that no fsync followed: what was there before, and what is there now."""

    offset: int
    before: bytes
    size_before: int
    after: bytes | None  # None: a truncation to `offset`


@dataclass
class SimFile:
    """Bytes as a program sees them, and the writes that a power cut may still undo."""

    name: str
    data: bytearray = field(default_factory=bytearray)
    pending: list[_Write] = field(default_factory=list)
    sum: int = 0  # of everything written since the last fsync
    lasting: bool = True  # False: nobody will ever ask what a power cut leaves of it

    def write(self, data: bytes, offset: int) -> None:
        """Bytes at an offset; a gap is filled with zeros."""
        held, size = self.data, len(self.data)
        if offset == size:
            before = b""
            held += data
        else:
            if offset > size:
                held.extend(bytes(offset - size))
            before = bytes(held[offset : offset + len(data)])
            held[offset : offset + len(data)] = data
        if not self.lasting:
            return
        self.pending.append(_Write(offset, before, size, data))
        self.sum = crc32(data, self.sum ^ offset)

    def truncate(self, size: int) -> None:
        """Cut or grow."""
        held = self.data
        before = len(held)
        cut = bytes(held[size:])
        if size < before:
            del held[size:]
        else:
            held.extend(bytes(size - before))
        if not self.lasting:
            return
        self.pending.append(_Write(size, cut, before, None))

    def sync(self) -> int:
        """Everything written is durable; a checksum of it, for the trace."""
        self.pending.clear()
        told, self.sum = self.sum, 0
        return told

    def after_cut(self, chance: random.Random | None) -> bytearray:
        """What a power cut leaves: of unsynced writes all, none or some, and one of them torn."""
        if not self.pending:
            return bytearray(self.data)
        held = bytearray(self.data)
        for write in reversed(self.pending):
            if write.after is None:
                del held[write.offset :]
                held += write.before
            else:
                held[write.offset : write.offset + len(write.before)] = write.before
            del held[write.size_before :]
        if chance is None:
            return held
        for write in self.pending:
            _maybe(held, write, chance)
        return held


def _maybe(held: bytearray, write: _Write, chance: random.Random) -> None:
    """Redo an unsynced write wholly, in part, or not at all: the drive chose its own order."""
    fate = chance.random()
    if write.after is None or fate < 0.4:
        return
    data = write.after
    if fate > 0.9:
        data = data[: chance.randrange(len(data) // _SECTOR + 1) * _SECTOR]
    if len(held) < write.offset + len(data):
        held.extend(bytes(write.offset + len(data) - len(held)))
    held[write.offset : write.offset + len(data)] = data


class Watcher(Protocol):
    """Who is told what happens on a disk."""

    def __call__(self, kind: str, words: str) -> None: ...


def nobody(kind: str, words: str) -> None:
    """Watches nothing."""


class SimDisk:
    """All database files of one life of a machine."""

    def __init__(self, name: str, watch: Watcher) -> None:
        self.name = name
        self.files: dict[str, SimFile] = {}
        self.faults: list[Fault] = []
        self.full = False
        self.on_crash: Callable[[], None] | None = None
        self.connections: list[Any] = []  # of SQLite; closed when the life that opened them is over
        self._watch = watch

    def open(self, name: str, *, create: bool) -> SimFile | None:
        """A file, or None where there is none and none may be made."""
        found = self.files.get(name)
        if found is None and create:
            found = self.files[name] = SimFile(name)
        return found

    def meet(self, operation: str, name: str) -> None:
        """Raise what is planned for this call."""
        for fault in self.faults:
            if fault.fires(operation, name):
                self._watch("fault", f"{self.name} {name} {operation} {fault.kind}")
                if fault.kind == "CRASH" and self.on_crash is not None:
                    self.on_crash()
                    raise DiskError("EIO")
                raise DiskError(fault.kind)
        if self.full and operation in ("write", "truncate"):
            raise DiskError("ENOSPC")

    def synced(self, file: SimFile) -> None:
        """An fsync is done."""
        told = file.sync()
        self._watch("sync", f"{self.name} {file.name} {len(file.data)} {told:08x}")

    def after_kill(self, name: str) -> SimDisk:
        """The same disk for the next life: a killed program loses nothing that it wrote."""
        disk = SimDisk(name, self._watch)
        for file in self.files.values():
            disk.files[file.name] = SimFile(file.name, bytearray(file.data), list(file.pending))
        return disk

    def after_cut(self, name: str, chance: random.Random | None) -> SimDisk:
        """The same disk after a power cut; `chance` decides on unsynced writes, None drops them."""
        disk = SimDisk(name, self._watch)
        for file in self.files.values():
            disk.files[file.name] = SimFile(file.name, file.after_cut(chance))
        return disk

    def abandon(self) -> None:
        """Nobody looks at this disk any more."""
        self._watch = nobody
        self.faults, self.full, self.on_crash = [], False, None

    def image(self) -> dict[str, bytes]:
        """A copy of everything, as a backup or a clone takes it; the log is part of it."""
        return {name: bytes(file.data) for name, file in self.files.items()}

    def put(self, image: dict[str, bytes]) -> None:
        """Stand as in that copy."""
        self.files = {name: SimFile(name, bytearray(data)) for name, data in image.items()}

    @property
    def size(self) -> int:
        """Bytes held."""
        return sum(len(file.data) for file in self.files.values())
