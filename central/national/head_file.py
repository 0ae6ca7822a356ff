"""The head file: the newest national head that anybody outside can know of.

Owns one small file beside the database and outside its backups. Rule: the file is durable before
its head becomes visible to a node or an operator, so that a journal which contains the filed head
has lost nothing - within one boot of the machine: before it ran, its whole disk, this file
included, may have been put back to an older copy. A file that cannot be read counts as absent: the
centre then waits for its nodes.
Leaves out what follows from the comparison (`rules`).
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.notes import Verifier
from lpse.runtime.sqlite.migrations import fsync_path


class HeadFile:
    """See the module's first lines."""

    def __init__(self, path: Path, verifier: Verifier, boot_id: str) -> None:
        self._path = path
        self._verifier = verifier
        self._boot_id = boot_id

    def read(self) -> Head | None:
        """The filed head, verified with the centre's own key; None where there is none to trust."""
        try:
            document = json.loads(self._path.read_text("utf-8"))
            head = Head(
                document["party"],
                bytes.fromhex(document["epoch"]),
                int(document["size"]),
                bytes.fromhex(document["root"]),
                bytes.fromhex(document["signature"]),
            )
            head.verify(self._verifier)
        except (OSError, ValueError, KeyError, TypeError, FederationError):
            return None
        return head

    def of_this_boot(self) -> bool:
        """Whether the file was written since the machine started; False where none can be read."""
        try:
            document = json.loads(self._path.read_text("utf-8"))
            return bool(document["boot"] == self._boot_id != "")
        except (OSError, ValueError, KeyError, TypeError):
            return False

    async def write(self, head: Head, *, proven: bool) -> None:
        """Replace the file at once; durable when this returns.

        `proven`: the centre may append, so that a restart within this boot need not ask again.
        """
        await asyncio.to_thread(self._write, head, self._boot_id if proven else "")

    def _write(self, head: Head, boot_id: str) -> None:
        document = {
            "party": head.party,
            "epoch": head.epoch.hex(),
            "size": head.size,
            "root": head.root.hex(),
            "signature": head.signature.hex(),
            "boot": boot_id,
        }
        draft = self._path.with_name(self._path.name + ".new")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        fsync_path(self._path.parent)
