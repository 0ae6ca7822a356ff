"""A journal keeps what it acknowledged, ends every commit at a signed head, and proves it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from lpse.federation.checkpoints import Agreement, Head, sign_head
from lpse.federation.entries import decode_entry, verify_batch
from lpse.federation.errors import NotFound
from lpse.federation.merkle import (
    CompactRange,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from lpse.federation.notes import Signer
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import ManualClock, SeededEntropy
from lpse.runtime.sqlite import Database, StorageFull, Transaction
from lpse.storage.journal import Journal, JournalDamaged, OtherEnvironment

ROOT = Path(__file__).parents[2]
MIGRATION = ROOT / "regional_node" / "migrations" / "0010_journal.sql"
SIGNER = Signer.from_seed("lpse-pacitan", bytes(range(32)))


def record(size: int = 8) -> records.UploadAccepted:
    return records.UploadAccepted(commitment=bytes(size))


async def start(
    folder: Path,
    *,
    seed: int = 1,
    restored: bool = False,
    stored: Head | None = None,
    exercise: bool = False,
) -> tuple[Database, Journal]:
    migrations = folder / "migrations"
    migrations.mkdir(exist_ok=True)
    (migrations / MIGRATION.name).write_text(MIGRATION.read_text())
    database = await Database.open(folder / "node.db", migrations)
    clock = ManualClock(datetime(2015, 3, 27, tzinfo=UTC))
    journal = Journal(database, SIGNER, clock, SeededEntropy(seed), exercise=exercise)
    try:
        await journal.open(restored=restored, stored=stored)
    except BaseException:
        await database.close()
        raise
    return database, journal


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[tuple[Database, Journal]]:
    database, journal = await start(tmp_path)
    yield database, journal
    await database.close()


async def all_batches(journal: Journal) -> list[int]:
    """Follow the journal from its beginning as a receiver would; the sizes of its batches."""
    tree, sizes = CompactRange(), []
    while batch := await journal.batch(tree.size):
        done = verify_batch(tree, journal.verifier, batch, journal.party, journal.epoch)
        sizes.append(len(done.entries))
        tree = done.tree
    assert (tree.size, tree.root()) == (journal.head.size, journal.head.root)
    return sizes


async def test_both_migrations_are_the_same() -> None:
    """The centre and a node keep their own journal in the same tables."""
    central = ROOT / "central" / "migrations" / "0010_journal.sql"
    assert central.read_bytes() == MIGRATION.read_bytes()


async def test_a_journal_begins_with_its_epoch(opened: tuple[Database, Journal]) -> None:
    """The first entry of every tree says which epoch was opened and why."""
    _, journal = opened
    (first,) = await journal.entries(0, 10)
    assert decode_entry(first.data).kind == "epoch.opened"
    assert records.EpochOpened.FromString(decode_entry(first.data).payload).reason == "genesis"
    journal.head.verify(SIGNER.verifier)


async def test_concurrent_appends_are_dense_and_verifiable(
    opened: tuple[Database, Journal],
) -> None:
    """Indexes are dense, and batches within the limits lead a follower to the signed head."""
    _, journal = opened
    results = await asyncio.gather(*(journal.append(record()) for _ in range(700)))
    assert sorted(index for (index,) in results) == list(range(1, 701))
    sizes = await all_batches(journal)
    assert sum(sizes) == 701
    assert max(sizes) <= 256


async def test_one_large_commit_seals_several_heads(opened: tuple[Database, Journal]) -> None:
    """A commit larger than a batch by count or by bytes ends at more than one head."""
    _, journal = opened
    await journal.append(*(record() for _ in range(600)))
    # The opening entry is a commit of its own and does not fit into the first full batch.
    assert await all_batches(journal) == [1, 256, 256, 88]
    await journal.append(*(record(60_000) for _ in range(9)))
    assert await all_batches(journal) == [1, 256, 256, 92, 4, 1]


async def test_failed_unit_leaves_no_entry(opened: tuple[Database, Journal]) -> None:
    """Invariant 2: a unit that fails takes its entries back from disk and tree alike."""
    database, journal = opened

    def fails(tx: Transaction) -> None:
        for _ in range(300):
            journal.append_in(tx, record())
        raise LookupError

    results = await asyncio.gather(
        journal.append(record()),
        database.write(fails),
        journal.append(record()),
        return_exceptions=True,
    )
    assert (results[0], results[2]) == ([1], [2])
    with pytest.raises(LookupError):
        await database.write(fails)
    assert await journal.append(record()) == [3]
    assert sum(await all_batches(journal)) == 4


async def test_nested_part_is_taken_back_alone(opened: tuple[Database, Journal]) -> None:
    """Invariant 10: a poisoned part of a unit is taken back, tree included; the rest stays."""
    database, journal = opened

    def work(tx: Transaction) -> list[int]:
        kept = [journal.append_in(tx, record())]
        for _ in range(2):
            with pytest.raises(LookupError), tx.nested():
                journal.append_in(tx, record())
                raise LookupError
        with tx.nested():
            kept.append(journal.append_in(tx, record()))
        return kept

    assert await database.write(work) == [1, 2]
    assert sum(await all_batches(journal)) == 3


async def test_same_entry_id_is_appended_once(opened: tuple[Database, Journal]) -> None:
    """Invariant 3: appending the same id twice has the effect of once."""
    database, journal = opened
    unique = b"i" * 16
    first = await database.write(lambda tx: journal.append_in(tx, record(), entry_id=unique))
    again = await database.write(lambda tx: journal.append_in(tx, record(9), entry_id=unique))
    assert first == again == 1
    assert journal.head.size == 2


async def test_reopened_journal_continues(tmp_path: Path) -> None:
    """After a restart the same head stands, and the next entry follows it."""
    database, journal = await start(tmp_path)
    await journal.append(*(record() for _ in range(5)))
    head = journal.head
    await database.close()
    database, journal = await start(tmp_path, seed=2)
    assert journal.head == head
    assert await journal.append(record()) == [6]
    assert sum(await all_batches(journal)) == 7
    await database.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE journal_entries SET bytes = x'00'",
        "UPDATE journal_entries SET leaf_hash = zeroblob(32) WHERE idx = 1",
        "DELETE FROM journal_entries WHERE idx = 5",
        "DELETE FROM journal_heads WHERE size = 6",
        "UPDATE journal_heads SET root = zeroblob(32) WHERE size = 6",
    ],
)
async def test_damaged_journal_is_not_opened(tmp_path: Path, damage: str) -> None:
    """Invariant 2: a changed hash, row or root is found before anything is acknowledged."""
    database, journal = await start(tmp_path)
    await journal.append(*(record() for _ in range(5)))
    await database.close()
    with sqlite3.connect(tmp_path / "node.db") as raw:
        raw.execute(damage)
    raw.close()
    with pytest.raises(Exception) as refusal:
        await start(tmp_path)
    assert getattr(refusal.value, "code", "") in (JournalDamaged("").code, "FED-2103")


async def test_a_changed_byte_is_known_at_the_start_and_never_sent(tmp_path: Path) -> None:
    """Invariant 2: the journal goes on from its hashes, and what is damaged waits to be healed."""
    database, journal = await start(tmp_path)
    for _ in range(5):
        await journal.append(record())
    await database.close()
    with sqlite3.connect(tmp_path / "node.db") as raw:
        raw.execute("UPDATE journal_entries SET bytes = x'00' WHERE idx = 3")
    raw.close()
    database, journal = await start(tmp_path, seed=2)
    assert journal.met_damage == journal.epoch
    assert await journal.append(record()) == [6]
    batch = await journal.batch(0)
    assert batch is not None and len(batch.entries) == 3
    assert await journal.batch(3) is None
    later = await journal.batch(4)
    assert later is not None and len(later.entries) == 3
    await database.close()


async def test_a_batch_ends_before_an_entry_that_is_gone(
    opened: tuple[Database, Journal],
) -> None:
    """What lies behind the gap is never sent in its place."""
    database, journal = opened
    for _ in range(6):
        await journal.append(record())
    await database.write(lambda tx: tx.run("DELETE FROM journal_entries WHERE idx = 3"))
    batch = await journal.batch(0)
    assert batch is not None and (len(batch.entries), batch.head.size) == (3, 3)
    assert await journal.batch(3) is None
    assert journal.met_damage == journal.epoch


async def test_a_crash_after_the_new_epoch_founds_the_next_one_on_what_the_centre_knows(
    tmp_path: Path,
) -> None:
    """Invariant 5: however often a restore is begun again, the epoch names a head that was seen."""
    database, journal = await start(tmp_path)
    await journal.append(record())
    stored = journal.head
    await journal.append(record(9))
    known = journal.head
    await database.close()
    for seed in (2, 3):  # the marker outlived a crash, so the second start restores again
        database, journal = await start(tmp_path, seed=seed, restored=True, stored=stored)
        if seed == 2:
            await journal.append(record(10))
        last = journal
        await database.close() if seed == 2 else None
    rows = await last.entries(0, last.head.size)
    opened = records.EpochOpened.FromString(decode_entry(rows[0].data).payload)
    assert opened.continues_from == known.message()
    carried = [decode_entry(row.data) for row in rows[1:]]
    sizes = [len(records.UploadAccepted.FromString(entry.payload).commitment) for entry in carried]
    assert sizes == [9, 10], "each unsent entry once"
    assert carried[0].imported == (known.epoch, 2)
    await database.close()


async def test_restored_journal_opens_a_new_epoch(tmp_path: Path) -> None:
    """Invariant 5: a restored copy never continues the old tree; its new one names the old head."""
    database, journal = await start(tmp_path)
    await journal.append(record())
    old = journal.head
    await database.close()
    database, journal = await start(tmp_path, seed=2, restored=True)
    assert journal.epoch != old.epoch
    (first,) = await journal.entries(0, 1)
    opened = records.EpochOpened.FromString(decode_entry(first.data).payload)
    assert opened.continues_from == old.message()
    assert await journal.newest_head(old.epoch) == old
    batch = await journal.batch(0, epoch=old.epoch)
    assert batch is not None
    assert (
        verify_batch(CompactRange(), journal.verifier, batch, journal.party, old.epoch).head == old
    )
    with pytest.raises(NotFound):
        await journal.newest_head(bytes(16))
    await database.close()


async def test_waiters_wake_when_entries_are_durable(opened: tuple[Database, Journal]) -> None:
    """A follower that waits sees the new head, and one that is behind does not wait at all."""
    _, journal = opened
    await journal.wait_beyond(0)
    waiters = [asyncio.create_task(journal.wait_beyond(1)) for _ in range(50)]
    await asyncio.sleep(0)
    assert not any(waiter.done() for waiter in waiters)
    await journal.append(record())
    await asyncio.wait_for(asyncio.gather(*waiters), 60)
    assert journal.head.size == 2


async def test_waiters_wake_when_the_epoch_ends(opened: tuple[Database, Journal]) -> None:
    """A follower of an ended epoch must not wait for an entry that never comes."""
    _, journal = opened
    waiter = asyncio.create_task(journal.wait_beyond(5))
    await asyncio.sleep(0)
    await journal.open_epoch(journal.head, "test")
    await asyncio.wait_for(waiter, 60)


async def test_proofs_lead_to_signed_roots(opened: tuple[Database, Journal]) -> None:
    """Inclusion and consistency proofs made from the store verify against signed heads."""
    _, journal = opened
    old = journal.head
    await journal.append(*(record() for _ in range(20)))
    head = journal.head
    rows = await journal.entries(0, head.size)
    path = await journal.inclusion_proof(7, head.size)
    verify_inclusion(7, head.size, leaf_hash(rows[7].data), path, head.root)
    link = await journal.consistency_proof(old.size, head.size)
    verify_consistency(old.size, head.size, old.root, head.root, link)
    assert await journal.root_at(9) == root_of([row.leaf_hash for row in rows[:9]])


async def test_other_heads_are_judged(opened: tuple[Database, Journal]) -> None:
    """A follower's head is in sync, behind, or a fork; a longer one means that we were rewound."""
    _, journal = opened
    old = journal.head
    await journal.append(record(), record())
    assert await journal.agreement(journal.head) is Agreement.IN_SYNC
    assert await journal.agreement(old) is Agreement.AHEAD
    forged = sign_head(SIGNER, journal.epoch, 2, bytes(32))
    assert await journal.agreement(forged) is Agreement.FORKED
    longer = sign_head(SIGNER, journal.epoch, 9, bytes(32))
    assert await journal.agreement(longer) is Agreement.BEHIND
    other = sign_head(SIGNER, b"o" * 16, 2, bytes(32))
    assert await journal.agreement(other) is Agreement.OTHER_EPOCH


