"""What a disk can do to us, told apart by who must act.

Owns the storage errors and the translation of SQLite's result codes into them. Rule: a full disk
is survivable and everything of that commit is gone; after an I/O error nobody knows what the disk
holds, so nothing is acknowledged any more. No message carries a value that was being stored.
"""

from __future__ import annotations

import sqlite3

from lpse.federation.errors import Conflict, Refused, Unavailable

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
        self.detail = detail


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
    if primary == sqlite3.SQLITE_FULL:
        return StorageFull()
    if primary in _BUSY:
        return StorageBusy("a foreign program holds it")
    if primary == sqlite3.SQLITE_NOMEM:
        return StorageBusy("out of memory")
    if primary in _BROKEN:
        return StorageFailed(getattr(error, "sqlite_errorname", None) or f"SQLite {code}")
    return None
