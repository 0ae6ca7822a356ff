"""Retries: only where it is right, never in step, never given up on the link, awake on a hint."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import Conflict, Denied, FederationError, Refused, Unavailable
from lpse.federation.limits import RETRY_AFTER_SECONDS_MAX, SHORT_RETRY_ATTEMPTS_MAX
from lpse.runtime import logs
from lpse.runtime.clock import ManualClock, SeededEntropy
from lpse.runtime.retries import bounded, reconnecting

START = datetime(2015, 3, 27, tzinfo=UTC)


class SleepingClock(ManualClock):
    """Remembers how long it was asked to sleep."""

    def __init__(self) -> None:
        super().__init__(START)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(seconds)


class Road:
    """Fails a number of times with an error, then answers."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or Unavailable("FED-2299", "no road to PT Rahasia")
        self.attempts = 0

    async def travel(self) -> str:
        """One attempt."""
        self.attempts += 1
        if self.attempts <= self.failures:
            raise self.error
        return "there"


def quiet() -> tuple[StringIO, FilteringBoundLogger]:
    """A log that the test reads."""
    text = StringIO()
    return text, logs.configure(stream=text, json=True)


async def test_link_never_gives_up_and_never_falls_in_step() -> None:
    """Two hundred failures later it still tries; waits are jittered up to five minutes."""
    _, log = quiet()
    clock, road = SleepingClock(), Road(200)
    assert await reconnecting(SeededEntropy(1), clock, log)(road.travel) == "there"
    assert len(clock.slept) == 200
    assert all(wait <= min(300.0, 2.0**n) for n, wait in enumerate(clock.slept))
    assert max(clock.slept) > 200 and min(clock.slept[20:]) < 30  # full jitter, not a fixed step
    other = SleepingClock()
    await reconnecting(SeededEntropy(2), other, log)(Road(200).travel)
    assert other.slept != clock.slept


async def test_every_attempt_is_logged_without_its_text() -> None:
    """Each failed attempt leaves number, code and wait; what the error said stays out."""
    text, log = quiet()
    await reconnecting(SeededEntropy(1), SleepingClock(), log)(Road(3).travel)
    lines = [json.loads(line) for line in text.getvalue().splitlines()]
    assert [line["attempt"] for line in lines] == [1, 2, 3]
    assert {line["code"] for line in lines} == {"FED-2299"}
    assert "Rahasia" not in text.getvalue()


@pytest.mark.parametrize(
    "error",
    [
        Refused("FED-4242", "x"),
        Conflict("FED-4242", "x"),
        Denied("FED-4242", "x"),
        FederationError("FED-4242", "x"),
        ValueError("a bug"),
        asyncio.CancelledError(),
    ],
)
async def test_only_whitelisted_errors_are_tried_again(error: BaseException) -> None:
    """A refusal, a bug or a cancelled task ends the attempts at once."""
    _, log = quiet()
    attempts = 0

    async def travel() -> None:
        nonlocal attempts
        attempts += 1
        raise error

    with pytest.raises(type(error)):
        await reconnecting(SeededEntropy(1), SleepingClock(), log)(travel)
    assert attempts == 1


async def test_retry_after_is_honoured_and_bounded() -> None:
    """The other side's pause is kept, plus jitter; an absurd one is cut."""
    _, log = quiet()
    for asked, kept in ((30.0, 30.0), (1e9, RETRY_AFTER_SECONDS_MAX), (-5.0, 0.0)):
        error = Unavailable("FED-2299", "busy")
        error.retry_after_seconds = asked
        clock = SleepingClock()
        await reconnecting(SeededEntropy(1), clock, log)(Road(1, error).travel)
        assert kept <= clock.slept[0] <= kept + 1.0


async def test_hint_ends_the_wait() -> None:
    """When connectivity may be back the next attempt does not wait for its time."""
    _, log = quiet()

    class EndlessClock(ManualClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.Event().wait()

    hint, road = asyncio.Event(), Road(2)
    retrying = reconnecting(SeededEntropy(1), EndlessClock(START), log, hint=hint)
    task: asyncio.Future[str] = asyncio.ensure_future(retrying(road.travel))
    for attempt in (1, 2):
        while road.attempts < attempt:
            await asyncio.sleep(0)
        hint.set()
        while hint.is_set():
            await asyncio.sleep(0)
    assert await task == "there" and road.attempts == 3


async def test_cancelled_wait_leaves_nothing_behind() -> None:
    """A program that stops while waiting stops at once, with no task left over."""
    _, log = quiet()

    class EndlessClock(ManualClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.Event().wait()

    before = asyncio.all_tasks()
    retrying = reconnecting(SeededEntropy(1), EndlessClock(START), log, hint=asyncio.Event())
    road = Road(9)
    task: asyncio.Future[str] = asyncio.ensure_future(retrying(road.travel))
    while len(asyncio.all_tasks()) < len(before) + 3:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


async def test_short_call_gives_up_with_its_last_error() -> None:
    """A bounded retry ends with the error itself, not with a wrapper."""
    _, log = quiet()
    road = Road(99)
    with pytest.raises(Unavailable):
        await bounded(SeededEntropy(1), SleepingClock(), log)(road.travel)
    assert road.attempts == SHORT_RETRY_ATTEMPTS_MAX


async def test_concurrent_calls_do_not_share_counts() -> None:
    """Two users at one time each have their own attempts."""
    _, log = quiet()
    roads = [Road(n) for n in range(5)]
    clocks = [SleepingClock() for _ in roads]
    await asyncio.gather(
        *(
            reconnecting(SeededEntropy(1), clock, log)(road.travel)
            for road, clock in zip(roads, clocks, strict=True)
        )
    )
    assert [len(clock.slept) for clock in clocks] == [0, 1, 2, 3, 4]
