"""How files end without a submission: expired, removed by their uploader, or revoked.

Owns the order: stop the writer, row and proof in one transaction, then the bytes. Rule: bytes are
removed after the row has ceased to vouch for them, and never where anybody else needs the same
content. Leaves out what becomes of submitted files (regional_node/intake).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from lpse.federation.errors import Conflict, FederationError
from lpse.federation.limits import EXPIRED_FILES_PER_STEP_MAX
from lpse.storage.blobs import BlobUnknown
from regional_node.grants.rules import Grant
from regional_node.tus import errors
from regional_node.tus.attempts import note_attempt
from regional_node.tus.errors import FileGone, FileUnknown, submitted_before
from regional_node.tus.parts import Parts
from regional_node.tus.rows import FileState, State
from regional_node.tus.shelf import Shelf
from regional_node.tus.small import SmallFiles
from regional_node.tus.turns import Turns

Stop = Callable[[str, BaseException], Awaitable[None]]
IsWritten = Callable[[str], bool]


class Ending:
    """See the module's first lines."""

    def __init__(
        self,
        parts: Parts,
        shelf: Shelf,
        small: SmallFiles,
        turns: Turns,
        stop: Stop,
        is_written: IsWritten,
    ) -> None:
        """`stop` ends a file's writer, `is_written` tells whether there is one."""
        self._parts = parts
        self._shelf = shelf
        self._small = small
        self._turns = turns
        self._stop = stop
        self._is_written = is_written

    async def terminate(self, grant: Grant, file_id: str) -> None:
        """See `Files.terminate`."""
        async with self._turns.of(file_id):
            file = await self._live(grant, file_id)
            await self._end(grant, file, State.TERMINATED, errors.terminated())

    async def revoke(self, grant: Grant) -> None:
        """See `Files.revoke`."""
        for file in self._shelf.of(grant.grant_id):
            with suppress(Conflict):  # submitted at this moment: it stays
                await self._end_if_live(grant, file.file_id, State.TERMINATED, errors.revoked())

    async def forget(self, grant: Grant, file_id: str) -> None:
        """End a file whose address nobody knows."""
        await self._end_if_live(grant, file_id, State.TERMINATED, errors.broken_off())

    async def give_way(self, file_id: str) -> bool:
        """End a file of which nothing has come; False where somebody writes it, and so knows it."""
        async with self._turns.of(file_id):
            file = self._shelf.find(file_id)
            if file is None or file.offset_bytes or self._is_written(file_id):
                return False
            try:
                await self._parts.store.end(file, State.TERMINATED)
            except Conflict:
                return False  # its row is not there yet: another request makes it now
            self._shelf.remove(file)
            await self._parts.blobs.remove_part(file_id)
            return True

    async def step(self, now: datetime) -> int:
        """End what has expired or lost its grant; how many files that were."""
        grants = await self._parts.store.grants({file.grant_id for file in self._shelf.all()})
        revoked = {grant_id for grant_id, grant in grants.items() if grant.revoked}
        due = [
            file
            for file in self._shelf.all()
            if file.expire_time <= now or file.grant_id in revoked
        ]
        ended = 0
        for file in due[:EXPIRED_FILES_PER_STEP_MAX]:
            grant = grants.get(file.grant_id)
            if grant is None:
                continue  # made since the grants were read; the next step sees it
            state = State.TERMINATED if grant.revoked else State.EXPIRED
            error = errors.revoked() if grant.revoked else errors.expired()
            try:
                await self._end_if_live(grant, file.file_id, state, error)
                ended += 1
            except FederationError as failure:
                self._parts.log.warning("upload.not_ended", code=failure.code)
        return ended

    async def _end_if_live(
        self, grant: Grant, file_id: str, state: State, error: FederationError
    ) -> None:
        async with self._turns.of(file_id):
            file = self._shelf.find(file_id)
            if file is not None:
                await self._end(grant, file, state, error)

    async def _end(
        self, grant: Grant, file: FileState, state: State, error: FederationError
    ) -> None:
        await self._stop(file.file_id, FileGone())
        file = self._shelf.find(file.file_id) or file  # as its writer left it
        with suppress(BlobUnknown):
            await self._small.name([file.file_id])
        claims = self._parts.sealing.claims
        digest = file.digest if file.state is State.WHOLE else None  # else the bytes are a part
        if digest is not None:
            await claims.hold(digest)
        try:
            await note_attempt(self._parts, grant, file, error, state)
        except BaseException:
            if digest is not None:
                claims.release(digest)
            raise
        self._shelf.remove(file)
        if digest is not None:
            await claims.drop(digest)
        else:
            await self._parts.blobs.remove_part(file.file_id)

    async def _live(self, grant: Grant, file_id: str) -> FileState:
        file = self._shelf.find(file_id) or await self._parts.store.find(file_id)
        if file is None or file.grant_id != grant.grant_id:
            raise FileUnknown
        if file.state is State.SUBMITTED:
            raise submitted_before()
        if not file.state.is_live:
            raise FileGone
        return file
