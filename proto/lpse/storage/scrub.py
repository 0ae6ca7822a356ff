"""Re-reading what is stored, slowly and for ever.

Owns one pass after another over the blobs that rows vouch for. Rules: what the disk gives back is
compared, not what the cache holds; the rate has a bound and falls while bytes are being received,
so uploads never wait for it; the place is kept, so a restart goes on where the last run stopped; a
damaged blob is that blob's matter alone. Leaves out healing: each side has its own way.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from structlog.typing import FilteringBoundLogger

from lpse.federation.limits import (
    BLOB_READ_BYTES,
    SCRUB_BUSY_PART,
    SCRUB_IDLE_SECONDS,
    SCRUB_PAGE_BLOBS,
)
from lpse.runtime.clock import Clock
from lpse.storage import aside
from lpse.storage import blob_files as files
from lpse.storage.blobs import BlobStore
from lpse.storage.scrub_store import ScrubStore

Pace = Callable[[int], Awaitable[None]]
OWN: Final = "OWN"  # the side of a finding: this party's own copy


class Found(StrEnum):
    """What a look at a blob found."""

    WHOLE = "WHOLE"
    MISSING = "MISSING"
    CORRUPT = "CORRUPT"  # truncated, longer, or other bytes
    UNREADABLE = "UNREADABLE"  # the disk gives nothing back


async def examine(blobs: BlobStore, digest: bytes, size: int, pace: Pace | None = None) -> Found:
    """Re-read one blob from the disk, in pieces, each followed by a wait of `pace`."""
    try:
        descriptor = await asyncio.to_thread(
            files.disk.open, blobs.path_of(digest), os.O_RDONLY | os.O_CLOEXEC
        )
    except FileNotFoundError:
        return Found.MISSING
    except OSError:
        return Found.UNREADABLE
    try:
        return await _read_through(descriptor, digest, size, pace)
    except files.BlobUnreadable:
        return Found.UNREADABLE
    finally:
        os.close(descriptor)


async def _read_through(descriptor: int, digest: bytes, size: int, pace: Pace | None) -> Found:
    found, offset = sha256(), 0
    await asyncio.to_thread(files.forget_cached, descriptor)
    while True:
        piece = await _settled(asyncio.to_thread(_hash_piece, descriptor, offset, found.update))
        offset += piece
        if not piece or offset > size:
            break
        if pace is not None:
            await pace(piece)
    return Found.WHOLE if offset == size and found.digest() == digest else Found.CORRUPT


async def _settled(work: Awaitable[int]) -> int:
    """The descriptor may be closed only after the thread that reads it is done."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


def _hash_piece(descriptor: int, offset: int, update: Callable[[bytes], None]) -> int:
    with files.disk_reads():
        piece = files.disk.read(descriptor, BLOB_READ_BYTES, offset)
    update(piece)
    return len(piece)


class Scrub:
    """Passes over the blobs of one party; see the module's first lines."""

    def __init__(
        self,
        store: ScrubStore,
        blobs: BlobStore,
        clock: Clock,
        log: FilteringBoundLogger,
        *,
        bytes_per_second: float,
        every: timedelta,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._log = log
        self._rate = bytes_per_second
        self._every = every

    async def step(self, now: datetime) -> bool:
        """Look at one page of blobs; False where no pass is due."""
        place = await self._store.place()
        if place.begin_time is None or place.end_time is not None:
            if place.begin_time is not None and now < place.begin_time + self._every:
                return False
            place = await self._store.begin(now)
        page = await self._store.page(place.after, SCRUB_PAGE_BLOBS)
        if not page:
            await self._end(now)
            return True
        size_bytes = 0
        for digest, size in page:
            size_bytes += size
            await self._look(digest, size, now)
        await self._store.advance(page[-1][0], len(page), size_bytes)
        return True

    async def run(self) -> None:
        """Pass after pass."""
        while True:
            if not await self.step(self._clock.wall()):
                await self._clock.sleep(SCRUB_IDLE_SECONDS)

    async def _look(self, digest: bytes, size: int, now: datetime) -> None:
        found = await examine(self._blobs, digest, size, self._pace)
        # A blob may have been freed in the meantime; then nobody misses it.
        if found is not Found.WHOLE and await self._store.is_named(digest):
            await self._store.found((digest, size), OWN, found, now)
            self._log.error("scrub.damaged", code="FED-7401", found=found, size_bytes=size)

    async def _end(self, now: datetime) -> None:
        await self._store.end(now)
        removed = await asyncio.to_thread(aside.expire, self._blobs.folder, now)
        place = await self._store.place()
        self._log.info(
            "scrub.passed",
            blobs=place.blobs,
            size_bytes=place.size_bytes,
            damaged=place.damaged,
            aside_removed=removed,
        )

    async def _pace(self, size: int) -> None:
        part = SCRUB_BUSY_PART if self._blobs.receiving else 1.0
        await self._clock.sleep(size / (self._rate * part))
