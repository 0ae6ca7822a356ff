"""A node's tables come back from its own journal, row by row."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse.federation.desired_state import NodeFacts
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
