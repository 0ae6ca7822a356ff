"""What a data folder says of its last start, stop and failure.

Owns the file `disk.json` beside the database. Rules: it says RUNNING from the start to an orderly
stop, so whatever ends the program otherwise (a failed disk, kill -9, a power cut) makes the next
start look at what is stored before anything is promised again; writing it never hides the failure
that it tells of. Leaves out the look itself (`start_check`).
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from lpse.federation.limits import DISK_RECORD_BYTES_MAX
from lpse.storage import blob_files as files

NAME: Final = "disk.json"


@dataclass(frozen=True, slots=True)
class DiskRecord:
    """Times are RFC 3339 (wall clock); empty where it never happened."""

    state: str = ""  # RUNNING, STOPPED or FAILED
    start_time: str = ""
    verified_time: str = ""  # of the last look that found everything in order
    failure_time: str = ""  # of the last failure, also long after it
    failure: str = ""  # what the disk said then

    @property
    def orderly(self) -> bool:
        """Whether the program before ended as it should, with everything written."""
        return self.state in ("", "STOPPED")


def read_record(folder: Path) -> DiskRecord:
    """The record of a data folder; an unreadable one counts as a program that was lost."""
    path = folder / NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return DiskRecord()
    try:
        if len(data) > DISK_RECORD_BYTES_MAX:
            return DiskRecord("RUNNING")
        said = json.loads(data)
        known = {name: str(said.get(name, "")) for name in DiskRecord.__dataclass_fields__}
        return DiskRecord(**known)
    except (ValueError, AttributeError):
        return DiskRecord("RUNNING")


def write_record(folder: Path, record: DiskRecord) -> None:
    """Replace the record durably; a full disk leaves the old one, which is never more hopeful."""
    draft = folder / f"{NAME}.new"
    data = json.dumps(asdict(record), indent=1).encode()
    descriptor = files.open_part(draft, 0)
    try:
        files.write_all(descriptor, data, 0)
        files.sync_file(descriptor)
    finally:
        os.close(descriptor)
    files.move_into_place([(draft, folder / NAME)])


class DiskWatch:
    """Keeps the record of one running program."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.before = self.record = read_record(folder)

    def started(self, now: datetime) -> None:
        """From here on a lost program is noticed; raises what the disk raised."""
        self.record = replace(self.before, state="RUNNING", start_time=now.isoformat())
        write_record(self._folder, self.record)

    def verified(self, now: datetime) -> None:
        """The look at the start found everything in order."""
        self.record = replace(self.record, verified_time=now.isoformat())
        write_record(self._folder, self.record)

    def ended(self, now: datetime, failure: str = "") -> None:
        """The program stops; after a failure the disk may not even take this, and that is fine."""
        self.record = replace(self.record, state="FAILED" if failure else "STOPPED")
        if failure:
            self.record = replace(self.record, failure_time=now.isoformat(), failure=failure)
        with suppress(Exception):  # the state on the disk stays RUNNING, which says enough
            write_record(self._folder, self.record)
