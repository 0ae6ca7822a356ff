"""A follower stores verified batches as they came, once, and knows exactly how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lpse.federation.checkpoints import sign_head
from lpse.federation.entries import BatchGap, Forked, RootMismatch
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.notes import Signer
from lpse.federation.v1 import journal_pb2 as wire
from lpse.runtime.sqlite import Database
from lpse.storage.received import (
    ReceivedDamaged,
    ReceivedJournals,
    StoredEntry,
    received_schema,
)

SIGNER = Signer.from_seed("lpse-kotabaru", b"k" * 32)
EPOCH = b"e" * 16


def batch_of(
    entries: list[bytes], first: int, last: int, signer: Signer = SIGNER
) -> wire.EntryBatch:
    """Entries [first, last) with the head that their writer signs at `last`."""
    tree = CompactRange.from_leaf_hashes(map(leaf_hash, entries[:last]))
    head = sign_head(signer, EPOCH, last, tree.root())
    return wire.EntryBatch(first_index=first, entries=entries[first:last], head=head.message())


ENTRIES = [b"entry %d" % number for number in range(40)]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0015_ledger.sql").write_text(received_schema("regional"))
    opened = await Database.open(tmp_path / "central.db", folder)
    yield opened
    await opened.close()


@pytest.fixture
def received(database: Database) -> ReceivedJournals:
    return ReceivedJournals(database, "regional")


async def take(received: ReceivedJournals, batch: wire.EntryBatch) -> int:
    position = await received.position(SIGNER.name, EPOCH)
    done = await received.verify(batch, SIGNER.verifier, position)
    return (await received.store_batch(done)).size


async def test_batches_are_kept_verbatim(received: ReceivedJournals) -> None:
    """Invariant 2: what is read back are the received bytes, and the head is the signed one."""
    assert await take(received, batch_of(ENTRIES, 0, 10)) == 10
    assert await take(received, batch_of(ENTRIES, 10, 40)) == 40
    rows = await received.entries(SIGNER.name, EPOCH, 0, 100)
    assert [row.data for row in rows] == ENTRIES
    position = await received.position(SIGNER.name, EPOCH)
    assert position.head is not None
    assert position.head.message() == batch_of(ENTRIES, 0, 40).head
    assert position.tree.root() == position.head.root


async def test_duplicate_and_overlapping_batches_have_the_effect_of_once(
    received: ReceivedJournals,
) -> None:
    """Invariant 3: a batch sent again, whole or in part, stores only what is new."""
    await take(received, batch_of(ENTRIES, 0, 10))
    assert await take(received, batch_of(ENTRIES, 0, 10)) == 10
    assert await take(received, batch_of(ENTRIES, 3, 7)) == 10
    assert await take(received, batch_of(ENTRIES, 5, 20)) == 20
    assert len(await received.entries(SIGNER.name, EPOCH, 0, 100)) == 20


async def test_contradicting_batch_stores_nothing(received: ReceivedJournals) -> None:
    """Invariant 5: a rewritten history is recognised, by overlap or by root, and kept out."""
    await take(received, batch_of(ENTRIES, 0, 10))
    other = [*ENTRIES[:5], b"forged", *ENTRIES[6:]]
    with pytest.raises(Forked):
        await take(received, batch_of(other, 4, 20))
    with pytest.raises(RootMismatch):
        await take(received, batch_of(other, 10, 20))
    with pytest.raises(BatchGap):
        await take(received, batch_of(ENTRIES, 11, 20))
    assert (await received.position(SIGNER.name, EPOCH)).tree.size == 10


async def test_two_sessions_of_one_party_cannot_both_store(received: ReceivedJournals) -> None:
    """A batch that was verified against an older position is refused, not stored twice."""
    position = await received.position(SIGNER.name, EPOCH)
    one = await received.verify(batch_of(ENTRIES, 0, 10), SIGNER.verifier, position)
    two = await received.verify(batch_of(ENTRIES, 0, 12), SIGNER.verifier, position)
    results = await asyncio.gather(
        received.store_batch(one), received.store_batch(two), return_exceptions=True
    )
    assert results[0] == one.head
    assert isinstance(results[1], BatchGap)
    assert len(await received.entries(SIGNER.name, EPOCH, 0, 100)) == 10


async def test_many_parties_share_commits(received: ReceivedJournals) -> None:
    """Batches of different parties are stored independently of each other."""

    async def follow(number: int) -> int:
        signer = Signer.from_seed(f"lpse-{number}", bytes([number]) * 32)
        position = await received.position(signer.name, EPOCH)
        batch = batch_of(ENTRIES, 0, 1 + number % 5, signer)
        done = await received.verify(batch, signer.verifier, position)
        return (await received.store_batch(done)).size

    sizes = await asyncio.gather(*(follow(number) for number in range(30)))
    assert sizes == [1 + number % 5 for number in range(30)]
    stored = [position.tree.size for position in await received.positions()]
    assert sorted(stored) == sorted(sizes)


async def test_damaged_copy_is_found(received: ReceivedJournals, database: Database) -> None:
    """A changed byte in a stored entry contradicts the head that its writer signed."""
    await take(received, batch_of(ENTRIES, 0, 10))
    position = await received.position(SIGNER.name, EPOCH)
    await database.read(lambda tx: received.check_in(tx, position, SIGNER.verifier))
    await database.write(
        lambda tx: tx.run("UPDATE regional_entries SET bytes = x'00' WHERE idx = 4")
    )
    with pytest.raises(ReceivedDamaged):
        await database.read(lambda tx: received.check_in(tx, position, SIGNER.verifier))


async def test_an_entry_is_put_back_into_its_own_journal_alone(
    database: Database, received: ReceivedJournals
) -> None:
    """The same index of another writer's journal keeps its bytes; a row that is gone returns."""
    other = Signer.from_seed("lpse-ngawi", b"n" * 32)
    await take(received, batch_of(ENTRIES, 0, 10))
    theirs = await received.verify(
        batch_of(ENTRIES[20:], 0, 10, other),
        other.verifier,
        await received.position(other.name, EPOCH),
    )
    await received.store_batch(theirs)
    head = (await received.position(SIGNER.name, EPOCH)).head
    assert head is not None
    healed = StoredEntry(3, b"healed", leaf_hash(b"healed"))
    await database.write(lambda tx: received.put_back_in(tx, head, healed))
    gone = "DELETE FROM regional_entries WHERE idx = 4 AND bytes = ?"
    assert await database.write(lambda tx: tx.run(gone, (ENTRIES[4],)))
    back = StoredEntry(4, ENTRIES[4], leaf_hash(ENTRIES[4]))
    await database.write(lambda tx: received.put_back_in(tx, head, back))
    rows = await received.entries(SIGNER.name, EPOCH, 0, 100)
    assert [row.data for row in rows] == [*ENTRIES[:3], b"healed", *ENTRIES[4:10]]
    rows = await received.entries(other.name, EPOCH, 0, 100)
    assert [row.data for row in rows] == ENTRIES[20:30]
