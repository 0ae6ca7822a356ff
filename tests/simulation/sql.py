"""SQLite over simulated disks: a VFS, and a connection that speaks as `sqlite3` does.

Owns the ground of a simulated database (`SimGround`): the real SQLite (apsw) reads and writes a
`SimDisk`, a unit of work runs at once and is answered in a later turn. Rules: errors are those that
production would see; one connection serves writer and readers, because units never overlap here; a
unit of a life that is over never answers. Leaves out what a disk loses (`disk`).
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import apsw

from lpse.runtime.sqlite import DatabaseInUse, Executor
from tests.simulation.disk import PAGE, DiskError, SimDisk, SimFile, nobody
from tests.simulation.kernel import Life, SimLoop

T = TypeVar("T")
VFS_NAME: Final = "lpse-simulation"
LOG_BYTES_MAX: Final = 256 * 1024  # the simulator starts a log anew beyond this, to save memory
_CACHE_KIB: Final = 512
_STATEMENTS: Final = 64
_IOERR: Final = {
    "read": apsw.SQLITE_IOERR_READ,
    "write": apsw.SQLITE_IOERR_WRITE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
}
_KINDS: Final = (
    (apsw.ConstraintError, sqlite3.IntegrityError),
    (apsw.IOError, sqlite3.OperationalError),
    (apsw.FullError, sqlite3.OperationalError),
    (apsw.CorruptError, sqlite3.DatabaseError),
    (apsw.NotADBError, sqlite3.DatabaseError),
)


class _Handle:
    """An open file as SQLite uses it."""

    def __init__(self, disk: SimDisk, file: SimFile) -> None:
        self._disk = disk
        self._file = file

    @property
    def unsynced(self) -> int:
        """Writes that a power cut could still undo."""
        return len(self._file.pending)

    def _meet(self, operation: str) -> None:
        if not self._disk.faults and not self._disk.full:
            return
        try:
            self._disk.meet(operation, self._file.name)
        except DiskError as error:
            raise _failure(operation, error.kind) from error

    def xRead(self, amount: int, offset: int) -> bytes:
        self._meet("read")
        return bytes(self._file.data[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._meet("write")
        self._file.write(bytes(data), offset)

    def xTruncate(self, size: int) -> None:
        self._meet("truncate")
        self._file.truncate(size)

    def xSync(self, flags: int) -> None:
        self._meet("sync")
        self._disk.synced(self._file)

    def xFileSize(self) -> int:
        return len(self._file.data)

    def xClose(self) -> None: ...

    def xLock(self, level: int) -> None: ...

    def xUnlock(self, level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return PAGE

    def xDeviceCharacteristics(self) -> int:
        return 0


def _failure(operation: str, kind: str) -> Exception:
    full = kind == "ENOSPC"
    failure: Any = apsw.FullError("full") if full else apsw.IOError("failed")
    failure.result = apsw.SQLITE_FULL if full else apsw.SQLITE_IOERR
    failure.extendedresult = apsw.SQLITE_FULL if full else _IOERR[operation]
    return cast(Exception, failure)


class SimVfs(apsw.VFS):
    """Every simulated disk of the process; a database is called `disk/file`."""

    def __init__(self, loop: SimLoop, seed: int) -> None:
        super().__init__(VFS_NAME, base="", maxpathname=255, makedefault=True)
        self.disks: dict[str, SimDisk] = {}
        self._left: list[SimConnection] = []  # of lives that are over
        self._nowhere = SimDisk("nowhere", nobody)
        self._loop = loop
        self._random = random.Random(f"vfs {seed}")
        apsw.randomness(0)  # SQLite's own dice are thrown anew, by `xRandomness` of this VFS

    def attach(self, disk: SimDisk) -> None:
        """Let databases be opened on this disk."""
        self._close_left()
        self.disks[disk.name] = disk

    def detach(self, disk: SimDisk) -> None:
        """The life that used it is over: what its handles still do leads nowhere."""
        disk.abandon()
        del self.disks[disk.name]
        self._left += disk.connections  # not now: one of them may be at work

    def close(self) -> None:
        """The world is over: what connections still do when memory is collected meets nobody."""
        for name in sorted(self.disks):
            self.detach(self.disks[name])
        self._close_left()
        self.unregister()

    def _close_left(self) -> None:
        left, self._left = self._left, []
        for connection in left:
            with suppress(apsw.Error):
                connection.inner.close(True)

    def xOpen(self, name: Any, flags: Any) -> Any:
        flags[1] = flags[0]
        if name is None:  # a temporary file of SQLite's own; it dies with the connection
            return _Handle(self._nowhere, SimFile("temporary", lasting=False))
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        disk, file = self._find(path)
        if disk is None:
            raise apsw.CantOpenError("no such disk")
        found = disk.open(file, create=bool(flags[0] & apsw.SQLITE_OPEN_CREATE))
        if found is None:
            raise apsw.CantOpenError("no such file")
        return _Handle(disk, found)

    def xFullPathname(self, name: str) -> str:
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:
        disk, file = self._find(pathname)
        return disk is not None and file in disk.files

    def xDelete(self, filename: str, syncdir: bool) -> None:
        disk, file = self._find(filename)
        if disk is not None and disk.files.pop(file, None) is None:
            raise apsw.IOError("no such file")

    def _find(self, path: str) -> tuple[SimDisk | None, str]:
        disk, _, file = path.partition("/")
        return self.disks.get(disk), file

    def xRandomness(self, numbytes: int) -> bytes:
        return self._random.randbytes(numbytes)

    def xCurrentTime(self) -> float:
        return 2461101.5 + self._loop.time() / 86_400

    def xSleep(self, microseconds: int) -> int:
        return microseconds


class _Rows:
    """What a statement gave, as a `sqlite3.Cursor` shows it."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def fetchall(self) -> list[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return self._rows[0] if self._rows else None

    def __iter__(self) -> Any:
        return iter(self._rows)


