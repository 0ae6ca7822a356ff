"""The beacon: an entry that nobody could foresee, at least every ten minutes.

Rule: a receipt that names a national head with a beacon proves "not before". While the gate is
shut no beacon is lit. Leaves out the journal.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from structlog.typing import FilteringBoundLogger

from central.national.national import National
from central.national.rules import Gate
from lpse.federation.entries import timestamp
from lpse.federation.errors import Unavailable
from lpse.federation.limits import BEACON_SECONDS_MAX
from lpse.federation.v1 import directives_pb2 as directives
from lpse.runtime.clock import Clock, Entropy

NONCE_BYTES = 32


class BeaconWorker:
    """Lights a beacon when the last one is old enough."""

    def __init__(
        self,
        national: National,
        clock: Clock,
        entropy: Entropy,
        log: FilteringBoundLogger,
        *,
        every_seconds: float = BEACON_SECONDS_MAX,
    ) -> None:
        self._national = national
        self._clock = clock
        self._entropy = entropy
        self._log = log
        # A tenth earlier: the worker looks ten times per interval, and the limit is a maximum.
        self._every = timedelta(seconds=0.9 * min(every_seconds, BEACON_SECONDS_MAX))
        self._last: datetime | None = None

    async def step(self, now: datetime) -> None:
        """Light one if it is time."""
        if self._last is not None and now - self._last < self._every:
            return
        if self._national.gate is not Gate.OPEN:
            return
        beacon = directives.Beacon(
            nonce=self._entropy.token(NONCE_BYTES), beacon_time=timestamp(now)
        )
        await self._national.publish(beacon)
        self._last = now

    async def run(self) -> None:
        """Look a few times per interval, until cancelled."""
        while True:
            try:
                await self.step(self._clock.wall())
            except Unavailable as error:
                self._log.warning("beacon.postponed", code=error.code)
            await self._clock.sleep(self._every.total_seconds() / 10)
