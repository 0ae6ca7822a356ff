"""What people see of the queue: sizes, ages, attempts, the next one, and why the last one failed.

Owns the port `TransferQueue` of intake. Rule: nothing here names a package, a vendor or a file.
Leaves out the work (`worker`).
"""

from __future__ import annotations

from lpse.federation.errors import NotFound, Refused
from lpse.runtime.clock import Clock
from regional_node.intake.ports import QueueItem, QueuePage
from regional_node.transfer.ports import Centre
from regional_node.transfer.store import Item, TransferStore
from regional_node.transfer.worker import DrainWorker

_TOKEN_CHARACTERS_MAX = 18


class Queue:
    """The queue of sealed bytes to the centre."""

    def __init__(
        self, store: TransferStore, worker: DrainWorker, centre: Centre, clock: Clock
    ) -> None:
        self._store = store
        self._worker = worker
        self._centre = centre
        self._clock = clock

    async def page(self, *, after: str, limit: int) -> QueuePage:
        """Oldest first; Refused (FED-5021) for a token that is not ours."""
        await self._worker.follow()
        items, totals = await self._store.page(_number(after), limit)
        more = str(items[-1].item) if len(items) == limit else ""
        kept = self._centre.manifest_only()  # nothing waits to be sent then
        return QueuePage(
            tuple(self._shown(item) for item in items),
            more,
            0 if kept else totals.count,
            0 if kept else totals.size_bytes,
        )

    async def item(self, digest: bytes) -> QueueItem:
        """NotFound (FED-5020) for bytes that were never queued."""
        await self._worker.follow()
        found = await self._store.find(digest)
        if found is None:
            raise NotFound("FED-5020", "no such bytes are queued here")
        return self._shown(found)

    async def retry(self, digest: bytes) -> QueueItem:
        """Make the next attempt due now; NotFound (FED-5020)."""
        await self._worker.follow()
        await self._store.retry(digest, self._clock.wall())
        shown = await self.item(digest)
        self._worker.wake()
        return shown

    def _shown(self, item: Item) -> QueueItem:
        sent = self._worker.sent.get(item.digest)
        waits = item.state in ("WAITING", "RETRYING")
        kept = waits and self._centre.manifest_only()
        return QueueItem(
            digest=item.digest,
            size_bytes=item.size_bytes,
            sent_bytes=item.sent_bytes if sent is None else sent,
            state="SENDING" if sent is not None else item.state,
            store_time=item.store_time,
            attempts=item.attempts,
            next_attempt_time=item.next_attempt if waits and item.attempts else None,
            last_cause="the policy keeps sealed bytes at the node" if kept else item.last_cause,
        )


def _number(token: str) -> int:
    if not token:
        return 0
    if not (token.isascii() and token.isdigit()) or len(token) > _TOKEN_CHARACTERS_MAX:
        raise Refused("FED-5021", "this page token is not one of ours")
    return int(token)
