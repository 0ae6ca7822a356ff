"""The lease worker: who has said nothing for too long is not present any more.

Owns when leases are looked at. Leaves out what a lease is (`sessions`).
"""

from __future__ import annotations

from datetime import datetime

from central.link.sessions import Sessions
from lpse.runtime.clock import Clock


class LeaseWorker:
    """Looks at every lease a few times per lease."""

    def __init__(self, sessions: Sessions, clock: Clock, lease_seconds: float) -> None:
        self._sessions = sessions
        self._clock = clock
        self._every = max(0.05, lease_seconds / 10)

    async def step(self, now: datetime) -> int:
        """End what has run out; how many sessions."""
        return self._sessions.expire()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.step(self._clock.wall())
            await self._clock.sleep(self._every)
