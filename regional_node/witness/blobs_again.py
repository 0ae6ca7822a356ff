"""Sealed bytes for a centre that was restored: what it once had VERIFIED is offered once more.

Owns noticing it: where the centre shows less of this journal than it had acknowledged (`offer`,
before that is forgotten), and once per session where it went back nationally. Rule: a centre that
went back may lack bytes of entries that it still has, so every copy kept here is offered; what it
has, it says so without a byte. Leaves out
the transfers themselves, and copies that were given up here: those the centre had re-read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import FederationError
from lpse.federation.v1 import link_pb2 as link_wire
from regional_node.link.state import LinkState
from regional_node.transfer.store import TransferStore


class BlobsAgain:
    """See the module's first lines; `wake` after every hello."""

    def __init__(
        self,
        link: LinkState,
        store: TransferStore,
        wake_transfers: Callable[[], None],
        log: FilteringBoundLogger,
    ) -> None:
        self._link = link
        self._store = store
        self._wake_transfers = wake_transfers
        self._log = log
        self._woken = asyncio.Event()
        self._done: datetime | None = None  # begin of the session in which it was done last

    def wake(self) -> None:
        """The centre was heard."""
        self._woken.set()

    async def step(self) -> int:
        """Offer again if this session's centre went back; how many blobs."""
        session = self._link.session
        if session is None or session.since == self._done:
            return 0
        if session.relation != link_wire.HEAD_RELATION_CENTRE_REWOUND:
            return 0
        offered = await self.offer()
        self._done = session.since
        return offered

    async def offer(self) -> int:
        """Offer every kept copy once more, durably; how many."""
        offered = await self._store.offer_again()
        if offered:
            self._log.warning("transfer.offered_again", blobs=offered)
            self._wake_transfers()
        return offered

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self.step()
            except FederationError as error:  # our own database; the next hello tries again
                self._log.warning("transfer.not_offered_again", code=error.code)
