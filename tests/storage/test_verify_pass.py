"""Journals are read again for ever: damage is found and told once, restarts go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from lpse.federation.checkpoints import Head, sign_head
from lpse.federation.merkle import CompactRange, leaf_hashes
from lpse.federation.notes import Signer
from lpse.federation.v1 import journal_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import ManualClock, SeededEntropy
from lpse.runtime.sqlite import Database
from lpse.storage import verify_pass
from lpse.storage.journal import Journal
from lpse.storage.received import ReceivedJournals
from lpse.storage.verify_pass import Journals, Pace, Verified, VerifyPass, label
from lpse.storage.verify_sources import OthersJournals, OwnJournals
from lpse.storage.verify_store import VerifyStore

MIGRATIONS = Path(__file__).parents[2] / "regional_node" / "migrations"
ME = Signer.from_seed("lpse-pacitan", bytes(range(32)))
CENTRE = Signer.from_seed("lkpp", bytes(range(1, 33)))
START = datetime(2026, 11, 22, tzinfo=UTC)
LOG = structlog.get_logger()


class Checked:
    """Heads are checked with the writer's key."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def __call__(self, head: Head) -> None:
        head.verify(self._signer.verifier)


class Office:
    """A node's database with an own journal and a copy of the national one."""

    def __init__(self, database: Database, rate: float) -> None:
        self.database = database
        self.clock = ManualClock(START)
        self.journal = Journal(database, ME, self.clock, SeededEntropy(1))
        self.national = ReceivedJournals(database, "national")
        self.told: list[Verified] = []
        self.rate = rate
        self.verify = self.started()

    def started(self) -> VerifyPass:
        """A pass as after a start of the program."""
        kinds: list[Journals] = [
            OwnJournals(self.journal, Checked(ME)),
            OthersJournals(self.national, Checked(CENTRE)),
        ]
        pace = Pace(self.rate, timedelta(hours=24))
        return VerifyPass(self.database, kinds, self.tell, self.clock, pace, LOG)

    async def tell(self, verified: Verified) -> None:
        self.told.append(verified)

    async def fill(self, entries: int) -> None:
        """So many own entries, in groups that are whole batches, and a copy of them as national."""
        await self.journal.open()
        for _ in range(0, entries, 200):
            some = [records.UploadAccepted(commitment=bytes(32)) for _ in range(200)]
            await self.journal.append(*some)
        await self._copy()

    async def _copy(self) -> None:
        """The same entries once more, as if the centre had written them."""
        tree, first = CompactRange(), 0
        while batch := await self.journal.batch(first):
            tree.extend(leaf_hashes(batch.entries))
            head = sign_head(CENTRE, bytes(16), tree.size, tree.root())
            received = wire.EntryBatch(
                first_index=first, entries=batch.entries, head=head.message()
            )
            position = await self.national.position("lkpp", bytes(16))
            verified = await self.national.verify(received, CENTRE.verifier, position)
            await self.national.store_batch(verified)
            first = tree.size

    async def pass_through(self) -> None:
        """Until nothing is due."""
        while await self.verify.step(self.clock.wall()):
            pass


@asynccontextmanager
async def office(folder: Path, entries: int, rate: float = 1e9) -> AsyncIterator[Office]:
    database = await Database.open(folder / "node.db", MIGRATIONS)
    try:
        one = Office(database, rate)
        await one.fill(entries)
        yield one
    finally:
        await database.close()


async def test_sound_journals_are_read_to_their_signed_heads(tmp_path: Path) -> None:
    """Every entry of both journals is read again, nothing is told, and the next pass waits."""
    async with office(tmp_path, 600) as one:
        await one.pass_through()
        passes = await one.verify.passes()
        assert [done.entries for done in passes] == [601, 601]
        assert all(done.end_time is not None and not done.found for done in passes)
        assert (one.told, one.verify.notes()) == ([], ())
        assert not await one.verify.step(one.clock.wall())
        one.clock.advance(24 * 3_600)
        assert await one.verify.step(one.clock.wall())


async def test_a_changed_byte_of_an_own_entry_is_found(tmp_path: Path) -> None:
    """Whatever the kept hashes say: the bytes are what a receipt stands for."""
    async with office(tmp_path, 600) as one:
        await one.database.write(
            lambda tx: tx.run("UPDATE journal_entries SET bytes = x'00' WHERE idx = 333")
        )
        await one.pass_through()
        (told,) = one.told
        assert told.head.party == "lpse-pacitan"
        assert "333" in told.found
        assert "FED-7081" in one.verify.notes()[0]


async def test_damage_hidden_by_its_own_hash_is_found_at_the_head(tmp_path: Path) -> None:
    """Bytes and kept hash changed together still do not give the signed root."""
    async with office(tmp_path, 600) as one:
        forged = leaf_hashes([b"other"])[0]
        await one.database.write(
            lambda tx: tx.run(
                "UPDATE national_entries SET bytes = ?, leaf_hash = ? WHERE idx = 5",
                (b"other", forged),
            )
        )
        await one.pass_through()
        (told,) = one.told
        assert told.head.party == "lkpp"
        assert "signed root" in told.found


