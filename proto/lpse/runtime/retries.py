"""Trying again: full jitter, never in step with others, only for errors where it is right.

Owns the two ways the federation retries: `reconnecting` (the link: never gives up) and `bounded`
(short calls). Rule: only whitelisted errors are retried (a cancelled task never is), every attempt
that failed is logged, the other side's `retry_after` is honoured, and time and chance come in as
arguments. Each call gets a new `AsyncRetrying`: a shared one mixes the counts of its users.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc
from structlog.typing import FilteringBoundLogger
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_never,
)

from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    RECONNECT_SECONDS_FIRST,
    RECONNECT_SECONDS_MAX,
    RETRY_AFTER_SECONDS_MAX,
    SHORT_RETRY_ATTEMPTS_MAX,
    SHORT_RETRY_SECONDS_FIRST,
    SHORT_RETRY_SECONDS_MAX,
)
from lpse.runtime.channels import error_from
from lpse.runtime.clock import Clock, Entropy


def reconnecting(
    entropy: Entropy,
    clock: Clock,
    log: FilteringBoundLogger,
    *,
    first_seconds: float = RECONNECT_SECONDS_FIRST,
    max_seconds: float = RECONNECT_SECONDS_MAX,
    hint: asyncio.Event | None = None,
) -> AsyncRetrying:
    """Attempts without end; setting `hint` (the link may be back) ends the present wait."""
    return AsyncRetrying(
        sleep=_sleeper(clock, hint),
        stop=stop_never,
        wait=_jitter(entropy, first_seconds, max_seconds),
        retry=retry_if_exception(may_retry),
        before_sleep=_report(log),
        reraise=True,
    )


def bounded(
    entropy: Entropy,
    clock: Clock,
    log: FilteringBoundLogger,
    *,
    attempts_max: int = SHORT_RETRY_ATTEMPTS_MAX,
) -> AsyncRetrying:
    """A few attempts for a short call; the last error is raised."""
    return AsyncRetrying(
        sleep=_sleeper(clock, None),
        stop=stop_after_attempt(attempts_max),
        wait=_jitter(entropy, SHORT_RETRY_SECONDS_FIRST, SHORT_RETRY_SECONDS_MAX),
        retry=retry_if_exception(may_retry),
        before_sleep=_report(log),
        reraise=True,
    )


def may_retry(error: BaseException) -> bool:
    """Whether trying again later is right; anything not known to be so is not."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error_from(error).may_retry
    if isinstance(error, FederationError):
        return error.may_retry
    return isinstance(error, (ConnectionError, TimeoutError))


def _jitter(
    entropy: Entropy, first_seconds: float, max_seconds: float
) -> Callable[[RetryCallState], float]:
    def wait(state: RetryCallState) -> float:
        doublings = min(state.attempt_number - 1, 40)  # 2^40 seconds is beyond every limit
        ceiling = min(max_seconds, first_seconds * 2.0**doublings)
        return _asked_for(state) + entropy.uniform(0.0, ceiling)

    return wait


def _asked_for(state: RetryCallState) -> float:
    error = _error_of(state)
    asked = error.retry_after_seconds if isinstance(error, FederationError) else None
    return min(max(asked or 0.0, 0.0), RETRY_AFTER_SECONDS_MAX)


def _error_of(state: RetryCallState) -> BaseException | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error_from(error) if isinstance(error, grpc.aio.AioRpcError) else error


def _report(log: FilteringBoundLogger) -> Callable[[RetryCallState], None]:
    def report(state: RetryCallState) -> None:
        error = _error_of(state)
        log.warning(
            "attempt.failed",
            attempt=state.attempt_number,
            code=error.code if isinstance(error, FederationError) else "",
            error=type(error).__name__,
            wait_seconds=round(state.upcoming_sleep, 3),
        )

    return report


def _sleeper(clock: Clock, hint: asyncio.Event | None) -> Callable[[float], Awaitable[None]]:
    async def sleep(seconds: float) -> None:
        if hint is None:
            await clock.sleep(seconds)
            return
        waits = {
            asyncio.ensure_future(clock.sleep(seconds)),
            asyncio.ensure_future(hint.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            hint.clear()

    return sleep
