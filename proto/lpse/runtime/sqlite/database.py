"""A database file with one writer and several readers, for everything that stores.

Owns the queue in front of the writer: it commits at once when idle, collects what arrives while it
commits, and answers a waiter only after the commit is durable (Invariant 1). A waiter that is
cancelled does not cancel its unit. After an I/O error every write is refused and `failed` is set,
so that the program can leave; a full disk refuses that commit and nothing else, after `relief` had
its chance to make room (units run again then). A lock file beside the database keeps a second
process out. Leaves out statements and tables.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from lpse.federation.limits import (
    BUSY_TIMEOUT_MILLISECONDS,
    COMMIT_UNITS_MAX,
    READ_QUEUE_UNITS_MAX,
    WAL_BYTES_MAX,
    WAL_CHECKPOINT_BYTES,
    WAL_COMMIT_BYTES,
    WAL_KEPT_BYTES_MAX,
    WAL_RESTART_TIMEOUT_MILLISECONDS,
    WRITE_QUEUE_UNITS_MAX,
)
from lpse.runtime.sqlite.errors import (
    DatabaseClosed,
    StorageBusy,
    StorageFailed,
    StorageFull,
    storage_error,
)
from lpse.runtime.sqlite.executor import Connector, Executor, Ground, MachineGround, raisable
from lpse.runtime.sqlite.migrations import copy_database, load_migrations, migrate
from lpse.runtime.sqlite.transaction import (
    BatchResult,
    CommitParticipant,
    Failure,
    Transaction,
    Work,
    run_batch,
)

T = TypeVar("T")


def plain_connector(uri: str) -> sqlite3.Connection:
    """The standard library's SQLite; tests hand in a faulty one."""
    return sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=512)