async def test_a_missing_entry_is_found(tmp_path: Path) -> None:
    """A gap in the indexes is damage too."""
    async with office(tmp_path, 600) as one:
        await one.database.write(lambda tx: tx.run("DELETE FROM national_entries WHERE idx = 9"))
        await one.pass_through()
        assert "missing" in one.told[0].found


async def test_a_head_that_its_writer_never_signed_is_found(tmp_path: Path) -> None:
    """Entries that make a root prove nothing unless the writer signed it."""
    async with office(tmp_path, 200) as one:
        await one.database.write(
            lambda tx: tx.run("UPDATE national_journals SET signature = zeroblob(64)")
        )
        await one.pass_through()
        assert one.told[0].head.party == "lkpp"


async def test_damage_is_told_once_and_its_end_once(tmp_path: Path) -> None:
    """A finding is told once, known over passes and restarts, and its end is told as well."""
    async with office(tmp_path, 400) as one:
        kept = await one.database.read(
            lambda tx: tx.execute("SELECT bytes FROM journal_entries WHERE idx = 7")
        )
        spoil = "UPDATE journal_entries SET bytes = ? WHERE idx = 7"
        await one.database.write(lambda tx: tx.run(spoil, (b"",)))
        await one.pass_through()
        one.verify = one.started()
        one.clock.advance(24 * 3_600)
        await one.pass_through()
        assert len(one.told) == 1
        assert one.verify.notes()
        assert [done.journal for done in await one.verify.damaged()] == [label(one.journal.head)]
        await one.database.write(lambda tx: tx.run(spoil, (kept[0][0],)))
        for _ in range(2):
            one.clock.advance(24 * 3_600)
            await one.pass_through()
        assert [bool(told.found) for told in one.told] == [True, False]
        assert (one.verify.notes(), await one.verify.damaged()) == ((), [])


async def test_a_journal_is_read_again_when_something_was_put_right(tmp_path: Path) -> None:
    """Without waiting for the next night; damage that is left is not told again."""
    async with office(tmp_path, 400) as one:
        rows = await one.database.read(
            lambda tx: tx.execute("SELECT bytes FROM journal_entries WHERE idx = 7")
        )
        spoil = "UPDATE journal_entries SET bytes = ? WHERE idx = 7"
        await one.database.write(lambda tx: tx.run(spoil, (b"",)))
        await one.pass_through()
        await one.verify.read_again(label(one.journal.head))
        await one.pass_through()
        assert len(one.told) == 1
        await one.database.write(lambda tx: tx.run(spoil, (rows[0][0],)))
        await one.verify.read_again(label(one.journal.head))
        one.verify._tell = _failing
        with suppress(OSError):
            await one.pass_through()
        one.verify = one.started()  # what was not told before the crash is told after it
        await one.pass_through()
        assert [bool(told.found) for told in one.told] == [True, False]


async def test_a_finding_that_could_not_be_told_is_told_after_the_restart(tmp_path: Path) -> None:
    """A crash between finding and telling loses nothing."""
    async with office(tmp_path, 200) as one:
        await one.database.write(lambda tx: tx.run("DELETE FROM national_entries WHERE idx = 9"))
        one.verify._tell = _failing
        for _ in range(3):
            with suppress(OSError):
                await one.pass_through()
        one.verify = one.started()
        await one.pass_through()
        assert len(one.told) == 1


async def _failing(_: Verified) -> None:
    raise OSError


async def test_a_pass_goes_on_where_the_last_run_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart repeats at most what one step reads, and still ends at the signed root."""
    monkeypatch.setattr(verify_pass, "VERIFY_KEPT_ENTRIES", 200)
    monkeypatch.setattr(verify_pass, "VERIFY_PAGE_ENTRIES", 100)
    async with office(tmp_path, 600) as one:
        await one.verify.step(one.clock.wall())
        place = (await VerifyStore(one.database).all())[label(one.journal.head)].tree.size
        assert 0 < place < 601
        await one.database.write(  # behind the place: the next pass's matter
            lambda tx: tx.run("UPDATE journal_entries SET bytes = x'00' WHERE idx = 3")
        )
        one.verify = one.started()
        await one.pass_through()
        assert one.told == []


async def test_a_pass_keeps_to_its_rate(tmp_path: Path) -> None:
    """A thousand entries at a hundred per second take ten seconds each way."""
    async with office(tmp_path, 1_000, rate=100.0) as one:
        before = one.clock.monotonic()
        await one.pass_through()
        assert one.clock.monotonic() - before == pytest.approx(2 * 1_001 / 100, rel=0.01)


async def test_entries_that_come_meanwhile_belong_to_the_pass(tmp_path: Path) -> None:
    """A pass ends at a head of the journal as it is then."""
    async with office(tmp_path, 400) as one:
        await one.journal.append(records.UploadAccepted(commitment=bytes(32)))
        await one.pass_through()
        assert {done.entries for done in await one.verify.passes()} == {402, 401}
