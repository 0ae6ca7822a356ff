"""Backups of one party's data: online, verifiable, and restored only into an empty folder.

Owns the making and restoring of a backup and the marker `RESTORED`. Rules: databases are copied
before blobs, so that every blob a row vouches for is in the copy or named as left out; a backup or
a restored folder gets its name only when it is whole and fsynced; restored data carries the marker
until its owner has opened a new epoch, because the copy does not know what was acknowledged after
it (Invariant 5). Leaves out the form (`backup_manifest`) and single blobs (`backup_blobs`).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from lpse.federation.errors import Conflict, Refused
from lpse.storage.backup_blobs import copy_blobs
from lpse.storage.backup_manifest import (
    MANIFEST,
    MISSING,
    RESTORED,
    BackupDamaged,
    BackupFile,
    BackupManifest,
    LeftOut,
    encode_manifest,
    inside,
    read_manifest,
)
from lpse.storage.blob_files import digest_of_path, disk_errors, sync_folder

_NULL_FOUND: Final = re.compile(r"NULL value in (\w+)\.(\w+)")


class TargetNotEmpty(Conflict):
    """Backups and restored data never overwrite anything."""

    def __init__(self) -> None:
        super().__init__(
            "FED-1302",
            "the target folder holds something already",
            remedy="name an empty or new folder; move the old data aside first",
        )


class TargetUnusable(Refused):
    """The place for a backup cannot be made or written."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-1303",
            f"the target folder cannot be made: {detail}",
            remedy="name a folder on a disk that you may write to",
        )


class CopyableDatabase(Protocol):
    """A `Database`, or a `LiveDatabase` beside the daemon that writes it."""

    async def copy_to(self, target: Path) -> None:
        """A consistent, durable copy of the live database."""


@dataclass(frozen=True, slots=True)
class BackupSources:
    """What to save, each under the relative path that it has in the data folder."""

    databases: Mapping[str, CopyableDatabase]
    blobs: tuple[str, Path] | None = None
    files: Mapping[str, Path] | None = None
    vouched: str = ""  # the table or view of the first database whose digests must be there


async def create_backup(
    sources: BackupSources, target: Path, *, party: str, now: datetime
) -> BackupManifest:
    """Save live data into a new folder; whole under its name, or absent."""
    draft = await asyncio.to_thread(_new_draft, target)
    try:
        for name, database in sources.databases.items():
            place = inside(draft, name)
            await asyncio.to_thread(place.parent.mkdir, parents=True, exist_ok=True)
            await database.copy_to(place)
            await asyncio.to_thread(_check_database, place)
        return await asyncio.to_thread(_finish_backup, sources, draft, target, (party, now))
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)
        raise


def verify_backup(folder: Path) -> BackupManifest:
    """Raise unless every file is there with its digest and every database is sound."""
    manifest = read_manifest(folder)
    for file in manifest.files:
        path = inside(folder, file.path)
        if not path.is_file() or path.is_symlink():
            raise BackupDamaged("a file is missing")
        digest, size = digest_of_path(path)
        if (digest.hex(), size) != (file.sha256, file.size):
            raise BackupDamaged("a file has changed")
        if file.kind == "database":
            _check_database(path)
    return manifest


