"""What a daemon does about its data disk, from before the database opens until after it closed.

Owns the ballast and the record of starts and failures, as both daemons use them. Rules: room is
made before anything is opened on a full disk; after a program that was lost everything that was
promised is verified before the first answer; the last word is written when nothing else is open,
and says in the log why the daemon leaves. Leaves out which blobs there are (`scrub_store`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from lpse.federation.limits import START_BLOBS_MAX, START_LOOK_BLOBS
from lpse.federation.notes import Verifier
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database
from lpse.runtime.sqlite.errors import StorageFull
from lpse.storage.ballast import Ballast
from lpse.storage.blobs import BlobStore
from lpse.storage.disk_record import DiskWatch
from lpse.storage.scrub import OWN, Found
from lpse.storage.scrub_store import ScrubStore
from lpse.storage.start_check import check_blobs, check_database


class DiskCare:
    """See the module's first lines; made before the database is opened."""

    def __init__(
        self, folder: Path, ballast_bytes: int, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self.ballast = Ballast(folder, ballast_bytes, log)
        self.more_notes: list[Callable[[], tuple[str, ...]]] = []  # of others who look at the disk
        self._watch = DiskWatch(folder)
        self._clock = clock
        self._log = log

    @property
    def lost(self) -> bool:
        """Whether the program before this one did not end in order."""
        return not self._watch.before.orderly

    async def open(self) -> None:
        """Make room, and say that the program runs."""
        with suppress(StorageFull):
            await asyncio.to_thread(self.ballast.step)
        with suppress(StorageFull):  # the state before stays; it can only cost one look too many
            await asyncio.to_thread(self._watch.started, self._clock.wall())

    async def verify_database(self, database: Database, verifier: Verifier) -> None:
        """After a lost program: every page and entry; raises what keeps this one from starting."""
        database.relief = self.ballast.give_up
        if self.lost:
            entries = await check_database(database, verifier)
            self._log.info("start.database_verified", entries=entries)

    async def verify_blobs(self, blobs: BlobStore, store: ScrubStore) -> None:
        """Is every file there? After a lost program also: are the newest ones whole?

        What is not is handed to the scrub at once: a database restored without its blobs must not
        wait for the next pass.
        """
        await self._note_missing(blobs, store)
        if not self.lost:
            return
        newest = await store.newest(START_BLOBS_MAX)
        count, damaged = await check_blobs(blobs, newest)
        for blob, found in damaged:
            await store.found(blob, OWN, found, self._clock.wall())
            self._log.error("start.blob_damaged", code="FED-7401", found=found)
        self._log.info("start.blobs_verified", blobs=count, damaged=len(damaged))
        with suppress(StorageFull):
            await asyncio.to_thread(self._watch.verified, self._clock.wall())

    async def _note_missing(self, blobs: BlobStore, store: ScrubStore) -> None:
        after, count = b"", 0
        while page := await store.page(after, START_LOOK_BLOBS):
            after, sizes = page[-1][0], dict(page)
            missing = await blobs.missing(list(sizes))
            now = self._clock.wall()
            await asyncio.gather(
                *(store.found((one, sizes[one]), OWN, Found.MISSING, now) for one in missing)
            )
            count += len(missing)
        if count:
            self._log.error("start.blobs_missing", code="FED-7401", blobs=count)

    def notes(self) -> tuple[str, ...]:
        """What whoever watches the daemon should know although it does its duty."""
        full = "FED-1111 the disk is full: uploads are refused until there is room"
        told = (full,) if self.ballast.state.given_up else ()
        return (*told, *(note for notes in self.more_notes for note in notes()))

    def watch(self) -> Callable[[], Awaitable[None]]:
        """The worker that gives the ballast up and takes it back."""
        return lambda: self.ballast.run(self._clock)

    def close(self, database: Database, blobs: BlobStore) -> None:
        """The last word, after everything is closed; a failure is told with its code."""
        failure = database.failure or blobs.failure
        if failure is not None:
            self._log.error("disk.failed", code=failure.code, detail=failure.detail)
        self._watch.ended(self._clock.wall(), failure.detail if failure is not None else "")
