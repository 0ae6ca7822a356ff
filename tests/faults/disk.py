"""A disk that fails on command: EIO, ENOSPC, EROFS at a chosen call, for files and for SQLite.

How to use it in one process: `plan = Plan([Fault("sync", "EIO", path="*.part")])`, then
`install(plan, monkeypatch)`: every blob store and every database *opened afterwards* follows it.
How to use it in a daemon: `faulty(party, file)` before `party.start()`, then at any time
`arm(file, [Fault(...)])`; the daemon looks at the file before each call. `fired(file)` counts.

Files: operations are the method names of `lpse.storage.disk.Disk` (open, write, read, truncate,
allocate, sync, rename, unlink, make_folder, free). `sync` of a folder has the folder's path.
SQLite: operation "sql" with the beginning of a statement as `path` ("COMMIT", "INSERT*",
"PRAGMA wal_checkpoint*"); the error is the result code that SQLite gives for such a disk.
`after` calls pass first; `times` calls fail (0: for ever); `done` does the call and then fails,
as an fsync that reached the platter and lost its answer.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol, TypeVar

import pytest

from lpse.runtime.sqlite import Connector, database
from lpse.storage import blob_files
from lpse.storage.disk import Disk

T = TypeVar("T")
_SPENT: Final = -1
_CODES: Final = {
    "EIO": sqlite3.SQLITE_IOERR | (4 << 8),  # SQLITE_IOERR_FSYNC
    "EROFS": sqlite3.SQLITE_READONLY,
    "ENOSPC": sqlite3.SQLITE_FULL,
}


@dataclass
class Fault:
    """One thing that goes wrong; see the module's first lines."""

    operation: str
    error: str
    path: str = "*"
    after: int = 0
    times: int = 1
    done: bool = False


class Plan:
    """Faults to come; read again from its file whenever that was written."""

    def __init__(self, faults: Sequence[Fault] = (), file: Path | None = None) -> None:
        self.faults = list(faults)
        self.fired = 0
        self._file = file
        self._seen = 0
        self._lock = Lock()

    def hit(self, operation: str, path: str) -> Fault | None:
        """The fault that this call meets, if any."""
        with self._lock:
            self._look()
            for fault in self.faults:
                if fault.operation != operation or not fnmatchcase(path, fault.path):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times == _SPENT:
                    continue
                if fault.times:
                    fault.times = fault.times - 1 or _SPENT
                self._count()
                return fault
            return None

    def _look(self) -> None:
        if self._file is None or not self._file.exists():
            return
        written = self._file.stat().st_mtime_ns
        if written != self._seen:
            self._seen = written
            self.faults = [Fault(**one) for one in json.loads(self._file.read_text("utf-8"))]

    def _count(self) -> None:
        self.fired += 1
        if self._file is not None:
            self._file.with_suffix(".fired").write_text(str(self.fired), "utf-8")


class FaultyDisk(Disk):
    """The machine's disk, as far as the plan lets it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        return self._do("open", path, lambda: super(FaultyDisk, self).open(path, flags, mode))

    def write(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        real = super().write
        return self._do("write", _path(descriptor), lambda: real(descriptor, data, offset))

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        real = super().read
        return self._do("read", _path(descriptor), lambda: real(descriptor, size, offset))

    def truncate(self, descriptor: int, size: int) -> None:
        real = super().truncate
        self._do("truncate", _path(descriptor), lambda: real(descriptor, size))

    def allocate(self, descriptor: int, size: int) -> None:
        real = super().allocate
        self._do("allocate", _path(descriptor), lambda: real(descriptor, size))

    def sync(self, descriptor: int) -> None:
        real = super().sync
        self._do("sync", _path(descriptor), lambda: real(descriptor))

    def rename(self, source: Path, target: Path) -> None:
        real = super().rename
        self._do("rename", target, lambda: real(source, target))

    def unlink(self, path: Path) -> None:
        real = super().unlink
        self._do("unlink", path, lambda: real(path))

    def make_folder(self, path: Path) -> None:
        real = super().make_folder
        self._do("make_folder", path, lambda: real(path))

    def free(self, folder: Path) -> int:
        real = super().free
        return self._do("free", folder, lambda: real(folder))

    def _do(self, operation: str, path: Path | str, work: Callable[[], T]) -> T:
        fault = self._plan.hit(operation, str(path))
        if fault is None:
            return work()
        if fault.done:
            work()
        code = getattr(errno, fault.error)
        raise OSError(code, os.strerror(code))


class FaultyConnection(sqlite3.Connection):
    """The standard library's SQLite, whose statements fail where the plan says so."""

    plan: Plan

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        real = super().execute
        return self._do(sql, lambda: real(sql, *rest))

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
        real = super().executemany
        return self._do(sql, lambda: real(sql, rows))

    def _do(self, sql: str, work: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        fault = self.plan.hit("sql", sql)
        if fault is None:
            return work()
        if fault.done:
            work()
        error = sqlite3.OperationalError("injected")
        error.sqlite_errorcode = _CODES[fault.error]
        error.sqlite_errorname = f"INJECTED_{fault.error}"
        raise error


def install(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the faulty disk into this process for the length of one test."""
    monkeypatch.setattr(blob_files, "disk", FaultyDisk(plan))
    monkeypatch.setattr(database, "plain_connector", _connector(plan))


class Daemon(Protocol):
    """`world.Party`, as far as it is needed here."""

    command: Sequence[str]


def faulty(party: Daemon, file: Path) -> None:
    """From its next start on, the daemon's disk follows the plan in `file`."""
    party.command = [sys.executable, "-m", "tests.faults.disk", str(file), *party.command]


def arm(file: Path, faults: Sequence[Fault]) -> None:
    """Give a running daemon its faults; an empty list heals the disk."""
    fresh = file.with_suffix(".fresh")
    fresh.write_text(json.dumps([asdict(one) for one in faults]), "utf-8")
    fresh.replace(file)


def fired(file: Path) -> int:
    """How many calls of the daemon have failed so far."""
    count = file.with_suffix(".fired")
    return int(count.read_text("utf-8") or 0) if count.exists() else 0


def _connector(plan: Plan) -> Connector:
    kind = type("Planned", (FaultyConnection,), {"plan": plan})

    def connect(uri: str) -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, isolation_level=None, factory=kind)

    return connect


def _path(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def main(arguments: Sequence[str]) -> None:
    """`PLAN PROGRAM WORD...`: the program's own command over a disk that follows the plan."""
    plan = Plan(file=Path(arguments[0]))
    blob_files.disk = FaultyDisk(plan)
    setattr(database, "plain_connector", _connector(plan))  # noqa: B010 - a function's name
    sys.argv = list(arguments[1:])
    if arguments[1] == "lpse-node":
        from regional_node.cli import main as program
    else:
        from central.cli import main as program
    program()


if __name__ == "__main__":
    main(sys.argv[1:])