class Database:
    """One SQLite file; see the module's first lines for what it promises."""

    def __init__(
        self,
        path: Path,
        ground: Ground,
        executors: tuple[Executor, list[Executor]],
        unlock: Callable[[], None],
    ) -> None:
        self.path = path
        self._ground = ground
        self._writer, self._readers = executors
        self.failed = asyncio.Event()
        self.failure: StorageFailed | None = None
        self.relief: Callable[[], bool] | None = None  # frees room on a full disk; blocks
        self._waiting_reads = [0] * len(self._readers)
        self._unlock = unlock
        self._participants: list[CommitParticipant] = []
        self._queue: deque[tuple[Work, asyncio.Future[Any]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._wal_restart_bytes = WAL_BYTES_MAX
        self._log_bytes = 0

    @classmethod
    async def open(
        cls,
        path: Path,
        migrations: Path,
        *,
        readers: int = 2,
        connector: Connector | None = None,
        ground: Ground | None = None,
    ) -> Database:
        """Open for writing, alone, up to date, with every safety setting read back."""
        ground = ground or MachineGround(connector or plain_connector)
        unlock = ground.lock(path)
        opened: list[Executor] = []
        try:
            ground.create(path)
            opened.append(writer := await ground.connect(path, "rw"))
            await writer.hop(lambda connection: _prepare(connection, path, migrations))
            for _ in range(readers):
                opened.append(reader := await ground.connect(path, "ro"))
                await reader.hop(_prepare_reader)
        except BaseException as error:
            for thread in reversed(opened):
                with suppress(Exception):
                    await thread.close()
            unlock()
            if isinstance(error, sqlite3.Error):
                raise storage_error(error) or StorageFailed(type(error).__name__) from error
            raise
        return cls(path, ground, (writer, opened[1:]), unlock)

    def attach(self, participant: CommitParticipant) -> None:
        """Let memory take part in every commit from now on; call before the first write."""
        self._participants.append(participant)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run a unit in the next group commit; returns when it is durable, or raises its error."""
        self._admit()
        if len(self._queue) >= WRITE_QUEUE_UNITS_MAX:
            raise StorageBusy(f"{WRITE_QUEUE_UNITS_MAX} writes are waiting")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append((work, future))
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="group-commit")
        # Cancelling the waiter cancels this future only; the unit stays queued and is committed.
        return await future

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run a unit on one read-only snapshot."""
        if self._closed:
            raise DatabaseClosed
        place = min(range(len(self._readers)), key=self._waiting_reads.__getitem__)
        if self._waiting_reads[place] >= READ_QUEUE_UNITS_MAX:
            raise StorageBusy(f"{READ_QUEUE_UNITS_MAX} reads are waiting")
        self._waiting_reads[place] += 1
        try:
            return await self._readers[place].hop(lambda connection: _snapshot(connection, work))
        finally:
            self._waiting_reads[place] -= 1

    async def copy_to(self, target: Path) -> None:
        """A consistent copy of the live database, made by a reader while writes go on."""
        if self._closed:
            raise DatabaseClosed
        thread = await self._ground.connect(self.path, "ro")
        try:
            await thread.hop(lambda connection: copy_database(connection, target))
        except sqlite3.Error as error:
            raise storage_error(error) or StorageFailed(type(error).__name__) from error
        finally:
            await thread.close()

    async def close(self) -> None:
        """Finish what is queued, then close; repeating it is harmless."""
        if self._closed:
            return
        self._closed = True
        if self._task is not None:
            await asyncio.wait([self._task])
        for thread in [*self._readers, self._writer]:  # the writer last: it owns the checkpoint
            with suppress(sqlite3.Error):
                await thread.close()
        self._unlock()

    def _admit(self) -> None:
        if self.failure is not None:
            raise StorageFailed(self.failure.detail)
        if self._closed:
            raise DatabaseClosed

    async def _drain(self) -> None:
        try:
            while self._queue:
                if self.failure is not None:
                    self._refuse_all(self.failure)
                    return
                await self._commit_some()
        except BaseException:
            # The fate of the last commit is unknown, so memory and disk may differ from here on.
            self.failure = self.failure or StorageFailed("the writer was interrupted")
            self.failed.set()
            self._refuse_all(self.failure)
            raise
        finally:
            self._task = None

    async def _commit_some(self) -> None:
        queue = self._queue
        taken = [queue.popleft() for _ in range(min(len(queue), COMMIT_UNITS_MAX))]
        units = [work for work, _ in taken]
        try:
            result = await self._batch(units)
            if isinstance(result.error, StorageFull) and await self._relieved():
                self._tell_participants(result)
                result = await self._batch(units)
        except BaseException:
            queue.extendleft(reversed(taken))  # the caller refuses them: their fate is unknown
            raise
        ran = len(taken) if result.error else len(result.values)
        queue.extendleft(reversed(taken[ran:]))
        self._tell_participants(result)
        self._answer(taken[:ran], result)
        await self._bound_wal(result)

    async def _batch(self, units: list[Work]) -> BatchResult:
        return await self._writer.hop(lambda one: run_batch(one, self._participants, units))

    async def _relieved(self) -> bool:
        return self.relief is not None and await asyncio.to_thread(self.relief)

    def _tell_participants(self, result: BatchResult) -> None:
        if isinstance(result.error, StorageFailed):
            self.failure = result.error
            self.failed.set()
        for participant in self._participants:
            if result.committed:
                participant.after_commit()
            else:
                participant.after_rollback()

    @staticmethod
    def _answer(taken: list[tuple[Work, asyncio.Future[Any]]], result: BatchResult) -> None:
        if result.error is not None:
            for _, future in taken:
                if not future.done():
                    future.set_exception(_copy(result.error))
            return
        for (_, future), value in zip(taken, result.values, strict=True):
            if future.done():
                continue
            if type(value) is Failure:
                future.set_exception(raisable(value.error))
            else:
                future.set_result(value)

    def _refuse_all(self, error: Exception) -> None:
        while self._queue:
            _, future = self._queue.popleft()
            if not future.done():
                future.set_exception(_copy(error))

    async def _bound_wal(self, result: BatchResult) -> None:
        """Checkpoint by ourselves: SQLite's own one would keep a failed fsync to itself."""
        self._log_bytes += result.written_bytes + WAL_COMMIT_BYTES
        if self._log_bytes >= WAL_CHECKPOINT_BYTES:
            self._log_bytes = 0
            await self._checkpoint(_checkpoint_passively)
        if self._ground.log_bytes(self.path) < self._wal_restart_bytes:
            return
        await self._checkpoint(_restart_wal)
        size = self._ground.log_bytes(self.path)
        self._wal_restart_bytes = WAL_BYTES_MAX + (size if size >= WAL_BYTES_MAX else 0)

    async def _checkpoint(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """A busy or full disk lets the log grow for a while; a failing one ends all writing."""
        try:
            await self._writer.hop(work)
        except sqlite3.Error as error:
            found = storage_error(error)
            if isinstance(found, StorageFailed):
                self.failure = found
                self.failed.set()


def _copy(error: Exception) -> Exception:
    """One exception object per waiter: tracebacks of several tasks must not grow together."""
    match error:
        case StorageFailed():
            return StorageFailed(error.detail)
        case StorageFull():
            return StorageFull()
        case DatabaseClosed():
            return DatabaseClosed()
        case _:
            return error


def _prepare(connection: sqlite3.Connection, path: Path, migrations: Path) -> None:
    _set(connection, "busy_timeout", BUSY_TIMEOUT_MILLISECONDS)
    _set(connection, "mmap_size", 0)
    _set(connection, "journal_mode", "wal")
    _set(connection, "synchronous", 2)  # FULL: a commit is on the disk before it is answered
    _set(connection, "foreign_keys", 1)
    _set(connection, "wal_autocheckpoint", 0)  # see Database._bound_wal
    _set(connection, "journal_size_limit", WAL_KEPT_BYTES_MAX)
    migrate(connection, path, load_migrations(migrations))


def _prepare_reader(connection: sqlite3.Connection) -> None:
    _set(connection, "busy_timeout", BUSY_TIMEOUT_MILLISECONDS)
    _set(connection, "mmap_size", 0)
    _set(connection, "query_only", 1)


def _set(connection: sqlite3.Connection, name: str, value: int | str) -> None:
    """Set and read back: a build or a file system may silently refuse a setting."""
    connection.execute(f"PRAGMA {name} = {value}").fetchall()
    found = connection.execute(f"PRAGMA {name}").fetchone()
    if found is not None and found[0] != value:
        raise StorageFailed(f"{name} is {found[0]} and cannot be {value}")


def _snapshot(connection: sqlite3.Connection, work: Callable[[Transaction], T]) -> T:
    tx = Transaction(connection)
    try:
        connection.execute("BEGIN")
        return work(tx)
    except sqlite3.Error as error:
        raise storage_error(error) or error from None
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _checkpoint_passively(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _restart_wal(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {WAL_RESTART_TIMEOUT_MILLISECONDS}")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MILLISECONDS}")
