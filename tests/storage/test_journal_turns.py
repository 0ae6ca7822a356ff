"""A journal that leaves what the other side contradicts: nothing is lost, nothing comes twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse.federation.checkpoints import Head
from lpse.federation.entries import decode_entry
from lpse.federation.notes import Signer
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import ManualClock, SeededEntropy
from lpse.runtime.sqlite import Database
from lpse.storage.journal import Journal
from lpse.storage.journal_branches import branch_entries_in, branches_in
from lpse.storage.journal_tail import Carried

MIGRATIONS = Path(__file__).parents[2] / "regional_node" / "migrations"
SIGNER = Signer.from_seed("lpse-pacitan", bytes(range(32)))


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[tuple[Database, Journal]]:
    """Five entries behind the one that opened the epoch."""
    database = await Database.open(tmp_path / "node.db", MIGRATIONS)
    clock = ManualClock(datetime(2015, 3, 27, tzinfo=UTC))
    opened = Journal(database, SIGNER, clock, SeededEntropy(1))
    await opened.open()
    for number in range(5):
        await opened.append(records.HoldEnded(reason=str(number)))
    yield database, opened
    await database.close()


async def turn(
    database: Database, journal: Journal, agreed: Mapping[bytes, tuple[int, int]], last: Head
) -> list[Carried]:
    """Turn away; what went into the new epoch again."""
    return await database.write(lambda tx: journal.turn_in(tx, agreed, last))


async def reasons(journal: Journal, epoch: bytes) -> list[str]:
    """The holds of an epoch in order."""
    rows = await journal.entries(0, 100, epoch=epoch)
    entries = [decode_entry(row.data) for row in rows]
    return [
        records.HoldEnded.FromString(one.payload).reason
        for one in entries
        if one.kind == "hold.ended"
    ]


async def test_what_contradicts_moves_to_a_branch_and_the_epoch_ends_at_the_prefix(
    journal: tuple[Database, Journal],
) -> None:
    """Invariant 2: the branch keeps every byte, and what is left ends at a head of its own."""
    database, own = journal
    first, last = own.epoch, own.head
    whole = [row.data for row in await own.entries(0, 6)]
    carried = await turn(database, own, {first: (3, 9)}, last)
    assert [one.entry.imported for one in carried] == [(first, 3), (first, 4), (first, 5)]
    assert (await own.newest_head(first)).size == 3
    assert await reasons(own, first) == ["0", "1"]
    assert await reasons(own, own.epoch) == ["2", "3", "4"]
    (branch,) = await database.read(branches_in)
    assert (branch.first_index, branch.size, branch.root) == (3, 6, last.root)
    kept = await database.read(lambda tx: branch_entries_in(tx, branch, 0, 100))
    assert [one.data for one in kept] == whole[3:]


async def test_what_only_this_side_has_stays_and_is_carried_once(
    journal: tuple[Database, Journal],
) -> None:
    """Invariant 3: turning again carries only what did not reach the other side the first time."""
    database, own = journal
    first, last = own.epoch, own.head
    carried = await turn(database, own, {first: (3, 3)}, last)
    assert len(carried) == 3
    assert (await own.newest_head(first)).size == 6, "nothing contradicts it"
    second = own.epoch
    reached = {first: (3, 3), second: (2, 2)}  # the opening and one of the three
    carried = await turn(database, own, reached, own.head)
    assert [records.HoldEnded.FromString(one.entry.payload).reason for one in carried] == ["3", "4"]
    assert [one.entry.imported for one in carried] == [(first, 4), (first, 5)]
    third = own.epoch
    everything = {first: (3, 3), second: (2, 2), third: (3, 3)}
    assert await turn(database, own, everything, own.head) == []
