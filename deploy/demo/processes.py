"""The processes of a demonstration: each in a group of its own, each ended by its own number.

Owns starting, killing and the final clean-up, also of the local services that nodes start and that
outlive them on purpose (their lock files say who they are; a number used again is never taken for
one of ours, because the start time must agree too). Leaves out what the programs do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from lpse.runtime.clock import SystemEntropy
from regional_node.upgrades.launch import start_ticks

PORTS: Final = (10_000, 32_000)

_ROOT: Final = Path(__file__).resolve().parents[2]
_GRACE_SECONDS: Final = 4.0
CLOCK: Final = "legal-time.json"
_SERVICE_LOCKS: Final = ("service.lock", "hook.lock")


class DemoFailed(Exception):
    """The demonstration cannot go on; `log` names the process whose log tells why."""

    def __init__(self, message: str, *, log: str = "") -> None:
        super().__init__(message)
        self.log = log


@dataclass
class Running:
    """One long-lived process of ours."""

    name: str
    process: subprocess.Popen[bytes]

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None


@dataclass
class Processes:
    """Everything that was started and must be gone at the end."""

    folder: Path
    environment: Mapping[str, str]
    _running: list[Running] = field(default_factory=list)
    _piped: list[asyncio.subprocess.Process] = field(default_factory=list)
    _guardian: subprocess.Popen[bytes] | None = None

    @property
    def logs(self) -> Path:
        """Where every process writes what it says."""
        return self.folder / "logs"

    def start(self, name: str, command: Sequence[str], more: Mapping[str, str]) -> Running:
        """Start a daemon in a process group of its own; its words go to its log."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**self.environment, **more},
                start_new_session=True,
            )
        self._guard(process)
        running = Running(name, process)
        self._running.append(running)
        return running

    async def piped(self, name: str, command: Sequence[str]) -> asyncio.subprocess.Process:
        """Start a process that the driver talks with over pipes."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(self.environment),
                start_new_session=True,
            )
        self._piped.append(process)
        return process

    async def kill(self, running: Running) -> None:
        """`kill -9`: no goodbye, no flush."""
        running.process.kill()
        await asyncio.to_thread(running.process.wait)

    def end_all(self) -> None:
        """End every process that was started, by number; harmless to repeat."""
        for running in self._running:
            _signal_group(running.process, signal.SIGTERM)
        give_up = time.monotonic() + _GRACE_SECONDS
        for running in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.process.wait(max(give_up - time.monotonic(), 0.05))
            _signal_group(running.process, signal.SIGKILL)
            running.process.wait()
        for process in self._piped:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        end_services(self.folder)
        if self._guardian is not None and self._guardian.stdin is not None:
            self._guardian.stdin.close()
            self._guardian.wait()

    def survivors(self) -> list[int]:
        """Processes of this demonstration that still run."""
        daemons = [one.process.pid for one in self._running if one.is_alive]
        return [*daemons, *running_services(self.folder)]

    def log_tail(self, name: str, lines: int = 12) -> str:
        """The last words of a process."""
        try:
            text = (self.logs / f"{name}.log").read_text("utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _guard(self, process: subprocess.Popen[bytes]) -> None:
        """Tell the guardian of a new daemon; the first one starts the guardian."""
        if self._guardian is None:
            self._guardian = subprocess.Popen(
                [sys.executable, "-m", "deploy.demo.guardian", str(self.folder)],
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                env=dict(self.environment),
                start_new_session=True,
            )
        assert self._guardian.stdin is not None
        ticks = start_ticks(process.pid)
        if ticks is not None:  # else it is gone already
            self._guardian.stdin.write(f"{process.pid} {ticks}\n".encode())
            self._guardian.stdin.flush()


def end_services(folder: Path) -> None:
    """End every service and hook that nodes of a folder started."""
    give_up = time.monotonic() + _GRACE_SECONDS
    number = signal.SIGTERM
    while services := running_services(folder):
        if time.monotonic() > give_up:
            number = signal.SIGKILL
        for pid in services:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
        time.sleep(0.05)


def running_services(folder: Path) -> list[int]:
    """Services and hooks that nodes of a folder started and that still run."""
    found = []
    for lock in _SERVICE_LOCKS:
        for path in folder.glob(f"**/{lock}"):
            holder = _holder(path)
            if holder is not None and start_ticks(holder[0]) == holder[1]:
                found.append(holder[0])
    return found


def set_clock(data: Path, legal: datetime) -> None:
    """The legal clock of a daemon that is down; it goes on by itself, as a clock on the wall."""
    offset = (legal - datetime.now(UTC)).total_seconds()
    (data / CLOCK).write_text(json.dumps({"offset_seconds": offset}), "utf-8")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all different.

    Below those that the kernel lends to outgoing connections: between here and the daemon's start
    nobody else is given one, and a killed daemon finds its own again.
    """
    chance = SystemEntropy()
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            one = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", int(chance.uniform(*PORTS))))
                found.append(int(one.getsockname()[1]))
        return found


def _holder(path: Path) -> tuple[int, int] | None:
    try:
        record = json.loads(path.read_bytes())
        return int(record["pid"]), int(record["start_ticks"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
