"""Virtual time and the seeded scheduler: what the loop promises to everything above it."""

from __future__ import annotations

import asyncio

from tests.simulation.kernel import Life, SimLoop
from tests.simulation.time_and_chance import SimClock
from tests.simulation.trace import Trace


def order_of(seed: int, machines: int = 5) -> list[tuple[str, int]]:
    """Who worked when, on machines that are all ready at the same moments."""
    loop, seen = SimLoop(seed, Trace()), []

    async def work(life: Life) -> None:
        for turn in range(4):
            seen.append((life.name, turn))
            await asyncio.to_thread(int)
            await asyncio.sleep(1.0)

    async def all_of_them() -> None:
        lives = [Life(f"m{number}") for number in range(machines)]
        await asyncio.gather(*(loop.start(life, work(life)) for life in lives))

    loop.run_until_complete(all_of_them())
    loop.close()
    return seen


def test_one_seed_is_one_order_and_seeds_differ() -> None:
    """The seed decides who runs next, and nothing else does."""
    assert order_of(1) == order_of(1)
    assert len({tuple(order_of(seed)) for seed in range(8)}) > 4


def test_a_machine_keeps_the_order_that_asyncio_promises() -> None:
    """Callbacks of one life run in the order in which they became ready."""
    loop, seen = SimLoop(3, Trace()), list[int]()
    lives = [Life("a"), Life("b")]

    async def begin() -> None:
        for number in range(50):
            loop.call_soon(seen.append, number, context=lives[0].context)
            loop.call_soon(int, context=lives[1].context)
        await asyncio.sleep(1.0)

    loop.run_until_complete(begin())
    assert seen == list(range(50))


def test_time_jumps_and_a_day_costs_nothing() -> None:
    """Waiting is free; drift and jumps bend a machine's own clock only."""
    loop = SimLoop(1, Trace())
    clock, other = SimClock(loop, "m"), SimClock(loop, "n")
    clock.run_at(0.01)
    loop.run_until_complete(asyncio.sleep(86_400.0))
    assert abs((clock.wall() - other.wall()).total_seconds() - 864.0) < 1e-3
    clock.jump(-3_600.0)
    assert clock.monotonic() > other.monotonic()
    assert clock.wall() < other.wall()


def test_a_coarse_timer_comes_late_and_never_early() -> None:
    """A life with a slack wakes on its grid; everything else is exact."""
    loop = SimLoop(1, Trace())
    coarse, moments = Life("coarse", slack=60.0, phase=7.0), list[float]()

    async def wait() -> None:
        for seconds in (1e-12, 1.0, 61.0):
            await asyncio.sleep(seconds)
            moments.append(loop.time())

    loop.run_until_complete(loop.start(coarse, wait()))
    assert [round(moment, 3) for moment in moments] == [7.0, 67.0, 187.0]


def test_a_killed_life_never_runs_again_and_lets_go() -> None:
    """Its timers and answers are passed over; `finally` runs as far as its first await."""
    loop, seen = SimLoop(1, Trace()), list[str]()
    life = Life("victim")

    async def work() -> None:
        try:
            await asyncio.sleep(5.0)
            seen.append("worked")
        except asyncio.CancelledError:
            seen.append("cancelled")
        finally:
            seen.append("let go")
            await asyncio.sleep(0)
            seen.append("went on")

    async def kill() -> None:
        task = loop.start(life, work())
        await asyncio.sleep(1.0)
        loop.end(life)
        await asyncio.sleep(100.0)
        assert not task.done()

    loop.run_until_complete(kill())
    assert seen == ["let go"]
    assert not loop.complaints


def test_a_life_can_be_killed_before_any_of_its_turns() -> None:
    """`crash_at` names a turn; what came before it has happened, nothing after it."""
    for turn in range(1, 6):
        loop, seen = SimLoop(1, Trace()), list[int]()
        life = Life("victim")
        life.crash_at = turn + 1  # its first turn begins the task

        async def work(seen: list[int] = seen) -> None:
            for number in range(10):
                seen.append(number)
                await asyncio.sleep(0)

        async def run(loop: SimLoop = loop, life: Life = life) -> None:
            life.on_crash = lambda: loop.end(life)
            loop.start(life, work())  # type: ignore[unused-awaitable]  # it never ends
            await asyncio.sleep(1.0)

        loop.run_until_complete(run())
        assert seen == list(range(turn))