def restore_backup(folder: Path, target: Path) -> BackupManifest:
    """Verify, copy into an empty folder, and mark it as restored."""
    manifest = verify_backup(folder)
    draft = _new_draft(target)
    try:
        for file in manifest.files:
            _copy(inside(folder, file.path), inside(draft, file.path))
        marker = {"party": manifest.party, "create_time": manifest.create_time}
        _write(draft / RESTORED, json.dumps(marker).encode())
        _check_copies(draft, manifest)
        _publish(draft, target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


def is_restored(folder: Path) -> bool:
    """Whether this data came from a backup and has not opened a new epoch since."""
    return (folder / RESTORED).exists()


def clear_restored(folder: Path) -> None:
    """Say that the new epoch is durable; call only after `Journal.open(restored=True)`."""
    (folder / RESTORED).unlink(missing_ok=True)
    sync_folder(folder)


def _finish_backup(
    sources: BackupSources, draft: Path, target: Path, about: tuple[str, datetime]
) -> BackupManifest:
    party, now = about
    files = [_describe(draft, name, "database") for name in sources.databases]
    left_out: list[LeftOut] = []
    for name, source in (sources.files or {}).items():
        try:
            _copy(source, inside(draft, name))
        except FileNotFoundError:  # a draft of something that has its name by now
            left_out.append(LeftOut(name, MISSING))
            continue
        files.append(_describe(draft, name, "file"))
    if sources.blobs is not None:
        taken = copy_blobs(*sources.blobs, draft, _vouched(sources, draft))
        files += taken.copied
        left_out += taken.left_out
    files.sort(key=lambda one: one.path)
    manifest = BackupManifest(party, now.isoformat(), tuple(files), tuple(left_out))
    _write(draft / MANIFEST, encode_manifest(manifest))
    _publish(draft, target)
    return manifest


def _vouched(sources: BackupSources, draft: Path) -> frozenset[bytes]:
    """Digests that the copied database needs; none where it is older than that table."""
    if not sources.vouched:
        return frozenset()
    first = inside(draft, next(iter(sources.databases)))
    with closing(_read_only(first)) as connection:
        known = "SELECT 1 FROM sqlite_master WHERE name = ?"
        if not connection.execute(known, (sources.vouched,)).fetchall():
            return frozenset()
        rows = connection.execute(f"SELECT digest FROM {sources.vouched}")  # noqa: S608  # our own word
        return frozenset(bytes(digest) for (digest,) in rows)


def _describe(draft: Path, name: str, kind: str) -> BackupFile:
    digest, size = digest_of_path(inside(draft, name))
    return BackupFile(name, kind, size, digest.hex())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with disk_errors(), source.open("rb") as reader, target.open("xb") as writer:
        os.fchmod(writer.fileno(), 0o600)
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.fsync(writer.fileno())


def _write(path: Path, data: bytes) -> None:
    with disk_errors(), path.open("xb") as writer:
        writer.write(data)
        writer.flush()
        os.fsync(writer.fileno())


def _check_copies(draft: Path, manifest: BackupManifest) -> None:
    """Re-read what was just written: the copy may have met a bad disk too."""
    for file in manifest.files:
        digest, size = digest_of_path(draft / file.path)
        if (digest.hex(), size) != (file.sha256, file.size):
            raise BackupDamaged("a file changed while it was copied")


def _check_database(path: Path) -> None:
    try:
        with closing(_read_only(path)) as connection:
            answers = connection.execute("PRAGMA integrity_check(100000)").fetchall()
            unsound = [said for (said,) in answers if said != "ok" and not _alarm(connection, said)]
            broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as error:
        raise BackupDamaged("a database cannot be read") from error
    if unsound or broken:
        raise BackupDamaged("a database is inconsistent")


def _alarm(connection: sqlite3.Connection, said: str) -> bool:
    """Whether SQLite 3.40 merely misread a table as older versions of a side declared it."""
    named = _NULL_FOUND.fullmatch(said)
    if named is None:
        return False
    table, column = named.groups()  # words only
    query = f"SELECT 1 FROM {table} WHERE typeof({column}) = 'null' LIMIT 1"  # noqa: S608 - as above
    return connection.execute(query).fetchone() is None


def _read_only(path: Path) -> sqlite3.Connection:
    """A copy that nobody writes to."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _new_draft(target: Path) -> Path:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise TargetNotEmpty
    draft = target.with_name(target.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)  # what an interrupted attempt left behind
    try:
        draft.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise TargetUnusable(error.strerror or type(error).__name__) from error
    return draft


def _publish(draft: Path, target: Path) -> None:
    with disk_errors():
        for folder, _, _ in os.walk(draft):
            sync_folder(Path(folder))
        draft.replace(target)
        sync_folder(target.parent)
