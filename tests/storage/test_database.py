"""The database keeps its word: durable before answered, one writer, full and broken disks."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lpse.runtime.sqlite import (
    Database,
    DatabaseClosed,
    DatabaseInUse,
    DatabaseNewer,
    MigrationFailed,
    StorageFailed,
    StorageFull,
    Transaction,
)

SCHEMA = "CREATE TABLE thing (name TEXT PRIMARY KEY, size INTEGER CHECK (size < 100));\n"


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0010_thing.sql").write_text(SCHEMA)
    return folder


@pytest.fixture
async def database(tmp_path: Path, migrations: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "data.db", migrations)
    yield opened
    await opened.close()


def add(name: str, size: int = 1) -> Any:
    return lambda tx: tx.run("INSERT INTO thing VALUES (?, ?)", (name, size))


def names(tx: Transaction) -> list[str]:
    return [name for (name,) in tx.execute("SELECT name FROM thing ORDER BY name")]


async def test_settings_are_read_back(database: Database) -> None:
    """Invariant 1: the writer's commits are synchronous=FULL, in WAL mode, with foreign keys."""

    def pragmas(tx: Transaction) -> list[object]:
        wanted = ("synchronous", "journal_mode", "foreign_keys", "mmap_size")
        return [tx.execute(f"PRAGMA {name}")[0][0] for name in wanted]

    assert await database.write(pragmas) == [2, "wal", 1, 0]


async def test_a_failing_unit_takes_back_only_itself(database: Database) -> None:
    """Units that share one commit fail alone, and the error reaches their own caller."""

    def fails(tx: Transaction) -> None:
        add("half")(tx)
        add("too big", 1000)(tx)

    results = await asyncio.gather(
        database.write(add("a")),
        database.write(fails),
        database.write(add("b")),
        return_exceptions=True,
    )
    assert results[0] == results[2] == 1
    assert isinstance(results[1], sqlite3.IntegrityError)
    assert await database.read(names) == ["a", "b"]


async def test_a_unit_alone_in_its_commit_is_rolled_back_too(database: Database) -> None:
    """Without a SAVEPOINT a failing unit leaves nothing behind either."""

    def fails(tx: Transaction) -> None:
        add("half")(tx)
        raise LookupError("changed my mind")

    with pytest.raises(LookupError):
        await database.write(fails)
    assert await database.read(names) == []