async def test_batch_keeps_to_the_credit(opened: tuple[Database, Journal]) -> None:
    """A batch never exceeds what the follower granted and begins exactly where it asks."""
    _, journal = opened
    for _ in range(6):
        await journal.append(record())
    batch = await journal.batch(2, entries_max=3)
    assert batch is not None
    assert (batch.first_index, len(batch.entries), batch.head.size) == (2, 3, 5)
    assert await journal.batch(2, bytes_max=1) is None
    assert await journal.batch(journal.head.size) is None


async def test_full_disk_takes_nothing_half(opened: tuple[Database, Journal]) -> None:
    """Invariants 1 and 2: a real SQLITE_FULL keeps no entry of its commit; the tree goes on."""
    database, journal = opened
    before = journal.head
    (pages,) = (await database.write(lambda tx: tx.execute("PRAGMA page_count")))[0]
    await database.write(lambda tx: tx.execute(f"PRAGMA max_page_count = {pages + 4}"))
    results = await asyncio.gather(
        *(journal.append(record(30_000)) for _ in range(5)), return_exceptions=True
    )
    assert {type(result) for result in results} == {StorageFull}
    assert journal.head == before
    assert await journal.append(record()) == [1]
    await database.write(lambda tx: tx.execute("PRAGMA max_page_count = 100000"))
    assert await journal.append(record(30_000)) == [2]
    assert sum(await all_batches(journal)) == 3


