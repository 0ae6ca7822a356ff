"""The stand-in's data file: its formats, the way between them, and a backup per attempt.

Rule: a backup belongs to one attempt (LPSE_ATTEMPT), is made before the data is changed, and
undoing an attempt that changed nothing changes nothing. Every write is a new file, fsynced, then
renamed, so that a power cut leaves either the old data or the new.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

SLOT = Path(os.environ["LPSE_SLOT"])
DATA = Path(os.environ["LPSE_DATA"])
FILE = DATA / "spse.json"
BACKUP = DATA / f"spse.json.before-attempt-{os.environ['LPSE_ATTEMPT']}"
RELEASE = json.loads((SLOT / "release.json").read_text("utf-8"))

# What each format added to a package, with the value for older ones.
ADDED: dict[int, dict[str, object]] = {2: {"zona": "WIB"}, 3: {"revisi": 0}}


def migrate() -> None:
    """Bring the data to this release's format, with a backup; makes the first data file."""
    if not FILE.exists():
        write(FILE, json.dumps({"format": RELEASE["data_format"], "paket": []}).encode())
        return
    write(BACKUP, FILE.read_bytes())
    data = convert(json.loads(FILE.read_bytes()), RELEASE["data_format"])
    write(FILE, json.dumps(data, sort_keys=True).encode())


def undo() -> None:
    """Put this attempt's backup back; nothing to do where the attempt never made one."""
    if BACKUP.exists():
        BACKUP.replace(FILE)
        fsync_folder()


def convert(data: dict[str, Any], target: int) -> dict[str, Any]:
    """The same packages in another format, upwards or downwards."""
    packages = data["paket"]
    for number in range(data["format"] + 1, target + 1):
        packages = [{**ADDED[number], **package} for package in packages]
    for number in range(data["format"], target, -1):
        packages = [without(package, ADDED[number]) for package in packages]
    return {"format": target, "paket": packages}


def without(package: dict[str, Any], fields: dict[str, object]) -> dict[str, Any]:
    return {name: value for name, value in package.items() if name not in fields}


def write(path: Path, data: bytes) -> None:
    """Replace `path` as a whole, durably."""
    draft = path.with_name(path.name + ".new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    fsync_folder()


def fsync_folder() -> None:
    folder = os.open(DATA, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
