"""Small files that arrive at about the same time are made durable together.

Owns the groups: stored at once when the disk is idle, collected meanwhile; two are under way, so
that the rows of one are committed while the bytes of the other are written. Rules: an answer comes
after part, folder and row are durable and the part was re-read (Invariant 1); a whole file stays a
part, which its row vouches for, until it is submitted or the node has a moment: only then it gets
the name of its digest, with one fsync per folder for many. A start names what it finds. Leaves out
admission (`creating`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from lpse.federation.limits import RESUMABLE_GROUP_FILES_MAX, RESUMABLE_GROUPS_OPEN_MAX
from lpse.federation.receipts import Moment
from lpse.runtime.sqlite import StorageFailed
from lpse.storage.blobs import BlobStore, BlobUnknown
from regional_node.intake.claims import Claims
from regional_node.tus.rows import FileState, State
from regional_node.tus.store import Entered, FileStore


@dataclass(frozen=True, slots=True)
class _Arrival:
    entered: Entered
    data: bytes
    kept: asyncio.Future[FileState]


class SmallFiles:
    """See the module's first lines."""

    def __init__(
        self, store: FileStore, blobs: BlobStore, claims: Claims, moment: Callable[[], Moment]
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._claims = claims
        self._moment = moment
        self._waiting: deque[_Arrival] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unnamed: dict[str, bytes] = {}  # digests by file, oldest first
        self._naming = asyncio.Lock()

    async def keep(self, entered: Entered, data: bytes) -> FileState:
        """Store a whole file, and its row; the file as it is then.

        NotAdmitted and FileGone by the row; nothing of the file stays on the disk after an error.
        """
        kept: asyncio.Future[FileState] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Arrival(entered, data, kept))
        if len(self._tasks) < RESUMABLE_GROUPS_OPEN_MAX:
            task = asyncio.create_task(self._keep_all(), name="small-files")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await kept

    def leave(self, whole: FileState) -> None:
        """A whole file whose row is there lies as a part still; its name follows."""
        assert whole.digest is not None
        self._unnamed[whole.file_id] = whole.digest

    async def name(self, file_ids: Iterable[str]) -> None:
        """Give these files the names of their digests, where they are parts still.

        NotFound FED-1201 where somebody took a part away.
        """
        async with self._naming:
            due = [(one, self._unnamed[one]) for one in file_ids if one in self._unnamed]
            if due:
                await self._name(due)

    async def name_all(self) -> None:
        """Name every file that waits for it, some at a time: a submit may come between."""
        waiting = list(self._unnamed)
        for start in range(0, len(waiting), RESUMABLE_GROUP_FILES_MAX):
            group = waiting[start : start + RESUMABLE_GROUP_FILES_MAX]
            try:
                await self.name(group)
            except BlobUnknown:
                for one in group:
                    await self._name_if_there(one)

    async def _name_if_there(self, file_id: str) -> None:
        try:
            await self.name([file_id])
        except BlobUnknown:
            self._unnamed.pop(file_id, None)  # its submit says so; a start counts it

    async def _name(self, due: Sequence[tuple[str, bytes]]) -> None:
        digests = [digest for _, digest in due]
        for digest in digests:
            await self._claims.hold(digest)  # no removal of the same content comes between
        try:
            await self._blobs.name_parts(due)
        finally:
            for digest in digests:
                self._claims.release(digest)
        for file_id, _ in due:
            self._unnamed.pop(file_id, None)

    async def _keep_all(self) -> None:
        while self._waiting:
            count = min(len(self._waiting), RESUMABLE_GROUP_FILES_MAX)
            group = [self._waiting.popleft() for _ in range(count)]
            for arrival, outcome in zip(group, await self._keep(group), strict=True):
                if arrival.kept.done():
                    continue  # nobody waits any more; the file is there all the same
                if isinstance(outcome, FileState):
                    arrival.kept.set_result(outcome)
                else:
                    arrival.kept.set_exception(outcome)

    async def _keep(self, group: Sequence[_Arrival]) -> Sequence[FileState | Exception]:
        names = [arrival.entered.file.file_id for arrival in group]
        try:
            contents = [arrival.data for arrival in group]
            digests = await self._blobs.put_parts(list(zip(names, contents, strict=True)))
            durable = self._moment()
            outcomes = await self._store.enter(
                [
                    replace(arrival.entered, file=_whole(arrival.entered.file, digest, durable))
                    for arrival, digest in zip(group, digests, strict=True)
                ]
            )
        except StorageFailed as error:
            return [error] * len(group)  # nobody knows what the disk kept; the next start sweeps
        except Exception as error:  # whatever it is: every waiter must be told
            outcomes = [error] * len(group)
        for name, outcome in zip(names, outcomes, strict=True):
            if isinstance(outcome, FileState):
                self.leave(outcome)
            else:
                await self._blobs.remove_part(name)
        return outcomes


def _whole(file: FileState, digest: bytes, durable: Moment) -> FileState:
    return replace(
        file,
        offset_bytes=file.size_bytes,
        state=State.WHOLE,
        digest=digest,
        durable=durable,
        last_byte_time=durable.time,
    )
