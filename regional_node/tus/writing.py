"""One request's bytes on their way into one file.

Owns the pieces: one is collected while the one before is hashed and written by a thread, so that
never more than two are in memory. Rules: the recorded offset follows the fsync, never precedes it
(Invariant 1); with a checksum nothing is recorded before it was compared; a writer that was stopped
writes nothing any more. Leaves out who may write (`files`) and what a whole file becomes
(`finishing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    RESUMABLE_RECORD_SECONDS,
    UPLOAD_SMALL_FILE_BYTES_MAX,
)
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import StorageFull
from lpse.storage.blob_parts import PartMark
from lpse.storage.blobs import BlobPart, BlobStore
from regional_node.intake.sinks import no_room
from regional_node.tus.checksums import Checksum, RunningChecksum
from regional_node.tus.errors import ChecksumMismatch, overrun
from regional_node.tus.finishing import Finishing
from regional_node.tus.rows import FileState


@dataclass(frozen=True, slots=True)
class Desk:
    """What all writers share."""

    blobs: BlobStore
    clock: Clock
    finishing: Finishing
    piece_bytes: Callable[[], int]


class Writer:
    """See the module's first lines; made under the file's lock, ended by `finish` or `stop`."""

    def __init__(self, desk: Desk, file: FileState, checksum: Checksum | None) -> None:
        self.file = file
        self._desk = desk
        self._checksum: RunningChecksum | None = checksum.start() if checksum else None
        self._pieces: list[bytes] = []
        self._held = 0
        self._taken = file.offset_bytes
        self._part: BlobPart | None = None
        self._mark: PartMark | None = None
        self._storing: asyncio.Task[None] | None = None
        self._record_monotonic = desk.clock.monotonic()
        self._error: BaseException | None = None
        self._ended: asyncio.Future[None] | None = None

    async def receive(self, body: AsyncIterator[bytes]) -> None:
        """Take the bytes in as they come; raises what ended them, BlobFenced where stopped."""
        async for data in body:
            self._check()
            if self._taken + len(data) > self.file.size_bytes:
                raise overrun()
            if not data:
                continue
            self._taken += len(data)
            self._pieces.append(data)
            self._held += len(data)
            if self._held >= self._desk.piece_bytes() or self._is_due():
                await self._push()
        self._check()

    async def finish(self) -> FileState:
        """The request's end: everything durable, recorded, and whole if it is the file's end."""
        self._check()
        self._ended = asyncio.get_running_loop().create_future()
        try:
            return await self._finish()
        except BaseException:
            if self._checksum is None and self._part is not None:
                with suppress(FederationError):  # what arrived before the error stays
                    await self._keep()
            await self._shut()
            raise
        finally:
            self._ended.set_result(None)

    async def break_off(self) -> None:
        """The request broke: what arrived is kept where no checksum forbids it."""
        if self._ended is not None:
            await self._ended
        elif self._checksum is None:
            await self.finish()
        else:
            await self.stop(ChecksumMismatch())

    async def interrupt(self, error: BaseException) -> None:
        """The node stops: what arrived is recorded, the request gets `error`."""
        self._error = error
        if self._ended is None:
            self._error = None
            with suppress(FederationError):
                await self.break_off()
            self._error = error

    async def stop(self, error: BaseException) -> None:
        """Somebody else ends this writer: its request gets `error`; unrecorded bytes are lost."""
        if self._ended is not None:
            await self._ended
            return
        self._error = error
        self._ended = asyncio.get_running_loop().create_future()
        try:
            self._pieces, self._held = [], 0
            await self._shut()
        finally:
            self._ended.set_result(None)

    async def _finish(self) -> FileState:
        if self._fits_at_once():
            return await self._store_small()
        await self._push()
        await self._stored()
        if self._checksum is not None and not self._checksum.agrees():
            if self._part is not None and self._mark is not None:
                await self._part.rewind(self._mark)
            raise ChecksumMismatch
        return await self._settle_part()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _is_due(self) -> bool:
        passed = self._desk.clock.monotonic() - self._record_monotonic
        return passed >= RESUMABLE_RECORD_SECONDS

    async def _push(self) -> None:
        """Hand what was collected to the disk, after the piece before."""
        await self._stored()
        if self._held:
            pieces, self._pieces, self._held = self._pieces, [], 0
            self._storing = asyncio.create_task(self._store(pieces))

    async def _stored(self) -> None:
        storing, self._storing = self._storing, None
        if storing is not None:
            try:
                await asyncio.shield(storing)
            except asyncio.CancelledError:
                self._storing = storing  # the request was cancelled, the piece was not
                raise
            except StorageFull as error:
                raise no_room() from error

    async def _store(self, pieces: list[bytes]) -> None:
        part = self._part or await self._open()
        if self._checksum is not None:
            await asyncio.to_thread(self._checksum.update, pieces)
        await part.extend(pieces)
        if self._checksum is None and part.written_size < self.file.size_bytes:
            if self._is_due():
                await part.flush()
            await self._record(part.durable_size)

    async def _open(self) -> BlobPart:
        file = self.file
        self._part = await self._desk.blobs.begin(
            file.file_id, file.size_bytes, durable_size=file.offset_bytes
        )
        if self._part.written_size != file.offset_bytes:
            self.file = await self._desk.finishing.restart(file)
            raise self._desk.finishing.broken()
        self._mark = self._part.file.mark()
        return self._part

    async def _record(self, durable: int) -> None:
        """The offset moves to what was fsynced; the last byte is recorded with the whole file."""
        if durable > self.file.offset_bytes:
            self.file = await self._desk.finishing.record(self.file, durable)
            self._record_monotonic = self._desk.clock.monotonic()

    def _fits_at_once(self) -> bool:
        """The whole file is in memory and small: no part, one group for all that come now."""
        file = self.file
        return (
            self._part is None
            and self._storing is None
            and self._held == file.size_bytes <= UPLOAD_SMALL_FILE_BYTES_MAX
        )

    async def _store_small(self) -> FileState:
        data = b"".join(self._pieces)
        if self._checksum is not None:
            self._checksum.update([data])
            if not self._checksum.agrees():
                raise ChecksumMismatch
        self.file = await self._desk.finishing.whole_small(self.file, data)
        return self.file

    async def _settle_part(self) -> FileState:
        part = self._part
        if part is None:
            if self.file.offset_bytes < self.file.size_bytes:
                return self.file  # an empty request
            part = await self._open()
        if part.written_size < self.file.size_bytes:
            await self._keep()
            await self._shut()
        else:
            self.file = await self._desk.finishing.whole_part(self.file, part)
            self._part = None
        return self.file

    async def _keep(self) -> None:
        """What is in the part becomes the offset; a whole part waits for its last request."""
        assert self._part is not None
        durable = await self._part.flush()
        await self._record(min(durable, self.file.size_bytes - 1))

    async def _shut(self) -> None:
        """Let go of the part; what no row knows is cut off when it is opened again."""
        if self._storing is not None:
            with suppress(FederationError):
                await self._storing
            self._storing = None
        if self._part is not None:
            part, self._part = self._part, None
            with suppress(FederationError):
                await part.close()
