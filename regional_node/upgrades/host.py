"""What an upgrade asks of the operating system: one process per lock, and the service's pages.

Owns the port between upgrades and the machine. Rule: no decision here; the engine, the supervisor
and the probe decide over any host, so that a simulator can give them one. Leaves out how processes
are kept (`processes`) and what pages mean (`probe`).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final, Protocol

from lpse.federation import limits
from lpse.runtime.clock import Clock
from regional_node.upgrades.processes import Command, ExclusiveProcess, Holder

_LOOPBACK: Final = "127.0.0.1"


class Process(Protocol):
    """At most one process per lock; see `processes.ExclusiveProcess` for each promise."""

    def holder(self) -> Holder | None:
        """Who runs, or None."""

    def is_held(self) -> bool:
        """Whether any process holds the lock."""

    async def start(self, command: Command) -> Holder:
        """Start `command` once nothing else holds the lock."""

    def exit_status(self) -> int | None:
        """How the started process ended; None while it runs."""

    async def stop(self, grace_seconds: float) -> None:
        """End whoever holds the lock."""

    def kill_child(self) -> None:
        """SIGKILL without waiting."""


class Host(Protocol):
    """The machine as upgrades see it."""

    def process(self, lock: Path, clock: Clock) -> Process:
        """The one process of a lock file."""

    async def page(self, port: int, path: str, *, with_body: bool) -> bytes:
        """The answer of the local service to one HTTP/1.0 request; OSError where none comes."""


class MachineHost:
    """This machine."""

    def process(self, lock: Path, clock: Clock) -> Process:
        """A real one."""
        return ExclusiveProcess(lock, clock)

    async def page(self, port: int, path: str, *, with_body: bool) -> bytes:
        """One request (no keep-alive, no chunks); reads no more than it needs or may."""
        reader, writer = await asyncio.open_connection(_LOOPBACK, port)
        try:
            request = f"GET {path} HTTP/1.0\r\nHost: {_LOOPBACK}:{port}\r\nAccept: */*\r\n\r\n"
            writer.write(request.encode("ascii"))
            await writer.drain()
            answer = b""
            while len(answer) < limits.SERVICE_PAGE_BYTES_MAX:
                part = await reader.read(limits.SERVICE_PAGE_BYTES_MAX - len(answer))
                answer += part
                if not part or (not with_body and b"\r\n" in answer):
                    break
            return answer
        finally:
            writer.close()


MACHINE: Final = MachineHost()
