"""What the local service said of itself last: one look for everybody who asks.

Owns the newest report (state and version) and its loop. Rule: whoever asks for the state gets the
last look at once; only the probe of outages asks anew, with its own patience. Leaves out asking
(`probe`) and what follows from silence.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.v1 import link_pb2 as wire
from lpse.runtime.clock import Clock
from regional_node.upgrades.worker import UpgradeWorker

LOOK_SECONDS: Final = 1.0


class ServiceWatch:
    """See the module's first lines."""

    def __init__(self, worker: UpgradeWorker) -> None:
        self._worker = worker
        self._state: wire.ServiceState.ValueType = wire.SERVICE_STATE_DISRUPTED
        self._version = ""

    def service(self) -> tuple[wire.ServiceState.ValueType, str]:
        """Can vendors use SPSE here, and which version says so (empty: no answer)."""
        return self._state, self._version

    def is_upgrading(self) -> bool:
        """Whether the node itself replaces the service now."""
        return self._state == wire.SERVICE_STATE_UPGRADING

    async def complaint(self, timeout_seconds: float) -> str:
        """What speaks against the service now, asked anew; empty while it is well."""
        return await self._worker.complaint(timeout_seconds)

    async def step(self) -> None:
        """Look once."""
        upgrading = await self._worker.is_upgrading()
        report = await self._worker.report()
        self._version = str(report.version) if report.version else ""
        if upgrading:
            self._state = wire.SERVICE_STATE_UPGRADING
        elif report.healthy:
            self._state = wire.SERVICE_STATE_NORMAL
        else:
            self._state = wire.SERVICE_STATE_DISRUPTED

    async def run(self, clock: Clock) -> None:
        """Look for ever."""
        while True:
            await self.step()
            await clock.sleep(LOOK_SECONDS)