@pytest.mark.parametrize("seed", range(5))
async def test_any_mixture_of_units_leaves_disk_and_tree_equal(
    opened: tuple[Database, Journal], seed: int
) -> None:
    """Invariant 2: whatever fails or is cancelled, followers get a dense tree of what succeeded."""
    database, journal = opened
    chance = Random(seed)

    def unit(size: int, fate: float) -> Callable[[Transaction], list[int]]:
        def work(tx: Transaction) -> list[int]:
            done = [journal.append_in(tx, record()) for _ in range(size)]
            if 0.3 < fate < 0.5:
                with suppress(LookupError), tx.nested():
                    journal.append_in(tx, record())
                    raise LookupError
            if fate < 0.3:
                raise LookupError
            return done

        return work

    promised: list[int] = []
    for _ in range(10):
        units = [unit(chance.randint(0, 90), chance.random()) for _ in range(chance.randint(1, 9))]
        tasks = [asyncio.create_task(database.write(one)) for one in units]
        await asyncio.sleep(0)
        if chance.random() < 0.5:
            chance.choice(tasks).cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            promised += result if isinstance(result, list) else []
    await database.write(lambda _: None)  # what a cancelled waiter left in the queue is done too
    assert len(set(promised)) == len(promised)
    assert sum(await all_batches(journal)) == journal.head.size > max(promised)


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("restored", [False, True])
async def test_a_journal_is_not_continued_in_the_other_environment(
    tmp_path: Path, begun: bool, restored: bool
) -> None:
    """Whoever edits the configuration cannot step legal time past the deadline of sealed bids."""
    database, journal = await start(tmp_path, exercise=begun)
    await journal.append(record())
    await database.close()
    with pytest.raises(OtherEnvironment):
        await start(tmp_path, exercise=not begun, restored=restored)
    database, journal = await start(tmp_path, exercise=begun)
    assert journal.head.size == 2
    await database.close()
