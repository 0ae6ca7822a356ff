"""The form of a backup: a folder with copies, and `manifest.json` with the digest of each.

Owns what a manifest says, also about what could not be copied, and how it is read. Rules: it is
parsed strictly; a path that it names never leads out of the folder. Leaves out making and restoring
(`backup`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lpse.federation.errors import Refused
from lpse.federation.limits import BACKUP_MANIFEST_BYTES_MAX

MANIFEST = "manifest.json"
RESTORED = "RESTORED"
MISSING = "missing"
DAMAGED = "damaged"
_FORMAT = 1


class BackupDamaged(Refused):
    """A backup is incomplete, changed, or no backup at all; nothing of it was restored."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-1301",
            f"the backup is not whole: {detail}",
            remedy="use another backup; this one cannot be trusted",
        )


@dataclass(frozen=True, slots=True)
class BackupFile:
    """One file of a backup; `kind` is database, blob or file."""

    path: str
    kind: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What should be in a backup and is not; `cause` is missing or damaged."""

    path: str
    cause: str


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """What a backup consists of."""

    party: str
    create_time: str
    files: tuple[BackupFile, ...]
    left_out: tuple[LeftOut, ...] = ()


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
        left_out = tuple(LeftOut(**one) for one in found.pop("left_out", ()))
        return BackupManifest(files=listed, left_out=left_out, **found)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupDamaged("the manifest is malformed") from error


def encode_manifest(manifest: BackupManifest) -> bytes:
    """As it is written into the folder."""
    return json.dumps({"format": _FORMAT, **asdict(manifest)}, indent=1).encode()


def inside(folder: Path, name: str) -> Path:
    """A path that a manifest names; it can never lead out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or name in (MANIFEST, RESTORED):
        raise BackupDamaged("a file name leads out of the folder")
    return folder / path
