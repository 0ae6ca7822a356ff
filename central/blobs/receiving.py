"""Receiving one blob: resumed, fenced, made durable as it grows, re-read before it counts.

Owns the order of steps. Rules: what is called durable is fsynced and recorded first (Invariant
1); a row vouches for a blob only after its digest was re-read from the disk; a newer `begin` of the
same caller and digest ends the older one; a blob with another digest leaves nothing behind. Callers
do not share parts, so nobody can spoil another's. Leaves out who may bring what (`service`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from central.blobs.small import SmallBlobs, SmallIncoming
from central.blobs.store import BlobRows
from lpse.federation.errors import Stale, Unavailable
from lpse.federation.limits import (
    TRANSFER_ABANDONED_SECONDS,
    TRANSFER_DURABLE_SECONDS,
    TRANSFER_SLOW_SECONDS,
    TRANSFER_UNFINISHED_BYTES_MAX,
    UPLOAD_SMALL_FILE_BYTES_MAX,
)
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Transaction
from lpse.storage.blobs import (
    BlobFenced,
    BlobMismatch,
    BlobPart,
    BlobStore,
    BlobUnknown,
    SweepReport,
)

AlsoIn = Callable[[Transaction], None]
AlsoEachIn = Callable[[Transaction, bytes], None]


class TransferFenced(Stale):
    """A newer stream for the same blob took over."""

    def __init__(self) -> None:
        super().__init__("FED-2303", "a newer transfer of this blob took over; this one ends")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The blob that a caller brings: whose part it is, and what must come of it."""

    caller: str
    digest: bytes
    size: int
    origin: str

    @property
    def transfer(self) -> str:
        """Name of the part; the same caller's next attempt goes on with it."""
        return sha256(f"{self.caller}\n{self.digest.hex()}".encode()).hexdigest()


class Receiving:
    """Every blob being received; `open` must have returned before the first `begin`."""

    def __init__(self, blobs: BlobStore, rows: BlobRows, clock: Clock) -> None:
        self.blobs = blobs
        self.rows = rows
        self.clock = clock
        self._active: dict[str, Incoming] = {}
        self._small = SmallBlobs(blobs)

    async def open(self) -> SweepReport:
        """Remove every file that no row vouches for, and cut parts to what was promised."""
        since = self.clock.wall() - timedelta(seconds=TRANSFER_ABANDONED_SECONDS)
        parts, vouched = await self.rows.transfers(since), await self.rows.vouched()
        return await self.blobs.sweep(parts, vouched.__contains__)

    async def present(self, wanted: Wanted, also_in: AlsoIn) -> bool:
        """Whether the blob is here already, row and file; then `also_in` was done."""
        if await self.rows.size_of(wanted.digest) != wanted.size:
            return False
        if await self.blobs.size_of(wanted.digest) != wanted.size:
            return False  # the file was lost: take it in again
        await self.rows.also(wanted.digest, wanted.origin, also_in)
        return True

    async def holds(self, digest: bytes, size: int) -> bool:
        """Whether row and file are here and the disk gives back these bytes now."""
        if await self.rows.size_of(digest) != size:
            return False
        with suppress(BlobUnknown):
            return await self.blobs.verify(digest)
        return False

    async def begin(self, wanted: Wanted, also_in: AlsoIn) -> Incoming | SmallIncoming:
        """Go on where the caller's part is durable; an older stream of it is fenced off.

        `also_in` is done in the transaction that vouches for the blob.
        """
        if wanted.size <= UPLOAD_SMALL_FILE_BYTES_MAX:
            self.blobs.check_space(wanted.size)

            async def vouch() -> None:
                await self.vouch(wanted, also_in)

            return SmallIncoming(self._small, (wanted.digest, wanted.size), vouch)
        durable = await self.rows.durable(wanted.transfer)
        if not durable and wanted.transfer not in self._active:
            await self._check_unfinished(wanted)
        part = await self.blobs.begin(wanted.transfer, wanted.size, durable_size=durable)
        older = self._active.get(wanted.transfer)
        incoming = self._active[wanted.transfer] = Incoming(self, wanted, part, also_in)
        if older is not None:
            older.fenced.set()
        return incoming

    async def vouch(self, wanted: Wanted, also_in: AlsoIn) -> None:
        """The file is re-read and named: write its row, and what follows from it."""
        now, blob = self.clock.wall(), (wanted.digest, wanted.size)
        await self.rows.stored(wanted.transfer, blob, wanted.origin, now, also_in)

    async def present_many(self, blobs: Sequence[Wanted], also_in: AlsoEachIn) -> set[bytes]:
        """Digests of those that are here already, row and file; for them `also_in` was done."""
        rows = await self.rows.sizes([one.digest for one in blobs])
        listed = [one for one in blobs if rows.get(one.digest) == one.size]
        lost = set(await self.blobs.missing([one.digest for one in listed])) if listed else set()
        here = [(one.digest, one.size) for one in listed if one.digest not in lost]
        if here:
            await self.rows.stored_many(here, blobs[0].origin, self.clock.wall(), also_in)
        return {digest for digest, _ in here}

    async def take_many(self, blobs: Sequence[tuple[Wanted, bytes]], also_in: AlsoEachIn) -> None:
        """Whole contents whose digests agree: durable, re-read, vouched for by one commit."""
        self.blobs.check_space(sum(len(content) for _, content in blobs))
        await self._small.store(*((one.digest, content) for one, content in blobs))
        sizes = [(one.digest, one.size) for one, _ in blobs]
        await self.rows.stored_many(sizes, blobs[0][0].origin, self.clock.wall(), also_in)

    async def sweep(self) -> int:
        """Remove parts that nobody went on with for a long time; how many."""
        since = self.clock.wall() - timedelta(seconds=TRANSFER_ABANDONED_SECONDS)
        removed = 0
        for transfer in await self.rows.abandoned(since):
            if transfer in self._active or not await self.rows.forget_abandoned(transfer, since):
                continue
            removed += await self.blobs.remove_part(transfer)
        return removed

    async def _check_unfinished(self, wanted: Wanted) -> None:
        unfinished = await self.rows.unfinished_bytes(wanted.caller, but=wanted.transfer)
        if unfinished + wanted.size > TRANSFER_UNFINISHED_BYTES_MAX:
            error = Unavailable("FED-2320", "this caller has too many unfinished bytes here")
            error.retry_after_seconds = TRANSFER_SLOW_SECONDS
            raise error

    def is_busy(self) -> bool:
        """Whether any blob is being resumed now."""
        return bool(self._active)

    def ended(self, incoming: Incoming) -> None:
        """Forget a stream that has ended, unless a newer one has its place."""
        if self._active.get(incoming.wanted.transfer) is incoming:
            del self._active[incoming.wanted.transfer]


