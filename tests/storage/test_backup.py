"""A backup of live data is whole, verifiable, and marks what is restored from it."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse.federation.errors import FederationError, Refused
from lpse.runtime.sqlite import Database, StorageFull, Transaction
from lpse.storage import backup_blobs
from lpse.storage.backup import (
    BackupSources,
    TargetNotEmpty,
    clear_restored,
    create_backup,
    is_restored,
    restore_backup,
    verify_backup,
)
from lpse.storage.backup_manifest import BackupDamaged, BackupManifest
from lpse.storage.blobs import BlobStore

NOW = datetime(2015, 3, 27, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0010_thing.sql").write_text("CREATE TABLE thing (number INTEGER PRIMARY KEY);\n")
    (tmp_path / "data").mkdir()
    opened = await Database.open(tmp_path / "data" / "node.db", folder)
    yield opened
    await opened.close()


async def save(database: Database, tmp_path: Path) -> Path:
    store = BlobStore(tmp_path / "data" / "blobs")
    await store.put_many("x", [b"one", b"two"])
    await (await store.begin("half", 10)).append(b"half", 0)
    sources = BackupSources({"node.db": database}, ("blobs", store.folder))
    await create_backup(sources, tmp_path / "saved", party="lpse-pacitan", now=NOW)
    return tmp_path / "saved"


async def count(path: Path, migrations: Path) -> int:
    database = await Database.open(path, migrations)
    rows = await database.read(lambda tx: tx.execute("SELECT count(*) FROM thing"))
    await database.close()
    return int(rows[0][0])


async def test_backup_of_a_busy_database_is_restored_whole(
    database: Database, tmp_path: Path
) -> None:
    """Everything acknowledged before the backup began is in the restored copy, and it is marked."""
    written = 0

    async def write_on() -> None:
        nonlocal written
        while True:
            await database.write(lambda tx: tx.run("INSERT INTO thing DEFAULT VALUES"))
            written += 1

    writer = asyncio.create_task(write_on())
    while written < 50:
        await asyncio.sleep(0)
    before = written
    saved = await save(database, tmp_path)
    after = written
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    assert verify_backup(saved).party == "lpse-pacitan"
    target = tmp_path / "restored"
    restore_backup(saved, target)
    assert before <= await count(target / "node.db", tmp_path / "migrations") <= after + 1
    assert is_restored(target)
    clear_restored(target)
    assert not is_restored(target)
    blobs = sorted(path.read_bytes() for path in (target / "blobs").rglob("*") if path.is_file())
    assert blobs == [b"one", b"two"]


async def test_nothing_is_overwritten(database: Database, tmp_path: Path) -> None:
    """Neither a backup nor a restore goes into a folder that holds something."""
    saved = await save(database, tmp_path)
    with pytest.raises(TargetNotEmpty):
        restore_backup(saved, tmp_path / "data")
    with pytest.raises(TargetNotEmpty):
        await create_backup(
            BackupSources({"node.db": database}), saved, party="lpse-pacitan", now=NOW
        )
    empty = tmp_path / "empty"
    empty.mkdir()
    restore_backup(saved, empty)
    assert (empty / "node.db").exists()


async def test_any_change_is_found(database: Database, tmp_path: Path) -> None:
    """A changed byte or a missing file is found before anything is restored."""
    saved = await save(database, tmp_path)
    blob = next(path for path in (saved / "blobs").rglob("*") if path.is_file())
    blob.unlink()
    with pytest.raises(BackupDamaged):
        restore_backup(saved, tmp_path / "restored")
    blob.write_bytes(b"0ne")
    with pytest.raises(BackupDamaged):
        verify_backup(saved)
    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("path", ["../escape", "/etc/escape", "RESTORED", ""])
async def test_manifest_cannot_lead_out_of_the_folder(
    database: Database, tmp_path: Path, path: str
) -> None:
    """A forged manifest neither reads nor writes outside of its folder."""
    saved = await save(database, tmp_path)
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest["files"][0]["path"] = path
    (saved / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BackupDamaged):
        restore_backup(saved, tmp_path / "restored")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "files": [3]}'])
def test_malformed_manifest_is_refused(tmp_path: Path, text: str) -> None:
    """What is not a backup is named so, with a code."""
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(FederationError) as refusal:
        verify_backup(tmp_path)
    assert refusal.value.code == "FED-1301"


async def test_a_damaged_or_missing_blob_is_named_and_ends_nothing(
    database: Database, tmp_path: Path
) -> None:
    """The others are saved and restored; the manifest says what is not there, and why."""
    store = BlobStore(tmp_path / "data" / "blobs")
    rotten, gone, good = [one.digest for one in await store.put_many("x", [b"1", b"2", b"3"])]
    store.path_of(rotten).write_bytes(b"0ne")
    await vouch(database, rotten, gone, good)
    store.path_of(gone).unlink()
    sources = BackupSources({"node.db": database}, ("blobs", store.folder), vouched="kept")
    made = await create_backup(sources, tmp_path / "saved", party="lpse-pacitan", now=NOW)
    assert causes(made) == {rotten: "damaged", gone: "missing"}
    assert verify_backup(tmp_path / "saved") == made
    assert restore_backup(tmp_path / "saved", tmp_path / "restored") == made
    kept = [path for path in (tmp_path / "restored" / "blobs").rglob("*") if path.is_file()]
    assert [path.name for path in kept] == [good.hex()]


@pytest.mark.parametrize("linked", [True, False])
async def test_a_blob_that_goes_away_meanwhile_ends_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    """Freed or set aside between the look and the copy: named where a row needs it."""
    store = BlobStore(tmp_path / "data" / "blobs")
    first, second = sorted(
        (one.digest for one in await store.put_many("x", [b"1", b"2"])), key=bytes.hex
    )
    await vouch(database, first, second)
    link = os.link

    def freeing(source: Path, target: Path) -> None:
        store.path_of(second).unlink(missing_ok=True)
        if not linked and source.name == first.hex():
            raise OSError(errno.EXDEV, "another disk")
        link(source, target)

    monkeypatch.setattr(os, "link", freeing)
    sources = BackupSources({"node.db": database}, ("blobs", store.folder), vouched="kept")
    made = await create_backup(sources, tmp_path / "saved", party="lpse-pacitan", now=NOW)
    assert causes(made) == {second: "missing"}
    assert [file.sha256 for file in made.files if file.kind == "blob"] == [first.hex()]


async def test_a_backup_of_before_knows_nothing_left_out(
    database: Database, tmp_path: Path
) -> None:
    """A manifest without the list is read as one where everything is there."""
    saved = await save(database, tmp_path)
    manifest = json.loads((saved / "manifest.json").read_text())
    del manifest["left_out"]
    (saved / "manifest.json").write_text(json.dumps(manifest))
    assert verify_backup(saved).left_out == ()


async def test_failed_backup_leaves_nothing_behind(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes no more bytes stops the backup; no half folder keeps its name."""
    store = BlobStore(tmp_path / "data" / "blobs")
    await store.put_many("x", [b"one"])

    def no_room(source: Path, target: Path) -> None:
        raise StorageFull

    monkeypatch.setattr(backup_blobs, "_take", no_room)
    sources = BackupSources({"node.db": database}, ("blobs", store.folder))
    with pytest.raises(StorageFull):
        await create_backup(sources, tmp_path / "saved", party="lpse-pacitan", now=NOW)
    assert not list(tmp_path.glob("saved*"))


async def vouch(database: Database, *digests: bytes) -> None:
    """Rows that need these blobs."""

    def work(tx: Transaction) -> None:
        tx.run("CREATE TABLE kept (digest BLOB)")
        tx.many("INSERT INTO kept VALUES (?)", [(one,) for one in digests])

    await database.write(work)


def causes(made: BackupManifest) -> dict[bytes, str]:
    """Why each blob is left out."""
    return {bytes.fromhex(one.path.rpartition("/")[2]): one.cause for one in made.left_out}


async def test_a_place_that_cannot_be_made_is_told_as_such(tmp_path: Path) -> None:
    """A file where a folder should be is the caller's mistake, with a code, and saves nothing."""
    (tmp_path / "plain").write_text("a file")
    with pytest.raises(Refused) as caught:
        await create_backup(
            BackupSources({}, ("blobs", tmp_path / "blobs"), {}),
            tmp_path / "plain" / "saved",
            party="lpse-pacitan",
            now=datetime(2026, 1, 1, tzinfo=UTC),
        )
    assert caught.value.code == "FED-1303"
