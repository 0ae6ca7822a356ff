"""What a bad disk does to a blob store and a database, one fault at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import structlog

from lpse.federation.limits import ASIDE_SECONDS_KEPT, BALLAST_REMADE_FREE_BYTES_MIN
from lpse.runtime.clock import ManualClock
from lpse.runtime.sqlite import Database, StorageFailed, StorageFull, Transaction
from lpse.storage import aside, blob_files
from lpse.storage.ballast import Ballast, ballast_bytes
from lpse.storage.blobs import BlobStore
from lpse.storage.disk_record import DiskWatch, read_record
from lpse.storage.scrub import OWN, Found, Scrub, examine
from lpse.storage.scrub_store import ScrubStore
from tests.faults.disk import Fault, Plan, install

LOG = structlog.get_logger()
NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
MIGRATION = Path("regional_node/migrations/0070_scrub.sql").read_text("utf-8")
KIB = 1024


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    folder = tmp_path / "migrations"
    folder.mkdir()
    kept = "CREATE TABLE kept (digest BLOB PRIMARY KEY, size_bytes INTEGER, store_time INTEGER);"
    (folder / "0010_scrub.sql").write_text(MIGRATION + kept, "utf-8")
    opened = await Database.open(tmp_path / "data.db", folder)
    yield opened
    await opened.close()


async def put(store: BlobStore, *contents: bytes) -> list[bytes]:
    return [blob.digest for blob in await store.put_many("a", contents)]


# --- blobs ---


@pytest.mark.parametrize(
    "fault",
    [
        Fault("write", "EIO"),
        Fault("sync", "EIO"),
        Fault("sync", "EIO", done=True),
        Fault("rename", "EIO"),
        Fault("sync", "EIO", path="*/sha256/*"),
        Fault("open", "EROFS"),
    ],
    ids=lambda fault: f"{fault.operation}-{fault.error}{'-done' * fault.done}",
)
async def test_first_failed_write_of_a_blob_ends_all_writing(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """Invariant 1: nothing is answered after the first fault, and the failed call not repeated."""
    plan = Plan([fault])
    install(plan, monkeypatch)
    with pytest.raises(StorageFailed):
        await put(store, b"bid")
    assert store.failed.is_set()
    for again in (put(store, b"other"), store.begin("part", 10)):
        with pytest.raises(StorageFailed):
            await again
    assert plan.fired == 1


async def test_full_disk_refuses_one_blob_and_the_next_is_taken(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC in the middle keeps nothing of that file, and the store goes on."""
    install(Plan([Fault("write", "ENOSPC", after=1)]), monkeypatch)
    with pytest.raises(StorageFull):
        await put(store, b"first", b"second")
    assert not store.failed.is_set()
    assert not [path for path in store.folder.rglob("*") if path.is_file()]
    assert await put(store, b"third") == [sha256(b"third").digest()]


