"""Every machine's own clock and own dice: drift, jumps, boots, and a stream of numbers by name.

Owns the ports `Clock` and `Entropy` of a simulated machine. Rule: both are functions of the world's
seed, the machine's name and virtual time; two machines never share a stream, so that a fault at one
does not change the other's dice. Leaves out the scheduler (`kernel`).
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

from tests.simulation.kernel import SimLoop

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday


class SimClock:
    """A machine's clock: the world's time, bent by drift and jumps."""

    def __init__(self, loop: SimLoop, name: str) -> None:
        self._loop = loop
        self._name = name
        self._boots = 0
        self._zero = 0.0
        self._marked = 0.0  # world time of the last change of drift
        self._elapsed = 0.0  # machine seconds up to then
        self.drift = 0.0  # seconds gained per second
        self.offset = 0.0  # seconds by which the wall clock is ahead

    def boot(self) -> None:
        """The machine starts anew: `monotonic` begins again."""
        self._boots += 1
        self._zero = self._machine_seconds()

    def jump(self, seconds: float) -> None:
        """The wall clock is set."""
        self.offset += seconds

    def run_at(self, drift: float) -> None:
        """From now on the clock gains `drift` seconds per second."""
        self._elapsed = self._machine_seconds()
        self._marked = self._loop.time()
        self.drift = drift

    def now(self) -> datetime:
        return self.wall()

    def wall(self) -> datetime:
        return START + timedelta(seconds=self._machine_seconds() + self.offset)

    def monotonic(self) -> float:
        return self._machine_seconds() - self._zero

    def boot_id(self) -> str:
        return f"{self._name}-{self._boots}"

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / (1 + self.drift) if seconds > 0 else 0)

    def _machine_seconds(self) -> float:
        return self._elapsed + (self._loop.time() - self._marked) * (1 + self.drift)


class SimEntropy:
    """A machine's dice."""

    def __init__(self, seed: int, name: str, clock: SimClock) -> None:
        self._random = random.Random(f"{seed} {name}")
        self._clock = clock

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def identifier(self) -> bytes:
        # Shaped as in production: milliseconds first, so that indexes grow at their end.
        millis = int(self._clock.wall().timestamp() * 1000)
        return millis.to_bytes(6, "big") + self._random.randbytes(10)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)
