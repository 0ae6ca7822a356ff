"""Bring a database file up to date: numbered SQL files, one transaction, a backup before.

Owns the reading of a folder of `NNNN_name.sql` and the use of `user_version` (the highest number
applied). Rules: all pending files are one transaction; an older program never opens a newer file;
before a file that holds data is changed, a copy of it is made and fsynced beside it. Leaves out
what the tables mean.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lpse.runtime.sqlite.errors import DatabaseNewer, MigrationFailed

_NAME = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of statements."""

    number: int
    name: str
    text: str


def load_migrations(folder: Path) -> list[Migration]:
    """Every migration of a folder in order; refuses a foreign file name or a number used twice."""
    found: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise MigrationFailed(f"{path.name} is not named like 0010_journal.sql")
        number = int(match[1])
        if number == 0 or number in found:
            raise MigrationFailed(f"{path.name} has number 0 or a number used twice")
        found[number] = Migration(number, path.name, path.read_text("utf-8"))
    if not found:
        raise MigrationFailed("there are no migrations")
    return [found[number] for number in sorted(found)]


def migrate(connection: sqlite3.Connection, path: Path, migrations: list[Migration]) -> None:
    """Apply what is pending, all or nothing."""
    (present,) = connection.execute("PRAGMA user_version").fetchone()
    newest = migrations[-1].number
    if present > newest:
        raise DatabaseNewer(present, newest)
    pending = [migration for migration in migrations if migration.number > present]
    if not pending:
        return
    if present:
        copy_database(connection, path.with_name(f"{path.name}.v{present:04}.bak"))
    connection.execute("BEGIN IMMEDIATE")
    for migration in pending:
        _apply(connection, migration)
    connection.execute(f"PRAGMA user_version = {int(newest)}")
    connection.execute("COMMIT")


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    for statement in _statements(migration):
        try:
            connection.execute(statement)
        except sqlite3.Error as error:
            connection.execute("ROLLBACK")
            raise MigrationFailed(f"{migration.name}: {error}") from error
        if not connection.in_transaction:
            raise MigrationFailed(f"{migration.name} ends the transaction")


def _statements(migration: Migration) -> Iterator[str]:
    """Statements one by one: `executescript` would commit before it begins."""
    statement = ""
    for line in migration.text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if any(line.strip() and not line.lstrip().startswith("--") for line in statement.splitlines()):
        raise MigrationFailed(f"{migration.name} ends in the middle of a statement")


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """A consistent copy of a live database, page by page, durable under its name or absent."""
    draft = target.with_name(target.name + ".part")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    copy = sqlite3.connect(draft, isolation_level=None)
    try:
        # In one step: between steps a foreign commit would start the copy from its beginning.
        source.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        copy.close()
    fsync_path(draft)
    draft.replace(target)
    fsync_path(target.parent)


def fsync_path(path: Path) -> None:
    """Force a file's or a directory's present content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
