"""From received bytes to rows: recorded offsets, and whole files under their digests.

Owns the order of the last steps: fsync, moment, re-read, row, then the answer (Invariant 1); the
name of the digest follows where it is not there yet (`small`). Rule: the moment that counts is read
after the last byte's fsync and before the re-read, which may take seconds. Leaves out where bytes
come from (`writing`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from lpse.federation.receipts import Moment
from lpse.runtime.sqlite import StorageFull
from lpse.storage.blobs import BlobMismatch, BlobPart, BlobStore
from regional_node.intake.sinks import no_room
from regional_node.tus.errors import FileBroken
from regional_node.tus.rows import FileState
from regional_node.tus.shelf import Shelf
from regional_node.tus.small import SmallFiles
from regional_node.tus.store import Entered, FileStore


class Finishing:
    """See the module's first lines."""

    def __init__(
        self,
        store: FileStore,
        shelf: Shelf,
        blobs: BlobStore,
        small: SmallFiles,
        moment: Callable[[], Moment],
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._blobs = blobs
        self._small = small
        self._moment = moment

    async def record(self, file: FileState, durable: int) -> FileState:
        """Bytes up to `durable` survive a power cut."""
        moved = await self._store.record(file, durable, self._moment().time)
        self._shelf.put(moved)
        return moved

    async def restart(self, file: FileState) -> FileState:
        """Nothing of the file is there; its row says so before anybody is told."""
        empty = await self._store.record(file, 0, self._moment().time)
        self._shelf.put(empty)
        return empty

    @staticmethod
    def broken() -> FileBroken:
        """For a file that was found empty or changed."""
        return FileBroken()

    async def whole_small(
        self, file: FileState, data: bytes, made_for: tuple[str, str] | None = None
    ) -> FileState:
        """A whole file out of memory; `made_for` package and stage where it has no row yet."""
        self._blobs.promise(file.file_id, 0)  # from here on the blob store counts it
        try:
            whole = await self._small.keep(Entered(file, made_for), data)
        except BaseException as error:
            self._shelf.put(file)
            if isinstance(error, StorageFull):
                raise no_room() from error
            raise
        self._shelf.put(whole)
        return whole

    async def whole_part(self, file: FileState, part: BlobPart) -> FileState:
        """A part that holds every byte; FileBroken, and an empty file, where it reads otherwise."""
        await part.flush()
        durable = self._moment()
        try:
            stored = await part.check(file.size_bytes)
        except BlobMismatch as error:
            await self.restart(file)
            raise FileBroken from error
        # The row before the name: a full disk takes nothing back, and a start names what it finds.
        try:
            whole = await self._store.complete(file, stored.digest, durable)
        except StorageFull as error:
            raise no_room() from error
        self._small.leave(whole)
        self._shelf.put(whole)
        await part.close()
        with suppress(StorageFull):  # its submit names it, or a quiet moment
            await self._small.name([file.file_id])
        return whole
