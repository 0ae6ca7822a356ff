"""The yardstick of intake: a plain sqlite3 thread that commits in groups, and nothing else.

Owns one thread and one fsynced transaction per group (`synchronous=FULL`, WAL). As fast as Python's
sqlite3 can be made to go: a group goes in by `executemany`, and is answered by one wake-up of the
event loop. What a group writes is an argument: one row each, or the very rows of an acceptance.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

Item = tuple[int, asyncio.Future[None]]
WriteGroup = Callable[[sqlite3.Connection, list[int]], None]

ROW = bytes(2_048)  # about what one acceptance writes: receipt, details, entry
_SCHEMA = "CREATE TABLE raw (id INTEGER PRIMARY KEY, data BLOB NOT NULL)"
_ENTRY = "INSERT INTO journal_entries VALUES (?, ?, ?, ?, ?, ?)"
_HEAD = "INSERT INTO journal_heads VALUES (1, ?, ?, ?)"
_BLOB = "INSERT INTO intake_blobs VALUES (?, 4096, 1, 0, 0)"
_SUBMISSION = (
    "INSERT INTO intake_submissions (intake_key, package, commitment, salt, details, accept_time,"
    " clock_error, zone, receipt, verdict, deadline_time, schedule_revision, journal_epoch,"
    " journal_index) VALUES (?, ?, ?, ?, ?, 0, 0, 'Asia/Jakarta', ?, 1, 0, 1, ?, ?)"
)


def one_row_each(connection: sqlite3.Connection, numbers: list[int]) -> None:
    """As little as a commit can hold."""
    rows = [(number, ROW) for number in numbers]
    connection.executemany("INSERT INTO raw (id, data) VALUES (?, ?)", rows)


def rows_of_an_acceptance(connection: sqlite3.Connection, numbers: list[int]) -> None:
    """The rows that the node's own tables get, with their indexes, and nothing computed."""
    keys = [number.to_bytes(32, "big") for number in numbers]
    pairs = list(zip(numbers, keys, strict=True))
    connection.executemany(
        _ENTRY, [(1, number, key[16:], "upload.accepted", ROW[:180], key) for number, key in pairs]
    )
    connection.executemany(
        _SUBMISSION,
        [
            (f"bench-{number}", f"{7_000_000 + number % 80}", key, key, ROW[:240], ROW[:1_100],
             key[:16], number)
            for number, key in pairs
        ],
    )  # fmt: skip
    connection.executemany(_BLOB, [(key,) for key in keys])
    connection.execute(_HEAD, (numbers[-1] + 1, keys[-1], bytes(64)))


class RawGroupCommit:
    """Write units durably; callers of one moment share one commit."""

    def __init__(self, path: Path, write_group: WriteGroup = one_row_each) -> None:
        if not path.exists():
            with closing(sqlite3.connect(path)) as connection:
                connection.execute(_SCHEMA)
        self._write_group = write_group
        self._number = 0
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._path = path
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    async def insert(self) -> None:
        """Write one unit; returns when it is durable."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._number += 1
        self._queue.put((self._number, future))
        await future

    async def close(self) -> None:
        """Finish and close."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = FULL")
        while (first := self._queue.get()) is not None:
            group = [first]
            while not self._queue.empty():
                item = self._queue.get()
                if item is None:
                    self._queue.put(None)
                    break
                group.append(item)
            connection.execute("BEGIN IMMEDIATE")
            self._write_group(connection, [number for number, _ in group])
            connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_answer, [future for _, future in group])
        connection.close()


def _answer(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)
