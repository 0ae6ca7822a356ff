"""The node's secret that makes tokens of grants.

Owns one file of 32 random bytes beside the database, readable by the node alone. Rules: durable
before the first token is made of it; not part of any backup, so that a backup opens no door (after
a restore grants that were handed out go on working, but a repeated request for an old one is a
conflict). Leaves out what is made of it (`rules`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from lpse.federation.errors import Refused
from lpse.runtime.clock import Entropy

FILE: Final = "grants.key"
_BYTES: Final = 32


def open_key(folder: Path, entropy: Entropy) -> bytes:
    """The secret; made at the first start. Refused FED-5308 for a file that is none."""
    path = folder / FILE
    if not path.exists():
        _make(path, entropy.token(_BYTES))
    try:
        key = path.read_bytes()
    except OSError as error:
        raise _unusable() from error
    if len(key) != _BYTES:
        raise _unusable()
    return key


def _make(path: Path, key: bytes) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, key)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unusable() -> Refused:
    return Refused(
        "FED-5308",
        f"{FILE} in the data folder is not the 32 bytes that this node wrote",
        remedy="remove the file and start again; upload addresses handed out go on working",
    )
