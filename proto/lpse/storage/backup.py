"""Backups of one party's data: online, verifiable, and restored only into an empty folder.

Owns the form of a backup (a folder with copies of databases, blobs and a few files, and
`manifest.json` with the digest of each) and the marker `RESTORED`. Rules: databases are copied
before blobs, so that every blob a row vouches for is in the copy; a backup or a restored folder
gets its name only when it is whole and fsynced; restored data carries the marker until its owner
has opened a new epoch, because the copy does not know what was acknowledged after it (Invariant 5).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from lpse.federation.errors import Conflict, Refused
from lpse.federation.limits import BACKUP_MANIFEST_BYTES_MAX
from lpse.storage.blob_files import digest_of_path, disk_errors, sync_folder

MANIFEST = "manifest.json"
RESTORED = "RESTORED"
_FORMAT = 1


class BackupDamaged(Refused):
    """A backup is incomplete, changed, or no backup at all; nothing of it was restored."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-1301",
            f"the backup is not whole: {detail}",
            remedy="use another backup; this one cannot be trusted",
        )


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


@dataclass(frozen=True, slots=True)
class BackupFile:
    """One file of a backup; `kind` is database, blob or file."""

    path: str
    kind: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """What a backup consists of."""

    party: str
    create_time: str
    files: tuple[BackupFile, ...]


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


async def create_backup(
    sources: BackupSources, target: Path, *, party: str, now: datetime
) -> BackupManifest:
    """Save live data into a new folder; whole under its name, or absent."""
    draft = await asyncio.to_thread(_new_draft, target)
    try:
        for name, database in sources.databases.items():
            place = _inside(draft, name)
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
        path = _inside(folder, file.path)
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
            _copy(_inside(folder, file.path), _inside(draft, file.path), link=False)
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


def read_manifest(folder: Path) -> BackupManifest:
    """Parse a backup's manifest strictly."""
    path = folder / MANIFEST
    if not path.is_file() or path.stat().st_size > BACKUP_MANIFEST_BYTES_MAX:
        raise BackupDamaged("there is no manifest of a sane size")
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        if found.pop("format") != _FORMAT:
            raise BackupDamaged("its format is unknown to this program")
        listed = tuple(BackupFile(**file) for file in found.pop("files"))
        return BackupManifest(files=listed, **found)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupDamaged("the manifest is malformed") from error


def _finish_backup(
    sources: BackupSources, draft: Path, target: Path, about: tuple[str, datetime]
) -> BackupManifest:
    party, now = about
    kinds = dict.fromkeys(sources.databases, "database")
    for name, source, kind in _plain_files(sources):
        try:
            _copy(source, _inside(draft, name), link=kind == "blob")
        except FileNotFoundError:
            if kind != "blob":
                raise
            continue  # removed while we looked: only what no row vouches for is ever removed
        kinds[name] = kind
    files = tuple(_describe(draft, name, kind) for name, kind in sorted(kinds.items()))
    manifest = BackupManifest(party, now.isoformat(), files)
    document = {"format": _FORMAT, **asdict(manifest)}
    _write(draft / MANIFEST, json.dumps(document, indent=1).encode())
    _publish(draft, target)
    return manifest


def _plain_files(sources: BackupSources) -> Iterator[tuple[str, Path, str]]:
    """Blobs by their final names only: a part is worth nothing without its sender."""
    for name, path in (sources.files or {}).items():
        yield name, path, "file"
    if sources.blobs is not None:
        name, folder = sources.blobs
        for path in sorted(folder.glob("sha256/*/*")):
            yield f"{name}/{path.relative_to(folder).as_posix()}", path, "blob"


def _describe(draft: Path, name: str, kind: str) -> BackupFile:
    digest, size = digest_of_path(draft / name)
    if kind == "blob" and digest.hex() != PurePosixPath(name).name:
        raise BackupDamaged("a stored blob no longer has its digest")
    return BackupFile(name, kind, size, digest.hex())


def _copy(source: Path, target: Path, *, link: bool) -> None:
    """A blob never changes, so a hard link on the same disk is a copy; else copy and fsync."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if link:
        try:
            os.link(source, target)
        except OSError:
            link = False
    if not link:
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
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            answers = connection.execute("PRAGMA integrity_check").fetchall()
            broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as error:
        raise BackupDamaged("a database cannot be read") from error
    if answers != [("ok",)] or broken:
        raise BackupDamaged("a database is inconsistent")


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


def _inside(folder: Path, name: str) -> Path:
    """A path that a manifest names; it can never lead out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or name in (MANIFEST, RESTORED):
        raise BackupDamaged("a file name leads out of the folder")
    return folder / path
