"""The live files of all grants, in memory, with the room and the places that they take.

Owns what admission counts, and the promises that keep room for a file's missing bytes also while
nobody writes to it. Rule: memory follows the rows; it is filled from them at the start. Leaves out
the rows (`store`) and the schedule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lpse.federation.limits import RESUMABLE_FILES_MAX
from lpse.runtime.sqlite import StorageFull
from lpse.storage.blobs import BlobStore
from regional_node.grants.rules import Grant
from regional_node.intake.sinks import no_room
from regional_node.tus import rules
from regional_node.tus.errors import too_many
from regional_node.tus.rows import FileState, State


class Shelf:
    """See the module's first lines."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._files: dict[str, FileState] = {}
        self._grants: dict[int, dict[str, FileState]] = {}
        self._made: dict[int, int] = {}  # of grants that have live files

    def find(self, file_id: str) -> FileState | None:
        """A live file."""
        return self._files.get(file_id)

    def of(self, grant_id: int) -> list[FileState]:
        """The live files of a grant, oldest first."""
        return list(self._grants.get(grant_id, {}).values())

    def all(self) -> Iterable[FileState]:
        """Every live file."""
        return list(self._files.values())

    def knows_made(self, grant_id: int) -> bool:
        """Whether the number of files that a grant ever made is in memory."""
        return grant_id in self._made

    def admit(self, grant: Grant, files_made: int, file: FileState) -> None:
        """Take a place and room for a new file, before its first byte.

        FED-5407, FED-5408, FED-5409; Unavailable FED-5010 where the disk has no room.
        """
        made = self._made.setdefault(grant.grant_id, files_made)
        refusal = rules.refuse_file(grant, self.of(grant.grant_id), made, file.size_bytes)
        if refusal is not None:
            self._forget_idle(grant.grant_id)
            raise refusal
        if len(self._files) >= RESUMABLE_FILES_MAX:
            self._forget_idle(grant.grant_id)
            raise too_many()
        try:
            self._blobs.check_space(file.size_bytes)
        except StorageFull as error:
            self._forget_idle(grant.grant_id)
            raise no_room() from error
        self._made[grant.grant_id] = made + 1
        self.put(file)

    def put(self, file: FileState) -> None:
        """A live file as it is now; what it still lacks stays promised."""
        self._files[file.file_id] = file
        self._grants.setdefault(file.grant_id, {})[file.file_id] = file
        missing = file.size_bytes - file.offset_bytes if file.state is State.RECEIVING else 0
        self._blobs.promise(file.file_id, missing)

    def restart(self, file: FileState) -> FileState:
        """The same file with nothing received."""
        empty = replace(file, offset_bytes=0)
        self.put(empty)
        return empty

    def remove(self, file: FileState) -> None:
        """The file is not live any more: submitted, ended, or never made."""
        self._files.pop(file.file_id, None)
        self._grants.get(file.grant_id, {}).pop(file.file_id, None)
        self._blobs.promise(file.file_id, 0)
        self._forget_idle(file.grant_id)

    def _forget_idle(self, grant_id: int) -> None:
        if not self._grants.get(grant_id):
            self._grants.pop(grant_id, None)
            self._made.pop(grant_id, None)