class SimConnection:
    """The part of `sqlite3.Connection` that `lpse.runtime.sqlite` uses."""

    def __init__(self, name: str) -> None:
        self.inner = apsw.Connection(name, vfs=VFS_NAME, statementcachesize=_STATEMENTS)
        # One process, one connection: no shared memory is needed for the log's index.
        self.inner.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.inner.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self.reading = False

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> _Rows:
        if sql.startswith("PRAGMA query_only"):
            return _Rows([(1,)], 0)  # a reader's setting must not bind the writer beside it
        try:
            rows = list(self.inner.execute(sql, parameters or None))
        except apsw.Error as error:
            raise translated(error) from error
        return _Rows(rows, self.inner.changes())

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> _Rows:
        try:
            found = list(self.inner.executemany(sql, rows))
        except apsw.Error as error:
            raise translated(error) from error
        return _Rows(found, self.inner.changes())

    @property
    def in_transaction(self) -> bool:
        return bool(self.inner.in_transaction)


def translated(error: apsw.Error) -> sqlite3.Error:
    """The same failure as the standard library tells it."""
    kind = next((mine for his, mine in _KINDS if isinstance(error, his)), sqlite3.OperationalError)
    told = kind(str(error))
    code = getattr(error, "extendedresult", 0) or getattr(error, "result", 1)
    told.sqlite_errorcode = code
    told.sqlite_errorname = str(apsw.mapping_extended_result_codes.get(code, code))
    return told


class SimExecutor:
    """A unit of work runs at once; its answer comes in a later turn."""

    def __init__(self, ground: SimGround, connection: SimConnection, *, reader: bool) -> None:
        self._ground = ground
        self._connection = connection
        self._reader = reader

    async def hop(self, function: Callable[[sqlite3.Connection], T]) -> T:
        ground = self._ground
        future: Any = ground.loop.create_future()
        before = self._connection.inner.total_changes() if self._reader else 0
        try:
            value = function(cast(sqlite3.Connection, self._connection))
        except BaseException as error:
            told = error
            ground.loop.call_soon(_settle, future, None, told)
        else:
            ground.loop.call_soon(_settle, future, value, None)
        if self._reader and self._connection.inner.total_changes() != before:
            raise AssertionError("a reader wrote")
        ground.tidy(self._connection)
        return cast(T, await future)

    async def close(self) -> None:
        if not self._reader:
            self._connection.inner.close()


def _settle(future: Any, value: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


class SimGround:
    """What the databases of one life of a machine stand on."""

    def __init__(self, loop: SimLoop, life: Life, disk: SimDisk) -> None:
        self.loop = loop
        self._life = life
        self._disk = disk
        self._locked: set[str] = set()
        self._open: dict[str, SimConnection] = {}

    def lock(self, path: Path) -> Callable[[], None]:
        name = path.name
        if name in self._locked:
            raise DatabaseInUse
        self._locked.add(name)
        return lambda: self._locked.discard(name)

    def create(self, path: Path) -> None:
        if path.name not in self._disk.files:
            self._disk.open(path.name, create=True)

    async def connect(self, path: Path, mode: str) -> Executor:
        connection = self._open.get(path.name)
        if connection is None:
            connection = self._open[path.name] = SimConnection(f"{self._disk.name}/{path.name}")
            self._disk.connections.append(connection)
        return SimExecutor(self, connection, reader=mode == "ro")

    def log_bytes(self, path: Path) -> int:
        found = self._disk.files.get(f"{path.name}-wal")
        return len(found.data) if found else 0

    def tidy(self, connection: SimConnection) -> None:
        """Start a long log anew, so that seven hundred of them fit into memory."""
        if self._life.over or connection.in_transaction:
            return
        if any(
            len(file.data) > LOG_BYTES_MAX
            for name, file in self._disk.files.items()
            if name.endswith("-wal")
        ):
            connection.inner.execute("PRAGMA wal_checkpoint(TRUNCATE)")
