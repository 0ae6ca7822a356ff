"""Files and times that people hand to commands about schedules.

Owns reading a bounded file with a clear error, and a time written with or without its offset.
Leaves out what stands in the files.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from lpse.federation.documents import as_time
from lpse.federation.errors import Refused
from lpse.federation.intervals import indonesian_zone


def read_file(path: Path, bytes_max: int) -> bytes:
    """All bytes of a file; Refused (FED-4117) where it cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise Refused(
            "FED-4117", f"{path} cannot be read: {error.strerror}", remedy="name a readable file"
        ) from error
    if len(data) > bytes_max:
        raise Refused("FED-4117", f"{path} is larger than {bytes_max} bytes")
    return data


def read_time(text: str, zone: str) -> datetime:
    """`2015-04-07T12:00:00+07:00`, or `2015-04-07 12:00` in `zone`; in UTC."""
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        naive = None
    if naive is not None and naive.tzinfo is None and len(text) > 10:
        return naive.replace(tzinfo=indonesian_zone(zone)).astimezone(UTC)
    return as_time(text, "time").astimezone(UTC)