async def test_unreadable_blob_is_that_blobs_matter(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIO on read: a code for that file, everything else is written and read as before."""
    bad, good = await put(store, b"bad", b"good")
    install(Plan([Fault("read", "EIO", path=f"*{bad.hex()}", times=0)]), monkeypatch)
    assert await examine(store, bad, 3) is Found.UNREADABLE
    with pytest.raises(blob_files.BlobUnreadable) as refusal:
        async with await store.open_read(bad) as reader:
            await reader.read(10)
    assert refusal.value.code == "FED-1210"
    assert await examine(store, good, 4) is Found.WHOLE
    assert await put(store, b"more")
    assert not store.failed.is_set()


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (lambda path: path.write_bytes(b"Bid one"), Found.CORRUPT),
        (lambda path: os.truncate(path, 3), Found.CORRUPT),
        (lambda path: path.write_bytes(b"bid one and more"), Found.CORRUPT),
        (lambda path: path.unlink(), Found.MISSING),
        (lambda path: path.touch(), Found.WHOLE),
    ],
    ids=["flipped", "truncated", "longer", "missing", "whole"],
)
async def test_what_a_look_finds(
    store: BlobStore, harm: Callable[[Path], object], found: Found
) -> None:
    """Flipped bit, lost end, foreign end and lost file are told apart from a whole blob."""
    (digest,) = await put(store, b"bid one")
    harm(store.path_of(digest))
    assert await examine(store, digest, 7) is found


# --- a database that is older than its blobs, and the other way round ---


async def test_start_sets_aside_what_an_older_database_does_not_name(store: BlobStore) -> None:
    """Invariant 2: bytes that a lost row may have promised are kept, and come back with it."""
    kept, promised = await put(store, b"kept", b"promised")
    report = await store.sweep({}, {kept}.__contains__)
    assert (report.blobs_set_aside, report.blobs_taken_back) == (1, 0)
    assert await store.size_of(promised) is None
    assert aside.totals(store.folder) == aside.AsideTotals(1, 0, len(b"promised"))

    report = await store.sweep({}, {kept, promised}.__contains__)
    assert (report.blobs_set_aside, report.blobs_taken_back) == (0, 1)
    assert await store.verify(promised)


async def test_empty_database_deletes_nothing(store: BlobStore) -> None:
    """A node whose database was lost keeps every blob for the one that is restored."""
    digests = await put(store, *(bytes([n]) * 100 for n in range(20)))
    await store.sweep({}, lambda _: False)
    assert aside.totals(store.folder).unvouched == 20
    await store.sweep({}, lambda _: True)
    assert await store.missing(digests) == []


async def test_damaged_evidence_never_comes_back_and_old_files_go(store: BlobStore) -> None:
    """What was set aside as damaged stays aside; all of it goes when its time has come."""
    (digest,) = await put(store, b"bid")
    for _ in range(2):
        store.path_of(digest).write_bytes(b"bit")
        await store.set_damaged_aside(digest)
    assert aside.totals(store.folder).damaged == 2
    await store.sweep({}, lambda _: True)
    assert await store.size_of(digest) is None
    later = datetime.now(UTC) + timedelta(seconds=ASIDE_SECONDS_KEPT + 60)
    assert aside.expire(store.folder, datetime.now(UTC)) == 0
    assert aside.expire(store.folder, later) == 2


# --- the scrub ---


async def test_pass_finds_damage_once_and_goes_on_after_a_restart(
    store: BlobStore, database: Database
) -> None:
    """Invariant 3: two passes over one damaged blob make one finding; the place is durable."""
    contents = [bytes([n]) * KIB for n in range(150)]
    digests = await put(store, *contents)
    rows = [(digest, KIB, 0) for digest in digests]
    await database.write(lambda tx: tx.many("INSERT INTO kept VALUES (?, ?, ?)", rows))
    bad = sorted(digests)[100]
    store.path_of(bad).write_bytes(bytes(KIB))
    clock, findings = ManualClock(NOW), ScrubStore(database, "kept")

    def scrub() -> Scrub:
        every = timedelta(days=30)
        return Scrub(findings, store, clock, LOG, bytes_per_second=1e6, every=every)

    for _ in range(5):
        await scrub().step(clock.wall())  # each one a new program
    place = await findings.place()
    assert place.end_time is not None
    assert (place.number, place.blobs, place.damaged) == (1, 150, 1)
    assert await scrub().step(clock.wall()) is False, "the next pass is not due yet"
    clock.advance(31 * 24 * 3_600)
    for _ in range(5):
        await scrub().step(clock.wall())
    assert (await findings.place()).number == 2
    (found,) = await findings.due(clock.wall(), 10)
    assert (found.digest, found.side, found.found) == (bad, OWN, Found.CORRUPT)


async def test_rate_has_a_bound_and_falls_while_bytes_come_in(
    store: BlobStore, database: Database
) -> None:
    """A pass over 1 MB at 1 MB/s waits a second, and four while somebody uploads."""
    waited: list[float] = []

    class Clock(ManualClock):
        async def sleep(self, seconds: float) -> None:
            waited.append(seconds)

    (digest,) = await put(store, bytes(1_000_000))
    insert = "INSERT INTO kept VALUES (?, 1000000, 0)"
    await database.write(lambda tx: tx.run(insert, (digest,)))
    findings = ScrubStore(database, "kept")
    every = timedelta(days=1)
    scrub = Scrub(findings, store, Clock(NOW), LOG, bytes_per_second=1e6, every=every)
    await scrub.step(NOW)
    assert sum(waited) == pytest.approx(1.0)
    await scrub.step(NOW)  # the end of the pass
    waited.clear()
    part = await store.begin("busy", 10)
    await scrub.step(NOW + every)
    assert sum(waited) == pytest.approx(4.0)
    await part.discard()


# --- ballast ---


async def test_commit_on_a_full_disk_takes_the_ballast_and_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that meets a full disk is committed once with the room of the ballast."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0010_thing.sql").write_text("CREATE TABLE thing (name TEXT);", "utf-8")
    plan = Plan()
    install(plan, monkeypatch)
    database = await Database.open(tmp_path / "data.db", folder)
    ballast = Ballast(tmp_path, 1_000_000, LOG)
    assert ballast.take()
    database.relief = ballast.give_up

    def insert(tx: Transaction) -> None:
        tx.run("INSERT INTO thing VALUES ('receipt')")

    plan.faults = [Fault("sql", "ENOSPC", path="COMMIT")]
    await asyncio.gather(*(database.write(insert) for _ in range(3)))
    assert await database.read(lambda tx: tx.execute("SELECT count(*) FROM thing")) == [(3,)]
    assert ballast_bytes(tmp_path) == 0
    assert ballast.state.given_up

    plan.faults = [Fault("sql", "ENOSPC", path="COMMIT")]
    with pytest.raises(StorageFull):
        await database.write(insert)
    assert not database.failed.is_set()
    await database.close()


def test_ballast_is_given_up_before_and_taken_back_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the mark the room is given; it is taken again only where enough stays free."""
    ballast = Ballast(tmp_path, 1_000_000, LOG)
    ballast.step()
    assert ballast_bytes(tmp_path) == 1_000_000
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= 1_000_000, "it must have its blocks"
    free = 1_000
    monkeypatch.setattr(blob_files, "free_bytes", lambda _: free)
    ballast.step()
    assert ballast_bytes(tmp_path) == 0
    free = BALLAST_REMADE_FREE_BYTES_MIN + 999_999
    ballast.step()
    assert ballast.state.given_up
    free = BALLAST_REMADE_FREE_BYTES_MIN + 1_000_000
    ballast.step()
    assert not ballast.state.given_up


def test_full_disk_while_the_ballast_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ballast that cannot be made whole is not made at all."""
    install(Plan([Fault("allocate", "ENOSPC")]), monkeypatch)
    assert not Ballast(tmp_path, 1_000_000, LOG).take()
    assert not list(tmp_path.glob("ballast*"))


# --- the record of starts ---


def test_only_an_orderly_stop_saves_the_look_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost program, a failed disk and a torn record all make the next start look."""
    watch = DiskWatch(tmp_path)
    assert watch.before.orderly, "a new folder has nothing to look at"
    watch.started(NOW)
    assert not read_record(tmp_path).orderly
    watch.ended(NOW)
    assert read_record(tmp_path).orderly
    watch.started(NOW)
    watch.ended(NOW, "EIO")
    found = read_record(tmp_path)
    assert (found.orderly, found.failure) == (False, "EIO")
    watch = DiskWatch(tmp_path)
    watch.started(NOW)
    with monkeypatch.context() as broken:
        install(Plan([Fault("sync", "EIO", times=0)]), broken)
        watch.ended(NOW)  # even an orderly end, if the disk does not take its word
    assert not read_record(tmp_path).orderly
    (tmp_path / "disk.json").write_bytes(b'{"state": "STOP')
    assert not read_record(tmp_path).orderly
