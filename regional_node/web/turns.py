"""One after the other: what a grant, or anybody without one, may keep the node's loop busy with.

Owns the queues in front of answers that cost much to make (states, pages, receipts). Rules: one
grant has one such answer made at a time, so that whoever asks a thousand times at once waits behind
himself and not others behind him; a queue is bounded, beyond it 429. Bytes of files and submits
never queue here. Leaves out rates per address (`rates`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from lpse.federation.errors import Unavailable
from lpse.federation.limits import WEB_TURN_REST_SECONDS, WEB_TURNS_WAITING_MAX
from regional_node.web.calls import Call

_RETRY_SECONDS: Final = 2.0
_PUBLIC: Final = ""
_UNQUEUED: Final = (b"files", b"submit")  # one writer per file and one submit per grant as it is


class Queue:
    """Those who wait for one kind of answer of one grant."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.count = 0


class Turns:
    """See the module's first lines."""

    def __init__(self) -> None:
        self._queues: dict[str, Queue] = {}

    @asynccontextmanager
    async def of(self, key: str | None) -> AsyncIterator[None]:
        """The turn of a key; at once where it is None. Unavailable FED-5321 for a full queue."""
        if key is None:
            yield
            return
        queue = self._queues.setdefault(key, Queue())
        if queue.count > WEB_TURNS_WAITING_MAX:
            raise _full()
        queue.count += 1
        try:
            async with queue.lock:
                try:
                    yield
                finally:
                    if queue.count > 1:
                        await asyncio.sleep(WEB_TURN_REST_SECONDS)
        finally:
            queue.count -= 1
            if not queue.count:
                del self._queues[key]


def queue_of(call: Call) -> str | None:
    """Where a request waits; None for one that does not."""
    if call.token is None:
        # A form is read first, however slowly it comes, and waits afterwards.
        return _PUBLIC if call.method != "POST" else None
    first = call.rest.partition(b"/")[0]
    if first in _UNQUEUED:
        return None
    return f"{call.token}/{'receipts' if first == b'receipts' else 'state'}"


def _full() -> Unavailable:
    error = Unavailable(
        "FED-5321", "too many requests at one time", remedy="wait a moment, then go on"
    )
    error.retry_after_seconds = _RETRY_SECONDS
    return error
