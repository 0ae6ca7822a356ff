"""Putting a blob store right at the start, by the rows of its owner.

Owns the comparison of files with rows. Rules: a part is cut to the bytes that its row promises and
removed where no row names it; a whole blob without a row is set aside and never deleted, because
the database may be older than its blobs; one that was set aside comes back when a row names it.
Leaves out which rows there are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lpse.storage import aside
from lpse.storage import blob_files as files

_BLOB_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a start found and put right; `parts_lost` are shorter than their rows say."""

    parts_removed: int
    parts_truncated: int
    parts_lost: int
    blobs_set_aside: int
    blobs_taken_back: int


def sweep(
    folder: Path,
    parts: Mapping[str, int],
    path_of: Callable[[bytes], Path],
    is_vouched: Callable[[bytes], bool] | None,
) -> SweepReport:
    """Compare everything; blocks."""
    removed, truncated, lost = [], 0, 0
    present = {path.name.removesuffix(".part"): path for path in (folder / "incoming").iterdir()}
    for name, path in present.items():
        size = path.stat().st_size
        if name not in parts:
            removed.append(path)
        elif size < parts[name]:
            lost += 1
        elif size > parts[name]:
            os.close(files.open_part(path, parts[name]))
            truncated += 1
    files.remove(removed)
    lost += sum(1 for name, size in parts.items() if size and name not in present)
    if is_vouched is None:
        return SweepReport(len(removed), truncated, lost, 0, 0)
    orphans = [path for path in _stored(folder) if not is_vouched(bytes.fromhex(path.name))]
    aside.set_aside(folder, orphans, aside.UNVOUCHED)
    back = aside.take_back(folder, path_of, is_vouched)
    return SweepReport(len(removed), truncated, lost, len(orphans), back)


def _stored(folder: Path) -> list[Path]:
    """Stored blobs; files that are not ours are left alone."""
    named = (folder / "sha256").glob("*/*")
    return [path for path in named if _BLOB_NAME.fullmatch(path.name)]