class Incoming:
    """One stream's hold on one part."""

    def __init__(
        self, receiving: Receiving, wanted: Wanted, part: BlobPart, also_in: AlsoIn
    ) -> None:
        self.wanted = wanted
        self.clock = receiving.clock
        self._also_in = also_in
        self.fenced = asyncio.Event()
        self.offset = self._promised = part.durable_size
        self.fence = part.fence
        self._receiving = receiving
        self._part = part
        self._over = False
        self._promise_time = receiving.clock.monotonic()

    async def append(self, data: bytes) -> int | None:
        """Write a chunk; how much is durable, where that has grown enough to say so."""
        try:
            durable = await self._part.append(data, self.offset)
            self.offset += len(data)
            waited = self._receiving.clock.monotonic() - self._promise_time
            if waited >= TRANSFER_DURABLE_SECONDS:
                durable = await self._part.flush()
        except BlobFenced as error:
            raise TransferFenced from error
        if durable == self._promised:
            return None
        await self._promise(durable)
        return durable

    async def finish(self) -> None:
        """Re-read, name, vouch; goes on to the end even if the caller has gone away."""
        await asyncio.shield(asyncio.ensure_future(self._finish()))

    async def close(self) -> None:
        """Keep what came for the next attempt; harmless when the blob is whole or taken over."""
        self._receiving.ended(self)
        if self._over or self.fenced.is_set():
            return
        self._over = True
        await asyncio.shield(asyncio.ensure_future(self._close()))

    async def _finish(self) -> None:
        wanted, rows = self.wanted, self._receiving.rows
        try:
            await self._part.complete(wanted.digest, wanted.size)
        except BlobMismatch:
            self._over = True
            await self._part.discard()
            await rows.forget(wanted.transfer)
            raise
        except BlobFenced as error:
            raise TransferFenced from error
        self._over = True
        await self._receiving.vouch(wanted, self._also_in)

    async def _close(self) -> None:
        await self._part.close()
        durable = self._part.durable_size
        if durable != self._promised and not self.fenced.is_set():
            with suppress(Unavailable):  # nothing was promised; less is resumed
                await self._promise(durable)

    async def _promise(self, durable: int) -> None:
        now = self._receiving.clock.wall()
        await self._receiving.rows.advance(
            self.wanted.transfer, durable, now, caller=self.wanted.caller
        )
        self._promised = durable
        self._promise_time = self._receiving.clock.monotonic()
