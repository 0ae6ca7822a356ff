"""Following the log live: what passes a filter, as it comes.

Owns the number of followers and the place of each. Rule: a follower sees every entry that came
after its watch began, once and in order. Leaves out the wire.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from central.reconciliation.log_store import EntryRow, LogStore
from central.reconciliation.tokens import Query
from lpse.federation.errors import Unavailable
from lpse.federation.limits import LOG_STEP_ROWS, LOG_WATCH_SECONDS, LOG_WATCHES_MAX
from lpse.runtime.clock import Clock


class Following:
    """See the module's first lines."""

    def __init__(self, store: LogStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._followers = 0

    async def watch(self, query: Query) -> AsyncIterator[list[EntryRow]]:
        """First an empty list, which says that the watch has begun; then what comes."""
        if self._followers >= LOG_WATCHES_MAX:
            raise Unavailable("FED-7042", f"{LOG_WATCHES_MAX} readers follow the log already")
        self._followers += 1
        try:
            place = await self._store.newest()
            yield []
            while True:
                newest = await self._store.newest()
                while place < newest:
                    rows = await self._store.since(query, after=place, limit=LOG_STEP_ROWS)
                    place = rows[-1].id if len(rows) == LOG_STEP_ROWS else newest
                    if rows:
                        yield rows
                        place = max(place, rows[-1].id)
                await self._clock.sleep(LOG_WATCH_SECONDS)
        finally:
            self._followers -= 1
