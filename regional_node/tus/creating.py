"""A new file of a grant: admitted before its first byte, or refused with a proof.

Owns the order of admission: form, the grant's limits, the node's places, room on the disk, the
schedule. Rules: what is admitted has its room promised; a refusal that the schedule or a full disk
caused is on record. Leaves out the bytes of larger files (`writing`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from lpse.federation.commitments import SealedFile
from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    ADMISSION_SEEN_SECONDS,
    ADMISSIONS_SEEN_MAX,
    SUBMISSION_BYTES_MAX,
)
from regional_node.grants.rules import Grant
from regional_node.intake.details import check_files
from regional_node.intake.refusals import refusal_of
from regional_node.tus import rules
from regional_node.tus.attempts import note_attempt
from regional_node.tus.checksums import Checksum
from regional_node.tus.errors import ChecksumMismatch, FileTooLarge, overrun
from regional_node.tus.finishing import Finishing
from regional_node.tus.parts import Parts
from regional_node.tus.rows import FileState, State
from regional_node.tus.shelf import Shelf
from regional_node.tus.store import NotAdmitted


class Creating:
    """See the module's first lines."""

    def __init__(
        self,
        parts: Parts,
        shelf: Shelf,
        finishing: Finishing,
        give_way: Callable[[str], Awaitable[bool]],
    ) -> None:
        """`give_way` ends a file that nobody has written to; False where somebody does."""
        self._parts = parts
        self._shelf = shelf
        self._finishing = finishing
        self._give_way = give_way
        self._seen_open: dict[tuple[str, str], float] = {}  # monotonic seconds by package and stage

    async def create(self, grant: Grant, size: int, name: str) -> FileState:
        """See `Files.create`."""
        if size == 0:
            return await self.create_whole(grant, name, b"", None)

        async def write(file: FileState) -> FileState:
            await self._parts.store.insert(file, grant.package, grant.stage)
            return file

        return await self._admitted(grant, self._draft(grant, size, name), write)

    async def create_whole(
        self, grant: Grant, name: str, data: bytes, checksum: Checksum | None
    ) -> FileState:
        """A small file that is in memory: stored with those that come now, and one row."""
        if checksum is not None:
            running = checksum.start()
            running.update([data])
            if not running.agrees():
                raise ChecksumMismatch

        async def write(file: FileState) -> FileState:
            await self._look_at_schedule(grant, file)
            stage = (grant.package, grant.stage)
            return await self._finishing.whole_small(file, data, stage)

        return await self._admitted(grant, self._draft(grant, len(data), name), write)

    async def _admitted(
        self,
        grant: Grant,
        file: FileState,
        write: Callable[[FileState], Awaitable[FileState]],
    ) -> FileState:
        try:
            await self._enter(grant, file)
        except FederationError as error:
            if error.code == "FED-5010":
                await self._refuse(grant, file, error)
            raise
        try:
            return await write(file)
        except NotAdmitted as refused:
            self._shelf.remove(file)
            refusal = refusal_of(refused.admission)
            assert refusal is not None
            await self._refuse(grant, file, refusal)
            raise refusal from None
        except BaseException:
            self._shelf.remove(file)
            raise

    async def _look_at_schedule(self, grant: Grant, file: FileState) -> None:
        """Refuse before the disk is touched; the row's transaction looks again and decides."""
        stage = (grant.package, grant.stage)
        seen = file.begin.monotonic_seconds
        if (
            not 0
            <= seen - self._seen_open.get(stage, -ADMISSION_SEEN_SECONDS)
            < (ADMISSION_SEEN_SECONDS)
        ):
            await self._parts.store.admit(grant.package, grant.stage, file.begin)
            if len(self._seen_open) >= ADMISSIONS_SEEN_MAX:
                self._seen_open.clear()
            self._seen_open[stage] = seen

    async def _enter(self, grant: Grant, file: FileState) -> None:
        """Places and room; a file whose creation was answered into the void gives way."""
        made = 0
        if not self._shelf.knows_made(grant.grant_id):
            made = await self._parts.store.files_made(grant.grant_id)
        try:
            self._shelf.admit(grant, made, file)
        except FileTooLarge:
            live = self._shelf.of(grant.grant_id)
            void = rules.superseded(live, file.name, file.size_bytes)
            if void is None or not await self._give_way(void.file_id):
                raise
            made = await self._parts.store.files_made(grant.grant_id)
            self._shelf.admit(grant, made, file)

    def _draft(self, grant: Grant, size: int, name: str) -> FileState:
        if not 0 <= size <= min(grant.bytes_max, SUBMISSION_BYTES_MAX):
            raise FileTooLarge(
                f"this upload address takes {grant.bytes_max} bytes in all its files"
            )
        file_id = self._parts.office.entropy.token(16).hex()
        name = name or f"unnamed-{file_id[:8]}"
        check_files((SealedFile(name, size, b""),))  # the rest was looked at with the grant
        begin = self._parts.office.moment()
        return FileState(
            file_id=file_id,
            grant_id=grant.grant_id,
            name=name,
            size_bytes=size,
            offset_bytes=0,
            state=State.RECEIVING,
            digest=None,
            begin=begin,
            durable=None,
            last_byte_time=begin.time,
            expire_time=rules.expiry(begin.time, grant, self._parts.expiry_seconds),
        )

    async def _refuse(self, grant: Grant, file: FileState, error: FederationError) -> None:
        """On record under one key for the same file again and again: the first proof counts."""
        key = f"{grant.name}-refused"
        await note_attempt(self._parts, grant, replace(file, file_id=key), error, None)


async def collect(size: int, body: AsyncIterator[bytes]) -> bytes:
    """A small body, at most `size` bytes; FED-5407 beyond."""
    pieces: list[bytes] = []
    came = 0
    async for data in body:
        pieces.append(data)
        came += len(data)
        if came > size:
            raise overrun()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