async def test_cancelled_waiter_does_not_cancel_its_unit(database: Database) -> None:
    """A caller that goes away leaves its unit to be committed whole."""
    gate = threading.Event()

    def slow(tx: Transaction) -> None:
        gate.wait(10)
        add("slow")(tx)

    running = asyncio.create_task(database.write(slow))
    queued = asyncio.create_task(database.write(add("queued")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    queued.cancel()
    gate.set()
    await database.write(add("after"))
    assert await database.read(names) == ["after", "queued", "slow"]


async def test_what_arrives_while_committing_shares_the_next_commit(database: Database) -> None:
    """Group commit: many concurrent callers cost few transactions."""
    commits: list[int] = []

    class Counter:
        def begin(self) -> None: ...
        def save(self) -> object:
            return None

        def restore(self, saved: object) -> None: ...
        def before_commit(self, tx: Transaction) -> None: ...
        def after_commit(self) -> None:
            commits.append(1)

        def after_rollback(self) -> None: ...

    database.attach(Counter())
    await asyncio.gather(*(database.write(add(f"{n}")) for n in range(500)))
    assert len(commits) <= 3
    assert len(await database.read(names)) == 500


async def test_readers_cannot_write(database: Database) -> None:
    """A reader's connection refuses every change."""
    with pytest.raises((sqlite3.OperationalError, StorageFailed)):
        await database.read(add("x"))


async def test_one_hop_runs_in_the_connections_own_thread(database: Database) -> None:
    """Pins the private aiosqlite call: whole units run in one thread that is not the loop's."""
    threads = {await database.write(lambda _: threading.current_thread()) for _ in range(3)}
    assert len(threads) == 1
    (thread,) = threads
    assert thread is not threading.main_thread()
    assert thread.daemon


async def test_the_driver_logs_nothing_of_what_is_stored(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Secrecy: not even at DEBUG do parameters or a unit's own error reach the driver's log."""

    def complains(tx: Transaction) -> None:
        tx.execute("SELECT ?", ("PT Rahasia",))
        raise LookupError("PT Rahasia")

    with caplog.at_level("DEBUG"):
        await database.write(add("PT Rahasia"))
        for attempt in (database.read(complains), database.write(complains)):
            with pytest.raises(LookupError):
                await attempt
    assert any(record.name == "aiosqlite" for record in caplog.records)
    assert "Rahasia" not in caplog.text


async def test_second_process_is_kept_out(
    database: Database, tmp_path: Path, migrations: Path
) -> None:
    """Two writers of one file would contradict each other, so the second one is refused."""
    with pytest.raises(DatabaseInUse) as refusal:
        await Database.open(tmp_path / "data.db", migrations)
    assert refusal.value.code == "FED-1105"
    await database.write(add("still works"))


async def test_closed_database_refuses(tmp_path: Path, migrations: Path) -> None:
    """After close nothing is accepted, closing twice is harmless, and the lock is free again."""
    database = await Database.open(tmp_path / "data.db", migrations)
    pending = asyncio.create_task(database.write(add("last")))
    await asyncio.sleep(0)
    await database.close()
    await database.close()
    assert await pending == 1
    with pytest.raises(DatabaseClosed):
        await database.write(add("x"))
    with pytest.raises(DatabaseClosed):
        await database.read(names)
    again = await Database.open(tmp_path / "data.db", migrations)
    assert await again.read(names) == ["last"]
    await again.close()


async def test_older_program_refuses_newer_file(tmp_path: Path, migrations: Path) -> None:
    """A file of version 20 is not opened by a program that knows 10."""
    (migrations / "0020_more.sql").write_text("CREATE TABLE more (a INTEGER);\n")
    await (await Database.open(tmp_path / "data.db", migrations)).close()
    (migrations / "0020_more.sql").unlink()
    with pytest.raises(DatabaseNewer) as refusal:
        await Database.open(tmp_path / "data.db", migrations)
    assert refusal.value.code == "FED-1103"


async def test_migration_is_one_transaction_with_a_backup_before(
    tmp_path: Path, migrations: Path
) -> None:
    """A migration that fails half-way changes nothing, and the old content lies beside it."""
    database = await Database.open(tmp_path / "data.db", migrations)
    await database.write(add("old"))
    await database.close()
    bad = migrations / "0020_bad.sql"
    bad.write_text("CREATE TABLE fresh (a INTEGER);\nINSERT INTO missing VALUES (1);\n")
    with pytest.raises(MigrationFailed):
        await Database.open(tmp_path / "data.db", migrations)
    with sqlite3.connect(tmp_path / "data.db.v0010.bak") as backup:
        assert backup.execute("SELECT name FROM thing").fetchall() == [("old",)]
    bad.write_text("ALTER TABLE thing ADD COLUMN note TEXT;\n")
    database = await Database.open(tmp_path / "data.db", migrations)
    assert await database.read(lambda tx: tx.execute("SELECT name, note FROM thing")) == [
        ("old", None)
    ]
    await database.close()


@pytest.mark.parametrize("name", ["10_short.sql", "0010_twice.sql", "0000_zero.sql"])
async def test_wrong_migration_folder_is_refused(
    tmp_path: Path, migrations: Path, name: str
) -> None:
    """A name or number that cannot be ordered is refused before the file is touched."""
    (migrations / name).write_text("CREATE TABLE x (a INTEGER);\n")
    with pytest.raises(MigrationFailed):
        await Database.open(tmp_path / "data.db", migrations)


class Faulty(sqlite3.Connection):
    """A connection whose next statement with a given beginning fails as a disk would."""

    plan: dict[str, int] = {}  # noqa: RUF012 - shared on purpose, reset by the fixture

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        for beginning, code in list(self.plan.items()):
            if sql.startswith(beginning):
                del self.plan[beginning]
                error = sqlite3.OperationalError("injected")
                error.sqlite_errorcode = code
                error.sqlite_errorname = "INJECTED"
                raise error
        return super().execute(sql, *rest)


def faulty_connector(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, isolation_level=None, factory=Faulty)


@pytest.fixture
async def faulty(tmp_path: Path, migrations: Path) -> AsyncIterator[Database]:
    Faulty.plan.clear()
    opened = await Database.open(tmp_path / "data.db", migrations, connector=faulty_connector)
    yield opened
    Faulty.plan.clear()
    await opened.close()


@pytest.mark.parametrize("where", ["COMMIT", "INSERT"])
async def test_full_disk_keeps_nothing_of_that_commit_and_stays_usable(
    faulty: Database, where: str
) -> None:
    """Invariant 1: on SQLITE_FULL no caller of that commit is told yes, and the next one works."""
    Faulty.plan[where] = sqlite3.SQLITE_FULL
    results = await asyncio.gather(
        *(faulty.write(add(f"{n}")) for n in range(3)), return_exceptions=True
    )
    assert all(isinstance(result, StorageFull) for result in results)
    assert await faulty.read(names) == []
    assert not faulty.failed.is_set()
    await faulty.write(add("room again"))
    assert await faulty.read(names) == ["room again"]


async def test_unit_cannot_hide_a_full_disk(faulty: Database) -> None:
    """A unit that swallows SQLITE_FULL is refused all the same."""
    Faulty.plan["INSERT"] = sqlite3.SQLITE_FULL

    def swallows(tx: Transaction) -> str:
        try:
            add("x")(tx)
        except sqlite3.Error:
            return "fine"
        return "ok"

    with pytest.raises(StorageFull):
        await faulty.write(swallows)


@pytest.mark.parametrize("where", ["COMMIT", "INSERT"])
async def test_failing_disk_ends_all_writing(faulty: Database, where: str) -> None:
    """Invariant 1: after an I/O error nothing is acknowledged any more, and the program is told."""
    Faulty.plan[where] = sqlite3.SQLITE_IOERR | (4 << 8)  # SQLITE_IOERR_FSYNC
    results = await asyncio.gather(
        faulty.write(add("a")), faulty.write(add("b")), return_exceptions=True
    )
    assert all(isinstance(result, StorageFailed) for result in results)
    assert faulty.failed.is_set()
    with pytest.raises(StorageFailed) as refusal:
        await faulty.write(add("c"))
    assert refusal.value.code == "FED-1102"


async def test_waiting_writes_are_bounded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: beyond the limit a write is refused with a code, and nothing else is lost."""
    monkeypatch.setattr("lpse.runtime.sqlite.database.WRITE_QUEUE_UNITS_MAX", 3)
    results = await asyncio.gather(
        *(database.write(add(f"{n}")) for n in range(5)), return_exceptions=True
    )
    assert results[:3] == [1, 1, 1]
    assert [getattr(refusal, "code", "") for refusal in results[3:]] == ["FED-1104"] * 2
    assert await database.read(names) == ["0", "1", "2"]


async def test_large_units_are_spread_over_commits(database: Database) -> None:
    """Invariant 12: a commit closes at its byte limit, and the rest follows in the next one."""
    await database.write(lambda tx: tx.run("CREATE TABLE big (data BLOB)"))
    data = bytes(3 * 1024 * 1024)
    insert = "INSERT INTO big VALUES (?)"
    await asyncio.gather(*(database.write(lambda tx: tx.run(insert, (data,))) for _ in range(8)))
    count = await database.read(lambda tx: tx.execute("SELECT count(*) FROM big"))
    assert count == [(8,)]


async def test_log_is_bounded_although_readers_never_pause(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: the write-ahead log starts again once it has grown beyond its limit."""
    limit = 1024 * 1024
    monkeypatch.setattr("lpse.runtime.sqlite.database.WAL_BYTES_MAX", limit)
    database._wal_restart_bytes = limit
    await database.write(lambda tx: tx.run("CREATE TABLE big (data BLOB)"))
    for _ in range(20):
        await database.write(lambda tx: tx.run("INSERT INTO big VALUES (zeroblob(200000))"))
        await database.read(lambda tx: tx.execute("SELECT count(*) FROM big"))
    assert (tmp_path / "data.db-wal").stat().st_size < 2 * limit


async def test_failing_checkpoint_ends_all_writing(
    faulty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 1: an fsync that fails while the log is copied back is not kept secret."""
    monkeypatch.setattr("lpse.runtime.sqlite.database.WAL_CHECKPOINT_BYTES", 1)
    Faulty.plan["PRAGMA wal_checkpoint"] = sqlite3.SQLITE_IOERR | (4 << 8)
    assert await faulty.write(add("committed before")) == 1
    await asyncio.wait_for(faulty.failed.wait(), 60)
    with pytest.raises(StorageFailed):
        await faulty.write(add("refused"))


async def test_checkpoints_keep_the_log_small(database: Database, tmp_path: Path) -> None:
    """Invariant 12: ordinary writing copies the log back long before its hard limit."""
    await database.write(lambda tx: tx.run("CREATE TABLE big (data BLOB)"))
    data = bytes(500_000)
    for _ in range(60):
        await database.write(lambda tx: tx.run("INSERT INTO big VALUES (?)", (data,)))
    assert (tmp_path / "data.db-wal").stat().st_size < 12_000_000
