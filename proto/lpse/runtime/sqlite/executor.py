"""Where a database's statements run: the port, and the machine's own threads and files behind it.

Owns the seam between `Database` (queueing, waiting, answering) and what it stands on: a connection
that runs whole units one after the other, the lock against a second program, and the length of the
log. Rule: `hop` is one visit for a whole unit; if the waiter is cancelled the unit runs anyway.
A simulator puts its own disk here; nothing else does. Leaves out transactions and tables.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import quote

import aiosqlite

from lpse.runtime.sqlite.errors import DatabaseInUse
from lpse.runtime.sqlite.migrations import fsync_path
from lpse.runtime.sqlite.transaction import Failure

T = TypeVar("T")
Connector = Callable[[str], sqlite3.Connection]


class Executor(Protocol):
    """One connection, on which whole units of work run one after the other."""

    async def hop(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function where the connection lives; its exception is raised here."""

    async def close(self) -> Any:
        """Let go of the connection after what was begun."""


class Ground(Protocol):
    """What a database stands on."""

    def lock(self, path: Path) -> Callable[[], None]:
        """Keep every other program out (FED-1105 if one is in); the answer gives it up."""

    def create(self, path: Path) -> None:
        """Make the file if it is missing; its name is durable."""

    async def connect(self, path: Path, mode: str) -> Executor:
        """A connection of its own, for writing ("rw") or reading ("ro")."""

    def log_bytes(self, path: Path) -> int:
        """How long the write-ahead log is now; 0 where there is none."""


class Thread(aiosqlite.Connection):
    """A connection with its own thread, where a whole unit of work is one hop.

    aiosqlite offers one hop per statement (about a millisecond each); its queue takes any function,
    but only by a private method. This class is the one place that uses it, and a test pins it.
    """

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        # A process that leaves after a disk failure must not wait for a thread stuck in the disk.
        self._thread.daemon = True

    async def hop(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function in the connection's thread; if the waiter is cancelled it runs anyway."""
        connection = self._conn

        def guarded() -> T | Failure:
            try:
                return function(connection)
            except BaseException as error:
                return Failure(error)

        # No arguments and no exceptions: aiosqlite logs both at DEBUG, and what a unit handles or
        # complains about must not appear in any log.
        execute = cast(
            "Callable[[Callable[[], T | Failure]], Awaitable[T | Failure]]", self._execute
        )
        outcome = await execute(guarded)
        if isinstance(outcome, Failure):
            raise raisable(outcome.error)
        return outcome


class MachineGround:
    """Threads of this process, files of this machine."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    def lock(self, path: Path) -> Callable[[], None]:
        """The kernel's lock on a file beside the database."""
        lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise DatabaseInUse from error
        return lambda: os.close(lock)

    def create(self, path: Path) -> None:
        """Make the file ourselves: only its owner may read it, and its name is durable."""
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            fsync_path(path.parent)

    async def connect(self, path: Path, mode: str) -> Executor:
        """A connection with a thread of its own."""
        return cast(Thread, await Thread(lambda: self._connector(_uri(path, mode))))

    def log_bytes(self, path: Path) -> int:
        """Asked of the file."""
        try:
            return Path(f"{path}-wal").stat().st_size
        except FileNotFoundError:
            return 0


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path.absolute()))}?mode={mode}"


def raisable(error: BaseException) -> BaseException:
    """A future refuses StopIteration, and a stray exit must not stop the event loop."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = RuntimeError(f"a unit of work raised {type(error).__name__}")
    wrapped.__cause__ = error
    return wrapped
