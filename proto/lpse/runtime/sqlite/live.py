"""Reading a database file that another process may be writing: a copy, or a look at its tables.

Owns read-only connections from outside the daemon, for backups and doctors. Rule: such a connection
never writes, never checkpoints and takes no lock that a writer waits for, so the running daemon
does not notice it; SQLite gives it one consistent snapshot. Leaves out the daemon's own readers
(`database`).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from lpse.federation.limits import BUSY_TIMEOUT_MILLISECONDS
from lpse.runtime.sqlite.errors import StorageFailed, storage_error
from lpse.runtime.sqlite.migrations import copy_database
from lpse.runtime.sqlite.transaction import Transaction

T = TypeVar("T")


class LiveDatabase:
    """A database file seen from outside; every call opens and closes its own connection."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def copy_to(self, target: Path) -> None:
        """A consistent, durable copy, while the daemon goes on."""
        await asyncio.to_thread(self._with, lambda connection: copy_database(connection, target))

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run a unit on one snapshot."""

        def unit(connection: sqlite3.Connection) -> T:
            connection.execute("PRAGMA query_only = 1")
            connection.execute("BEGIN")
            return work(Transaction(connection))

        return await asyncio.to_thread(self._with, unit)

    def _with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        uri = f"file:{quote(str(self.path.absolute()))}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MILLISECONDS}")
                return work(connection)
        except sqlite3.Error as error:
            raise storage_error(error) or StorageFailed(type(error).__name__) from error
