"""The sealed bytes of a backup: what is whole is in it, what is not is named.

Rules: a blob counts as copied after the copy was re-read against its digest; one that is damaged,
unreadable, or went away meanwhile (handed over and freed, or set aside) never ends the backup of
the others. Leaves out parts of unfinished uploads, which are worth nothing without their sender.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from lpse.storage.backup_manifest import DAMAGED, MISSING, BackupFile, LeftOut, inside
from lpse.storage.blob_files import BlobUnreadable, digest_of_path, disk_errors, disk_reads

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Taken:
    """What is in the copy, and what should be."""

    copied: list[BackupFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def copy_blobs(name: str, store: Path, draft: Path, vouched: Collection[bytes]) -> Taken:
    """Copy a blob store into a draft's folder `name`; `vouched` are digests that rows need."""
    taken, seen = Taken(), set[str]()
    for path in sorted(store.glob("sha256/*/*")):
        place = f"{name}/{path.relative_to(store).as_posix()}"
        target = inside(draft, place)
        try:
            _take(path, target)
            digest, size = digest_of_path(target)
        except FileNotFoundError:
            continue  # if a row needs it, it is missing
        except BlobUnreadable:
            digest, size = b"", 0
        seen.add(path.name)
        if digest.hex() == path.name:
            taken.copied.append(BackupFile(place, "blob", size, path.name))
        else:
            target.unlink(missing_ok=True)
            taken.left_out.append(LeftOut(place, DAMAGED))
    missing = sorted({digest.hex() for digest in vouched} - seen)
    taken.left_out.extend(LeftOut(f"{name}/sha256/{one[:2]}/{one}", MISSING) for one in missing)
    return taken


def _take(source: Path, target: Path) -> None:
    """A blob never changes, so a hard link on the same disk is a copy; else copy and fsync."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, disk_errors(), target.open("xb") as writer:
        os.fchmod(writer.fileno(), 0o600)
        while data := _read(reader.fileno()):
            writer.write(data)
        writer.flush()
        os.fsync(writer.fileno())


def _read(descriptor: int) -> bytes:
    with disk_reads():
        return os.read(descriptor, _PIECE_BYTES)
