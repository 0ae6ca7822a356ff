"""SQLite's own check never calls a sound database damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lpse.storage import backup
from lpse.storage.backup_manifest import BackupDamaged

ROOT = Path(__file__).resolve().parents[2]
SIDES = ("central", "regional_node")
OLDER = (
    "CREATE TABLE releases (code TEXT NOT NULL, decision BLOB NOT NULL, at INTEGER NOT NULL,"
    " PRIMARY KEY (code, at)) WITHOUT ROWID"
)


@pytest.mark.parametrize("side", SIDES)
def test_keys_come_first_where_rows_have_no_number(side: str) -> None:
    """SQLite 3.40 reports NULLs that are not there in any other order, and no node would start."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for script in sorted((ROOT / side / "migrations").glob("*.sql")):
            connection.executescript(script.read_text("utf-8"))
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%WITHOUT ROWID%'"
        ).fetchall()
        assert tables
        for (table,) in tables:
            columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
            key = sorted((column for column in columns if column[5]), key=lambda one: one[5])
            assert columns[: len(key)] == key, table


def test_a_decision_that_ends_a_hold_leaves_a_sound_database() -> None:
    """The row that once kept nodes from starting again passes the check once it was moved."""
    scripts = sorted((ROOT / "regional_node" / "migrations").glob("*.sql"))
    with closing(sqlite3.connect(":memory:")) as connection:
        for script in scripts:
            if script.name == "0072_schedule_releases.sql":
                connection.execute(
                    "INSERT INTO schedule_releases (package, revision, decision, decide_time)"
                    " VALUES ('7781013', 1, x'01', 5)"
                )
            connection.executescript(script.read_text("utf-8"))
        assert connection.execute("SELECT decision, decide_time FROM schedule_releases").fetchall()
        assert connection.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]


def test_a_copy_of_an_older_database_is_no_damaged_backup(tmp_path: Path) -> None:
    """What was saved before the migration can still be verified and restored; real NULLs cannot."""
    path = tmp_path / "older.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(OLDER)
        connection.execute("INSERT INTO releases VALUES ('7781013', x'01', 5)")
        connection.commit()
    backup._check_database(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bids (size INTEGER)")
        connection.execute("INSERT INTO bids VALUES (NULL)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = 'CREATE TABLE bids (size INTEGER NOT NULL)'"
            " WHERE name = 'bids'"
        )
        connection.commit()
    with pytest.raises(BackupDamaged):
        backup._check_database(path)
