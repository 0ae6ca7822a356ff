"""One group commit: many units of work, one SQLite transaction, one fsync.

Owns what happens inside the database thread: each unit runs under its own SAVEPOINT (a failing unit
takes back only itself), participants such as the journal seal what was appended, and the commit
decides for all. SQLITE_FULL rolls everything back and is survivable; an I/O error is not, because
after a failed fsync nobody knows what the disk holds. Leaves out queueing and waiting
(`lpse.runtime.sqlite`) and every statement of the product.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lpse.federation.errors import Conflict, Refused, Unavailable
from lpse.federation.limits import COMMIT_BYTES_MAX

Value = bytes | str | int | float | None
Row = tuple[Any, ...]
Work = Callable[["Transaction"], Any]

_FULL = sqlite3.SQLITE_FULL
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_BROKEN = (
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
)


class StorageFull(Unavailable):
    """The disk has no room; nothing of this commit was kept, and the database stays usable."""

    def __init__(self) -> None:
        super().__init__(
            "FED-1101",
            "the disk has no room for this record; nothing of it was kept",
            remedy="free space on the data disk; the program goes on by itself",
        )


class StorageFailed(Unavailable):
    """The disk failed; no more acknowledgements until a restart has verified what is there."""

    may_retry = False

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-1102",
            f"the data disk failed ({detail}); this record may or may not have been kept",
            remedy="check the disk, then restart; the start verifies what is stored",
        )


class DatabaseNewer(Refused):
    """The file was written by a newer program; opening it could lose what that one knows."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            "FED-1103",
            f"the database has version {found}, this program knows {known}",
            remedy="install the newer program again, or restore the backup made before it",
        )


class StorageBusy(Unavailable):
    """Too much work is waiting, or a foreign program holds the file; nothing was kept."""

    def __init__(self, detail: str) -> None:
        super().__init__("FED-1104", f"the database is busy: {detail}", remedy="try again shortly")


class DatabaseInUse(Conflict):
    """Another process has this database open for writing."""

    def __init__(self) -> None:
        super().__init__(
            "FED-1105",
            "another process has this database open",
            remedy="stop the other process first; two writers would contradict each other",
        )


class DatabaseClosed(Unavailable):
    """The database was closed while or before the work was asked for."""

    def __init__(self) -> None:
        super().__init__("FED-1106", "the database is closed", remedy="start the program again")


class MigrationFailed(Refused):
    """The folder of migrations or one of its statements is wrong; the file was left as it was."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-1107",
            f"the database cannot be brought up to date: {detail}",
            remedy="reinstall the program; the database and its backup are unchanged",
        )


def storage_error(error: sqlite3.Error) -> Unavailable | None:
    """What a SQLite error means for the whole commit; None when it is the unit's own mistake."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & 0xFF
    if primary == _FULL:
        return StorageFull()
    if primary in _BUSY:
        return StorageBusy("a foreign program holds it")
    if primary in _BROKEN:
        return StorageFailed(getattr(error, "sqlite_errorname", None) or f"SQLite {code}")
    if primary == sqlite3.SQLITE_NOMEM:
        return StorageBusy("out of memory")
    return None


class Transaction:
    """What a unit of work may do; synchronous, valid only inside the unit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.written_bytes = 0
        self.broken: Unavailable | None = None

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """All rows of one statement."""
        return self._guard(lambda: self._connection.execute(sql, parameters).fetchall())

    def run(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """The number of rows that one writing statement changed."""
        self.written_bytes += _size(parameters)
        try:
            return self._connection.execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            self._note(error)
            raise

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """One writing statement for many rows."""
        listed = rows if isinstance(rows, list) else list(rows)
        self.written_bytes += sum(map(_size, listed))
        self._guard(lambda: self._connection.executemany(sql, listed))

    def _guard[T](self, call: Callable[[], T]) -> T:
        raise NotImplementedError

    def _note(self, error: sqlite3.Error) -> None:
        # A unit may swallow the error; the commit must know about it all the same.
        if self.broken is None:
            self.broken = storage_error(error)
