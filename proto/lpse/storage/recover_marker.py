"""The marker of a folder that is to take the place of a lost machine.

Owns the file `RECOVER`: the newest head that the other side holds of the lost journal. Rule: it is
durable before the first start and stays until that start has opened an epoch which names the head
(Invariant 5). Leaves out reading the entries back.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError, Refused
from lpse.federation.v1 import journal_pb2 as wire
from lpse.storage.blob_files import disk_errors, sync_folder

RECOVER: Final = "RECOVER"


def mark_recover(folder: Path, head: Head) -> None:
    """The next start continues this head in a new epoch; repeating it replaces the marker."""
    draft = folder / f"{RECOVER}.part"
    data = head.message().SerializeToString(deterministic=True)
    with disk_errors(), draft.open("wb") as writer:
        writer.write(data.hex().encode())
        writer.flush()
        os.fsync(writer.fileno())
    draft.replace(folder / RECOVER)
    sync_folder(folder)


def marked_head(folder: Path) -> Head | None:
    """The head to continue; None where nothing is to be recovered."""
    path = folder / RECOVER
    if not path.exists():
        return None
    try:
        return Head.of(wire.Head.FromString(bytes.fromhex(path.read_text("ascii"))))
    except (ValueError, DecodeError, FederationError) as error:
        raise Refused(
            "FED-3012", f"{RECOVER} cannot be read", remedy="enrol with --recover again"
        ) from error


def clear_recover(folder: Path) -> None:
    """The epoch that continues the head is durable."""
    (folder / RECOVER).unlink(missing_ok=True)
    sync_folder(folder)
