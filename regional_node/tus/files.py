"""The counter for resumable files: create, write, look, end, submit.

Owns the order of a request: find the file in its grant, fence off an older writer, take the bytes,
answer after they count. Rules: whatever a request began is settled even if it breaks off; a file
has one writer, the newest. Leaves out how bytes are stored (`writing`, `finishing`), how files are
admitted (`creating`), how they end (`ending`) and become a submission (`submitting`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime

from lpse.federation.errors import FederationError, NotFound
from lpse.federation.limits import RESUMABLE_BUFFER_BYTES, RESUMABLE_WRITERS_MAX
from lpse.storage.blobs import BlobFenced
from regional_node.grants.rules import Grant
from regional_node.tus import rules
from regional_node.tus.attempts import note_attempt
from regional_node.tus.checksums import Checksum
from regional_node.tus.creating import Creating, collect
from regional_node.tus.ending import Ending
from regional_node.tus.errors import FileBroken, FileGone, FileUnknown, OffsetConflict, too_many
from regional_node.tus.finishing import Finishing
from regional_node.tus.overview import GrantOverview, Overviews
from regional_node.tus.parts import Parts
from regional_node.tus.rows import FileState, GrantAttempt, State, Submitted
from regional_node.tus.shelf import Shelf
from regional_node.tus.small import SmallFiles
from regional_node.tus.submitting import Submitting
from regional_node.tus.turns import Turns
from regional_node.tus.writing import Desk, Writer


class Files:
    """See the module's first lines."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._shelf = Shelf(parts.blobs)
        self._turns = Turns()
        self._writers: dict[str, Writer] = {}
        self._collected = 0  # bytes of small files that come in
        claims = parts.sealing.claims
        self._small = SmallFiles(parts.store, parts.blobs, claims, parts.office.moment)
        finishing = Finishing(
            parts.store, self._shelf, parts.blobs, self._small, parts.office.moment
        )
        self._desk = Desk(
            parts.blobs,
            parts.office.clock,
            finishing,
            lambda: rules.piece_bytes(len(self._writers)),
        )
        self._ending = Ending(
            parts, self._shelf, self._small, self._turns, self._stop, self._writers.__contains__
        )
        self._creating = Creating(parts, self._shelf, finishing, self._ending.give_way)
        self._submitting = Submitting(parts, self._shelf, self._small, self._turns)
        self._overviews = Overviews(parts)

    async def recover(self) -> None:
        """At the start, after the blobs were swept: take up every unfinished file."""
        for file in await self._parts.store.live():
            self._shelf.put(file)
            if file.state is not State.RECEIVING or file.offset_bytes <= self._found(file.file_id):
                continue
            await self._desk.finishing.restart(file)
            self._parts.log.error("upload.part_lost", code="FED-5406")

    async def create(self, grant: Grant, size_bytes: int, name: str) -> FileState:
        """Admit a file before its first byte; an empty one is whole at once.

        FED-5011 and others of the schedule (with a proof on record), FED-5407 (size), FED-5408,
        FED-5409 (counts), FED-5010 (room), FED-5002 (name).
        """
        return await self._parts.intake.settle(self._creating.create(grant, size_bytes, name))

    async def create_with(
        self,
        grant: Grant,
        size_bytes: int,
        name: str,
        body: AsyncIterator[bytes],
        checksum: Checksum | None = None,
    ) -> FileState:
        """Create a file and write the body of the same request into it.

        A small file that comes whole is one group and one row, as far as memory goes; where the
        body fails nothing of the file stays, as nobody knows its address.
        """
        if rules.is_small(size_bytes) and self._collected + size_bytes <= RESUMABLE_BUFFER_BYTES:
            self._collected += size_bytes
            try:
                data = await collect(size_bytes, body)
                if len(data) == size_bytes:
                    work = self._creating.create_whole(grant, name, data, checksum)
                    return await self._parts.intake.settle(work)
            finally:
                self._collected -= size_bytes
            body = _once(data)
        file = await self.create(grant, size_bytes, name)
        try:
            return await self.write(grant, file.file_id, 0, body, checksum)
        except BaseException:
            await self._parts.intake.settle(self._ending.forget(grant, file.file_id))
            raise

    async def state(self, grant: Grant, file_id: str) -> FileState:
        """The file as it is recorded; FED-5401, and FED-5402 where it has ended."""
        file = self._shelf.find(file_id) or await self._parts.store.find(file_id)
        if file is None or file.grant_id != grant.grant_id:
            raise FileUnknown
        if file.state in (State.EXPIRED, State.TERMINATED):
            raise FileGone
        return file

    async def write(
        self,
        grant: Grant,
        file_id: str,
        offset: int,
        body: AsyncIterator[bytes],
        checksum: Checksum | None = None,
    ) -> FileState:
        """Take bytes that begin at `offset`; returns when they are durable and recorded.

        OffsetConflict (FED-5403), BlobFenced (FED-1203) where a newer writer came, ChecksumMismatch
        (FED-5405), FileTooLarge (FED-5407), FileBroken (FED-5406), Unavailable (FED-5010, -5409).
        What arrived before an error counts, but for a checksum that did not agree.
        """
        settle = self._parts.intake.settle
        writer = await settle(self._enter(grant, file_id, offset, checksum))
        if writer is None:
            return await self.state(grant, file_id)
        try:
            await writer.receive(body)
            return await settle(writer.finish())
        except FileBroken as error:
            await settle(note_attempt(self._parts, grant, writer.file, error, None))
            raise
        except BaseException:
            with suppress(FederationError):
                await settle(writer.break_off())
            raise
        finally:
            if self._writers.get(file_id) is writer:
                del self._writers[file_id]

    async def terminate(self, grant: Grant, file_id: str) -> None:
        """The uploader ends a file; a running writer is stopped. FED-5401, FED-5402, FED-5411."""
        await self._parts.intake.settle(self._ending.terminate(grant, file_id))

    async def revoke(self, grant: Grant) -> None:
        """End every file of a revoked grant that is not submitted; running writers stop."""
        await self._parts.intake.settle(self._ending.revoke(grant))

    async def submit(self, grant: Grant, file_ids: Sequence[str]) -> Submitted:
        """Hand in whole files as one submission, in this order; the same set again is repeated.

        FED-5401 and FED-5402 (no such file), FED-5410 (not whole), FED-5411 (in an earlier one),
        FED-5412 (selection), FED-5413 (too many), and what intake says; nothing changes then.
        """
        return await self._parts.intake.settle(self._submitting.submit(grant, tuple(file_ids)))

    async def overview(self, grant: Grant) -> GrantOverview:
        """Everything that a grant's holder may see."""
        return await self._overviews.overview(grant)

    async def attempt(self, grant: Grant, number: int) -> GrantAttempt:
        """One attempt with its proof; FED-5414."""
        found = await self._parts.store.attempt(grant.grant_id, number)
        if found is None:
            raise NotFound("FED-5414", "this grant has no attempt of this number")
        return found

    async def expire(self, now: datetime) -> int:
        """End what has expired or lost its grant by legal time `now`; how many files.

        Whole files that wait for the name of their digest get it first.
        """
        await self._parts.intake.settle(self._small.name_all())
        return await self._parts.intake.settle(self._ending.step(now))

    async def close(self) -> None:
        """Stop taking bytes: what arrived so far is recorded; requests get an error."""
        for writer in list(self._writers.values()):
            with suppress(FederationError):
                await self._parts.intake.settle(writer.interrupt(too_many()))
        with suppress(FederationError):
            await self._parts.intake.settle(self._small.name_all())

    async def _enter(
        self, grant: Grant, file_id: str, offset: int, checksum: Checksum | None
    ) -> Writer | None:
        """The newest writer of a file; None where nothing is left to write."""
        async with self._turns.of(file_id):
            file = await self.state(grant, file_id)
            if offset != file.offset_bytes:
                raise OffsetConflict(file.offset_bytes)
            await self._stop(file_id, BlobFenced())
            file = await self.state(grant, file_id)
            if offset != file.offset_bytes:
                raise OffsetConflict(file.offset_bytes)
            if file.state is not State.RECEIVING:
                return None
            if len(self._writers) >= RESUMABLE_WRITERS_MAX:
                raise too_many()
            writer = self._writers[file_id] = Writer(self._desk, file, checksum)
            return writer

    async def _stop(self, file_id: str, error: BaseException) -> None:
        writer = self._writers.pop(file_id, None)
        if writer is not None:
            await writer.stop(error)

    def _found(self, file_id: str) -> int:
        try:
            return self._parts.blobs.part_path(file_id).stat().st_size
        except FileNotFoundError:
            return 0


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
