"""Looking for what goes next costs by what waits, not by everything that ever went."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse.runtime.sqlite import Database, Row, Transaction
from regional_node.transfer.needs_store import NeedsStore
from regional_node.transfer.store import Announced, Due, TransferStore

MIGRATIONS = Path(__file__).resolve().parents[3] / "regional_node" / "migrations"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
EPOCH = bytes(16)
GONE, WAITING, PARKED = 300, 3, 2


async def test_what_has_gone_is_never_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The questions of every step find what waits, and walk only indexes of what is open."""
    path = tmp_path / "node.db"
    database = await Database.open(path, MIGRATIONS)
    try:
        store, asked = TransferStore(database), _recorded(monkeypatch)
        await _fill(store, database)
        due = Due(NOW, NOW, 0, 1 << 40, EPOCH, 1_000)
        candidates = await store.candidates(due, 50)
        parked = await store.parked("", 0, 50)
        packages = await NeedsStore(database).open_packages()
    finally:
        await database.close()
    assert sorted(one.item for one in candidates) == [301, 302, 303]
    assert [one.item for one in parked] == [304, 305]
    assert packages == ["open"]
    assert len(asked) == 5
    for sql, values in asked:
        for step in _plan(path, sql, values):
            whole = step.startswith("SCAN") and "transfer_blobs_by_" not in step
            assert not whole or step == "SCAN transfer_needed", (sql, step)
            assert "sqlite_autoindex" not in step, (sql, step)


async def _fill(store: TransferStore, database: Database) -> None:
    listed = [
        Announced(number.to_bytes(32, "big"), 1_000 + number, number, number)
        for number in range(GONE + WAITING + PARKED)
    ]
    await store.announce(EPOCH, (0, len(listed)), listed, NOW)
    await store.verified(range(1, GONE + 1))

    def rest(tx: Transaction) -> None:
        parked = "UPDATE transfer_blobs SET state = 'PARKED' WHERE item > ?"
        tx.run(parked, (GONE + WAITING,))
        tx.run(
            "INSERT INTO transfer_needs SELECT digest,"
            " CASE WHEN state = 'VERIFIED' THEN 'gone' ELSE 'open' END FROM transfer_blobs"
        )

    await database.write(rest)


def _recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Sequence[object]]]:
    asked: list[tuple[str, Sequence[object]]] = []
    execute = Transaction.execute

    def record(tx: Transaction, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        asked.append((sql, parameters))
        return execute(tx, sql, parameters)  # type: ignore[arg-type] # the same values

    monkeypatch.setattr(Transaction, "execute", record)
    return asked


def _plan(path: Path, sql: str, values: Sequence[object]) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        return [str(row[3]) for row in rows]
    finally:
        connection.close()


async def test_a_bid_of_many_files_is_one_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the centre has every blob of a bid costs a vendor's page one look at the rows."""
    database = await Database.open(tmp_path / "node.db", MIGRATIONS)
    try:
        store, asked = TransferStore(database), _recorded(monkeypatch)
        await _fill(store, database)
        asked.clear()
        gone = {number.to_bytes(32, "big") for number in range(GONE)}
        assert await store.are_verified(gone)
        assert len(asked) == 1
        assert not await store.are_verified({*gone, GONE.to_bytes(32, "big")})
        assert not await store.are_verified({*gone, b"?" * 32})
        assert await store.are_verified(set())
    finally:
        await database.close()
