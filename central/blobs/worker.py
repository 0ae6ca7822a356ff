"""Removes what nobody finishes: parts that no caller went on with for a long time.

Owns the time of the sweep that `Receiving.open` does once at the start. Leaves out what is
abandoned (`receiving`, limits).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from structlog.typing import FilteringBoundLogger

from central.blobs.receiving import Receiving
from lpse.federation.limits import TRANSFER_SWEEP_SECONDS


class SweepWorker:
    """See the module's first lines."""

    def __init__(self, receiving: Receiving, log: FilteringBoundLogger) -> None:
        self._receiving = receiving
        self._log = log
        self._next: datetime | None = None

    async def step(self, now: datetime) -> int:
        """Sweep when it is time; how many parts were removed."""
        if self._next is not None and now < self._next:
            return 0
        self._next = now + timedelta(seconds=TRANSFER_SWEEP_SECONDS)
        removed = await self._receiving.sweep()
        if removed:
            self._log.info("transfers.swept", parts=removed)
        return removed

    async def run(self) -> None:
        """Until cancelled."""
        clock = self._receiving.clock
        while True:
            await self.step(clock.wall())
            await clock.sleep(TRANSFER_SWEEP_SECONDS)
