"""Files of a blob store that were set aside instead of deleted.

Owns the folder `aside/` of a store: `<digest>.unvouched` has no row (a crash between rename and
row, or a database older than its blobs), `<digest>.damaged` is evidence of a bad disk. Rules: no
start deletes bytes that a receipt may promise; what a row names again comes back if it still has
its digest; the folder is emptied by age only. Leaves out rows and decisions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from lpse.federation.limits import ASIDE_COPIES_MAX, ASIDE_SECONDS_KEPT
from lpse.storage import blob_files as files

FOLDER: Final = "aside"
UNVOUCHED: Final = "unvouched"
DAMAGED: Final = "damaged"


@dataclass(frozen=True, slots=True)
class AsideTotals:
    """What lies aside, for doctors."""

    unvouched: int
    damaged: int
    size_bytes: int


def set_aside(folder: Path, paths: list[Path], reason: str) -> None:
    """Move blobs of a store out of the way, durably; missing ones are passed over."""
    place = folder / FOLDER
    found = [path for path in paths if path.exists()]
    if found:
        files.move_into_place([(path, _free_name(place, path.name, reason)) for path in found])
        for parent in {path.parent for path in found}:
            with files.disk_errors():
                files.sync_folder(parent)


def take_back(
    folder: Path, path_of: Callable[[bytes], Path], is_vouched: Callable[[bytes], bool]
) -> int:
    """Bring back what a row names again and what is still whole; how many files came back."""
    moves = []
    for path in _of(folder, UNVOUCHED):
        digest = bytes.fromhex(path.name.partition(".")[0])
        target = path_of(digest)
        if is_vouched(digest) and not target.exists() and files.digest_of_path(path)[0] == digest:
            moves.append((path, target))
    files.move_into_place(moves)
    return len(moves)


def totals(folder: Path) -> AsideTotals:
    """Counts and bytes by reason."""
    unvouched, damaged = _of(folder, UNVOUCHED), _of(folder, DAMAGED)
    size = sum(path.stat().st_size for path in (*unvouched, *damaged))
    return AsideTotals(len(unvouched), len(damaged), size)


def expire(folder: Path, now: datetime) -> int:
    """Remove what has lain aside for longer than the limit; how many files that were."""
    before = now.timestamp() - ASIDE_SECONDS_KEPT
    old = [
        path
        for reason in (UNVOUCHED, DAMAGED)
        for path in _of(folder, reason)
        if path.stat().st_ctime < before  # the rename set it
    ]
    files.remove(old)
    return len(old)


def _of(folder: Path, reason: str) -> list[Path]:
    return sorted((folder / FOLDER).glob(f"{'[0-9a-f]' * 64}.{reason}*"))


def _free_name(place: Path, name: str, reason: str) -> Path:
    names = [f"{name}.{reason}", *(f"{name}.{reason}-{n}" for n in range(2, ASIDE_COPIES_MAX + 1))]
    return next((place / one for one in names if not (place / one).exists()), place / names[-1])
