"""From received bytes to rows: recorded offsets, and whole files under their digests.

Owns the order of the last steps: fsync, moment, re-read, hold the digest, name, fsync of the
folder, row; then the answer (Invariant 1). Rule: the moment that counts is read after the last
byte's fsync and before the re-read, which may take seconds. Leaves out where bytes come from
(`writing`).
"""

from __future__ import annotations

from collections.abc import Callable

from lpse.federation.errors import FederationError
from lpse.federation.receipts import Moment
from lpse.runtime.sqlite import StorageFailed, StorageFull
from lpse.storage.blobs import BlobMismatch, BlobPart, BlobStore
from regional_node.intake.claims import Claims
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
        claims: Claims,
        small: SmallFiles,
        moment: Callable[[], Moment],
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._blobs = blobs
        self._claims = claims
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

    async def take_up(self, file: FileState) -> FileState | None:
        """At the start: the file whose part had got its digest as its name, and no row yet."""
        if file.digest is None or file.durable is None:
            return None
        if await self._blobs.missing([file.digest]):
            return None
        whole = await self._store.complete(file, file.digest, file.durable)
        self._shelf.put(whole)
        return whole

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
        await self._claims.hold(stored.digest)
        try:
            # Before the part loses its name: what was acknowledged survives a crash in between.
            await self._store.name(file, stored.digest, durable)
            await part.place(stored)
        except BaseException:
            self._claims.release(stored.digest)
            raise
        return await self._note(file, stored.digest, durable)

    async def _note(self, file: FileState, digest: bytes, durable: Moment) -> FileState:
        try:
            whole = await self._store.complete(file, digest, durable)
        except StorageFailed:
            self._claims.release(digest)
            raise  # nobody knows what the disk kept; the next start compares and sweeps
        except BaseException as error:
            await self._claims.drop(digest)
            if isinstance(error, FederationError):
                self._shelf.restart(file)  # the part is gone; a start would find the same
            raise
        self._claims.release(digest)
        self._shelf.put(whole)
        return whole
