"""What both daemons do around their work."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from lpse.runtime.clock import ManualClock
from lpse.terminal.daemon import keep_working

CLOCK = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


async def test_a_fault_in_one_worker_lets_it_begin_again() -> None:
    """Invariant 10: a worker that fails is begun again, and the others never notice."""
    begun: list[str] = []

    async def faulty() -> None:
        begun.append("faulty")
        if len(begun) < 4:
            raise ValueError("poison")

    async with asyncio.timeout(10):
        await keep_working("faulty", faulty, CLOCK)
    assert begun == ["faulty"] * 4


async def test_an_orderly_end_is_an_end() -> None:
    """A worker that was told to stop is not begun again."""
    begun: list[int] = []

    async def orderly() -> None:
        begun.append(1)

    await keep_working("orderly", orderly, CLOCK)
    assert begun == [1]
