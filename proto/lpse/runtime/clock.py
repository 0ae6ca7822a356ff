"""Time, identifiers and randomness: the only file that may ask the machine for them.

Everything else receives a `Clock` and an `Entropy` as arguments, so that the whole federation can
run under a driven clock and a seed. Two kinds of time are kept apart: `now()` is *legal* time (the
time by which deadlines are judged), `wall()` and `monotonic()` drive TLS, leases and retries. In
production both are the same; in an exercise legal time is an offset kept in a file, so that a
restarted process goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

from lpse.federation.errors import Refused


class Clock(Protocol):
    """What a part of the federation may ask about time."""

    def now(self) -> datetime:
        """Legal time, aware UTC."""

    def wall(self) -> datetime:
        """The machine's UTC time, for TLS, leases and logs."""

    def monotonic(self) -> float:
        """Seconds that never go backwards while the machine is up."""

    def boot_id(self) -> str:
        """Which boot of the machine `monotonic` belongs to."""

    async def sleep(self, seconds: float) -> None:
        """Wait for real seconds."""


class Entropy(Protocol):
    """What a part of the federation may ask of chance."""

    def token(self, size: int) -> bytes:
        """`size` unguessable bytes."""

    def identifier(self) -> bytes:
        """16 bytes that no other call ever returns."""

    def uniform(self, low: float, high: float) -> float:
        """A number from [low, high), for jitter."""


class SystemClock:
    """Legal time is the machine's time: the clock of production."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boot_id(self) -> str:
        return _boot_id()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@cache
def _boot_id() -> str:
    """Read once: no process outlives its boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "unknown"


class ExerciseClock(SystemClock):
    """Legal time runs at the speed of real time from a point that a driver sets; kept in a file."""

    def __init__(self, path: Path) -> None:
        """Refused (FED-1112) where the file makes no sense: deadlines hang on it."""
        self._path = path
        self._offset = _read_offset(path)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def set_legal(self, moment: datetime) -> None:
        """Step legal time to `moment`; durable before it counts."""
        offset = moment - datetime.now(UTC)
        draft = self._path.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"offset_seconds": offset.total_seconds()}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._offset = offset


def _read_offset(path: Path) -> timedelta:
    try:
        offset = timedelta(seconds=json.loads(path.read_text("utf-8"))["offset_seconds"])
        _ = datetime.now(UTC) + offset  # a year that no calendar has is no time
    except FileNotFoundError:
        return timedelta()
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise Refused(
            "FED-1112",
            f"the exercise's legal time cannot be read from {path.name}",
            remedy="restore the file, or remove it: legal time is then the machine's own",
        ) from error
    return offset


class ManualClock:
    """Time that moves only when told to: for tests and the simulator."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def wall(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def boot_id(self) -> str:
        return "manual"

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


class SystemEntropy:
    """Randomness of the operating system."""

    def token(self, size: int) -> bytes:
        return secrets.token_bytes(size)

    def identifier(self) -> bytes:
        # Milliseconds first, as in UUIDv7: identifiers made one after the other stay neighbours in
        # an index, which then grows at its end.
        return (time.time_ns() // 1_000_000).to_bytes(6, "big") + secrets.token_bytes(10)

    def uniform(self, low: float, high: float) -> float:
        return random.SystemRandom().uniform(low, high)


class SeededEntropy:
    """The same numbers for the same seed: for tests and the simulator, never for keys."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def identifier(self) -> bytes:
        return self._random.randbytes(16)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)
