"""A node's tables come back from its own journal, row by row."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse.federation.desired_state import NodeFacts
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction
from regional_node.recovery.restoring.table import Restorers
from regional_node.restored import DONE, Restored, RestoredEntry
from tests.regional_node.recovery.restored_world import Areas, Day, rows_of

FACTS = NodeFacts("lpse-pacitan", "ID-JI", "Asia/Jakarta")
START = datetime(2015, 3, 24, 1, 0, tzinfo=UTC)


async def opened(folder: Path, like: Areas | None = None) -> Areas:
    """A node's areas; with the national journal and the clock of another one."""
    folder.mkdir(exist_ok=True)
    areas = Areas(folder, FACTS, like.clock.now() if like else START)
    if like is not None:
        areas.national = like.national
    return await areas.open(seed=1 if like is None else 2)


@pytest.mark.parametrize("seed", range(8))
async def test_a_random_day_comes_back_into_an_empty_database(tmp_path: Path, seed: int) -> None:
    """Invariant 2: what was journalled is enough to make every row again, twice over too."""
    node = await opened(tmp_path / "node")
    day = Day(node, seed)
    await day.begin()
    await day.play(45)
    await day.end()
    await node.judging.step(node.moment())
    entries = await node.own_entries()
    rebuilt = await opened(tmp_path / "rebuilt", node)
    for _ in range(2):
        await rebuilt.restore(entries, rebuilt.restorers)
    before = rebuilt.journal.head.size
    await rebuilt.step()
    await rebuilt.judging.step(rebuilt.moment())
    assert rebuilt.journal.head.size == before  # nothing is told or proposed a second time
    for areas in (node, rebuilt):
        await areas.close()
    expected, found = rows_of(tmp_path / "node"), rows_of(tmp_path / "rebuilt")
    for table, listed in expected.items():
        assert found[table] == listed, table


@pytest.mark.parametrize("seed", range(8, 12))
async def test_a_lost_tail_comes_back_into_an_old_copy(tmp_path: Path, seed: int) -> None:
    """A copy of the database from some hour before, given the rest, is the database again."""
    node = await opened(tmp_path / "node")
    day = Day(node, seed)
    await day.begin()
    await day.play(25)
    (tmp_path / "old").mkdir()
    await node.database.copy_to(tmp_path / "old" / "node.db")
    known = node.journal.head.size
    await day.play(25)
    await day.end()
    await node.judging.step(node.moment())
    tail = await node.own_entries(known)
    await node.close()
    shutil.copytree(tmp_path / "node" / "blobs", tmp_path / "old" / "blobs")
    rewound = await opened(tmp_path / "old", node)
    await rewound.restore(tail, rewound.restorers)
    await rewound.step()
    await rewound.judging.step(rewound.moment())
    await rewound.close()
    expected, found = rows_of(tmp_path / "node"), rows_of(tmp_path / "old")
    for table, listed in expected.items():
        assert found[table] == listed, table


async def test_an_entry_that_no_table_takes_holds_up_no_other(tmp_path: Path) -> None:
    """Invariant 10: whatever an area raises, the entry is noted and those behind it come back."""
    node = await opened(tmp_path / "node")
    taken: list[int] = []

    def clashes(tx: Transaction, entry: RestoredEntry) -> Restored:
        if entry.index == 1:
            tx.run("INSERT INTO recovery_state (one) VALUES (1)")  # the row is there already
        taken.append(entry.index)
        return DONE

    restorers = Restorers({"hold.ended": clashes}, {}, lambda: None)
    await node.journal.append(*(records.HoldEnded(reason=str(one)) for one in range(3)))
    ended = [one for one in await node.own_entries() if one.kind == "hold.ended"]
    assert [one.index for one in ended] == [1, 2, 3]
    await node.restore(ended, restorers)
    assert taken == [2, 3]
    (told,) = await node.database.write(restorers.told_in)
    assert told.classification == records.CLASSIFICATION_PARKED
    await node.close()


async def test_what_waits_is_tried_again_in_bounded_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much waits, one unit of work takes up a part of it, and all of it gets its turn."""
    monkeypatch.setattr("regional_node.recovery.restoring.table.RESTORED_SUBJECTS_PER_STEP", 2)
    node = await opened(tmp_path / "node")
    here: set[int] = set()

    def waits(tx: Transaction, entry: RestoredEntry) -> Restored:
        return DONE if entry.index in here else Restored(later=bytes([entry.index]))

    restorers = Restorers({"hold.ended": waits}, {}, lambda: None)
    await node.journal.append(*(records.HoldEnded(reason=str(one)) for one in range(5)))
    await node.restore(await node.own_entries(), restorers)
    here.update(range(10))
    after, units = b"", 0
    while units == 0 or after:
        last = after
        after = await node.database.write(lambda tx, last=last: restorers.retry_in(tx, last))  # type: ignore[misc] # mypy cannot type a lambda with defaults
        units += 1
    assert units == 3
    left = await node.database.read(lambda tx: tx.execute("SELECT count(*) FROM restore_later"))
    assert left == [(0,)]
    await node.close()
