"""What both daemons do around their work: signals, health pages, word to the service manager.

Owns `/livez` and `/readyz`, `sd_notify`, the care for workers, and the wait for SIGTERM or SIGINT.
Rule: `/livez` says that the process still turns its loop, `/readyz` that it can do its duty; losing
the centre never makes a node unready (Invariant 4), so readiness is a function that the composition
root gives. Leaves out what a daemon does: that is wired in each side's `app.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from lpse.federation.errors import Unavailable
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database

Work = Callable[[], Awaitable[None]]
_LOG: Final = structlog.get_logger("lpse.daemon")
_CANCEL_AGAIN_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = (1.0, 5.0, 30.0)  # after the first, second, any further unexpected end


@dataclass(frozen=True)
class Readiness:
    """Whether the daemon can do its duty, and why not."""

    ready: bool
    reasons: tuple[str, ...] = ()


def readiness_of(database: Database, notes: tuple[str, ...] = ()) -> Readiness:
    """A daemon can do its duty as long as its disk takes what it acknowledges.

    `notes` are told beside it: on a full disk uploads are refused, and all the rest goes on.
    """
    if database.failure is not None:
        return Readiness(False, (str(database.failure), *notes))
    return Readiness(True, notes)


def port_taken(address: str, cause: str) -> Unavailable:
    """FED-8025: the daemon does not start; nothing of it runs."""
    return Unavailable(
        "FED-8025",
        f"no port can be opened at {address} ({cause})",
        remedy="choose another address in the configuration, or stop the other program",
    )


class HealthPages:
    """Serves `/livez` and `/readyz` on a loopback address until closed."""

    def __init__(self, readiness: Callable[[], Readiness]) -> None:
        self._readiness = readiness
        self._server: _QuietServer | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen and return the port in use (a free one where `port` is 0); else FED-8025."""
        routes = [Route("/livez", self._livez), Route("/readyz", self._readyz)]
        try:
            listener = socket.create_server((host, port), backlog=64)
        except OSError as error:
            raise port_taken(f"{host}:{port}", error.strerror or "unknown address") from error
        config = uvicorn.Config(
            Starlette(routes=routes), log_config=None, access_log=False, lifespan="off"
        )
        self._server = _QuietServer(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        """Stop listening; harmless when never opened."""
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        await self._task

    async def _livez(self, request: Request) -> JSONResponse:
        return JSONResponse({"live": True})

    async def _readyz(self, request: Request) -> JSONResponse:
        now = self._readiness()
        document = {"ready": now.ready, "reasons": list(now.reasons)}
        return JSONResponse(document, status_code=200 if now.ready else 503)


class _QuietServer(uvicorn.Server):
    """Leaves signals to the daemon, which has more to close than this server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def keep_working(name: str, work: Work, clock: Clock) -> None:
    """Run `work` to its orderly end; a fault in it is logged and it begins again after a pause.

    One worker's fault must not take the others down (Invariant 10): a node goes on taking bids. A
    worker takes up from what is durable, so beginning again is what a restart would do.
    """
    ends = 0
    while True:
        try:
            await work()
            return
        except Exception:
            _LOG.exception("worker.failed", worker=name)
        await clock.sleep(_PAUSE_SECONDS[min(ends, len(_PAUSE_SECONDS) - 1)])
        ends += 1


async def end_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and return when all have ended; one that loses a cancellation gets another."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_SECONDS)
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                _LOG.error("worker.failed_at_end", kind=type(task.exception()).__name__)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` at the first SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


def notify_service_manager(state: str) -> None:
    """Tell systemd ("READY=1", "STOPPING=1"); does nothing where no manager listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel, contextlib.suppress(OSError):
        channel.sendto(state.encode("ascii"), address)
