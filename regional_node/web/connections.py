"""The connections of the port: how many, whose, and how long each may be silent.

Owns their count, the count per address, and the sweep that cuts what is overdue. Rules: what comes
over a limit is told so and closed before it costs anything; stopping breaks off bodies only after
the bytes that came are recorded, and lets short requests finish. Leaves out HTTP (`protocol`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from lpse.federation.limits import (
    WEB_BODIES_BYTES_MAX,
    WEB_READ_BYTES_MAX,
    WEB_READ_BYTES_MIN,
    WEB_STOP_SECONDS_MAX,
    WEB_SWEEP_SECONDS,
)
from lpse.runtime.clock import Clock
from regional_node.web.rules import Network, Pulse, is_overdue, is_within, site_of


class Connection(Protocol):
    """One open connection, after its handshake."""

    pulse: Pulse

    @property
    def reading_paused(self) -> bool:
        """Whether we do not take its bytes now."""

    @property
    def stalled_since(self) -> float:
        """When the other side stopped taking our bytes; 0 where it does not."""

    def cut(self) -> None:
        """Drop it now."""

    def stop(self) -> None:
        """End it as soon as its present request allows."""


class Connections:
    """See the module's first lines."""

    def __init__(
        self, clock: Clock, *, total_max: int, per_address_max: int, proxies: Sequence[Network]
    ) -> None:
        self._clock = clock
        self._total_max = total_max
        self._per_address_max = per_address_max
        self._proxies = proxies
        self._per_address: Counter[str] = Counter()
        self._total = 0
        self._open: set[Connection] = set()
        self._bodies = 0
        self._buffer = memoryview(bytearray(WEB_READ_BYTES_MAX))
        self.cut_count = 0
        self.refused_count = 0

    def enter(self, address: str) -> bool:
        """Whether one more may come from `address`; it is counted until `leave`."""
        full = self._total >= self._total_max
        site = site_of(address)
        crowded = self._per_address[site] >= self._per_address_max
        if full or (crowded and not is_within(address, self._proxies)):
            self.refused_count += 1
            return False
        self._total += 1
        self._per_address[site] += 1
        return True

    def leave(self, address: str) -> None:
        """One that was counted is gone."""
        self._total -= 1
        site = site_of(address)
        self._per_address[site] -= 1
        if self._per_address[site] <= 0:
            del self._per_address[site]

    def add(self, connection: Connection) -> None:
        """Watch it."""
        self._open.add(connection)

    def remove(self, connection: Connection) -> None:
        """It is closed."""
        self._open.discard(connection)

    def count_body(self, change: int) -> None:
        """A body begins to come in (1), or has ended (-1)."""
        self._bodies += change

    @property
    def share_bytes(self) -> int:
        """What one of the bodies that come in now may hold in memory."""
        share = WEB_BODIES_BYTES_MAX // max(self._bodies, 1)
        return max(WEB_READ_BYTES_MIN, min(share, WEB_READ_BYTES_MAX))

    def buffer(self) -> memoryview:
        """Where the next bytes of any connection are put; used up before the next one reads."""
        return self._buffer[: self.share_bytes]

    def received(self, size: int) -> memoryview:
        """The bytes that were put there."""
        return self._buffer[:size]

    @property
    def open_count(self) -> int:
        """Connections counted now, handshakes included."""
        return self._total

    def step(self, now: float) -> None:
        """Cut what is overdue."""
        for connection in list(self._open):
            overdue = is_overdue(
                connection.pulse,
                now,
                reading_paused=connection.reading_paused,
                stalled_since=connection.stalled_since,
            )
            if overdue:
                self.cut_count += 1
                connection.cut()

    async def run(self) -> None:
        """Look at all of them for ever."""
        while True:
            self.step(self._clock.monotonic())
            await asyncio.sleep(WEB_SWEEP_SECONDS)

    async def stop(self) -> None:
        """End every connection: at once where nothing runs, soon where something does."""
        for connection in list(self._open):
            connection.stop()
        ends = self._clock.monotonic() + WEB_STOP_SECONDS_MAX
        while self._open and self._clock.monotonic() < ends:  # noqa: ASYNC110 - bounded, at stop
            await asyncio.sleep(0.02)
        for connection in list(self._open):
            connection.cut()
        await asyncio.sleep(0)
