"""Putting something that must not be lost into a file of the person's choice.

Owns the durable, exclusive write. Rule: an existing file is never overwritten; the same content
again is harmless. Leaves out what is kept.
"""

from __future__ import annotations

import os
from pathlib import Path

from lpse.federation.errors import Conflict, Refused, Unavailable


def keep_file(path: Path, content: bytes) -> None:
    """Write, fsync, and fsync the folder; Conflict FED-5105 where another content is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        if path.is_file() and path.read_bytes() == content:
            return
        raise Conflict(
            "FED-5105",
            f"{path} exists and holds something else; it was left alone",
            remedy="choose another name; `receipt show` gives the receipt again",
        ) from None
    except OSError as error:
        raise Refused("FED-5106", f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.absolute().parent)
    except OSError as error:
        raise Unavailable("FED-5107", f"{path} could not be stored: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
