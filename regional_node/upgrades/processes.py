"""At most one process per lock file, also across a daemon that was killed and came back.

Owns starting, recognising and stopping a child by argument vector. The kernel's lock (see
`launch.py`) says whether one runs; the record in the lock file says which, and counts only while
pid *and* start time agree with /proc, so a number used again is never taken for ours. Stopping
ends the whole process group and then whoever still has the lock file open. Leaves out what the
processes are for.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lpse.federation import limits
from lpse.federation.errors import Unavailable
from lpse.runtime.clock import Clock
from regional_node.upgrades import launch
from regional_node.upgrades.launch import start_ticks

_POLL_SECONDS: Final = 0.02
_RECORD_SECONDS: Final = 10.0  # from the lock taken to the record written, on a busy machine
_KILL_SECONDS: Final = 10.0  # from SIGKILL to the lock free


@dataclass(frozen=True, slots=True)
class Holder:
    """The running process that holds a lock; `label` says what it was started as."""

    pid: int
    start_ticks: int
    label: str


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: the words, where, with which variables, and where its output goes."""

    arguments: Sequence[str]
    label: str
    folder: Path
    environment: Mapping[str, str]
    log: Path


class ExclusiveProcess:
    """The one process that may hold a lock file at a time."""

    def __init__(self, lock: Path, clock: Clock) -> None:
        self._lock = lock
        self._clock = clock
        self._child: subprocess.Popen[bytes] | None = None

    def holder(self) -> Holder | None:
        """Who runs, or None; also None while a start or an end is under way (see `is_held`)."""
        self._reap()
        if not self.is_held():
            return None
        holder = self._record()
        return holder if holder and start_ticks(holder.pid) == holder.start_ticks else None

    def is_held(self) -> bool:
        """Whether any process holds the lock, recognised or not."""
        try:
            lock = os.open(self._lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    async def start(self, command: Command) -> Holder:
        """Start `command` once nothing else holds the lock; returns when its record is durable."""
        if self.is_held():
            await self.stop(grace_seconds=0)
        child = self._spawn(command)
        self._child = child
        give_up = self._clock.monotonic() + _RECORD_SECONDS
        while self._clock.monotonic() < give_up:
            ended = child.poll() is not None  # asked first: a short program may come and go
            holder = self._record()
            if holder is not None and holder.pid == child.pid:
                return holder
            if ended:
                break
            await self._clock.sleep(_POLL_SECONDS)
        raise Unavailable("FED-6103", f"{command.label} could not be started")

    def exit_status(self) -> int | None:
        """How the process that this daemon started ended; None while it runs or if adopted."""
        return self._child.poll() if self._child else None

    async def stop(self, grace_seconds: float) -> None:
        """End whoever holds the lock: SIGTERM, after `grace_seconds` SIGKILL; then it is free."""
        holder = self.holder()
        if holder is None and not self.is_held():
            return
        if holder is not None:
            _signal_group(holder.pid, signal.SIGTERM)
            if await self._is_free_within(grace_seconds):
                return
            if start_ticks(holder.pid) == holder.start_ticks:
                _signal_group(holder.pid, signal.SIGKILL)
            if await self._is_free_within(1.0):
                return
        give_up = self._clock.monotonic() + _KILL_SECONDS
        while self._clock.monotonic() < give_up:
            for pid in _having_open(self._lock):
                _signal(pid, signal.SIGKILL)
            if await self._is_free_within(0.2):
                return
        raise Unavailable("FED-6104", "a process could not be stopped", remedy="restart the node")

    def kill_child(self) -> None:
        """SIGKILL the group of the child without waiting, for a caller that is being cancelled."""
        if self._child is not None and self._child.poll() is None:
            _signal_group(self._child.pid, signal.SIGKILL)

    async def _is_free_within(self, seconds: float) -> bool:
        give_up = self._clock.monotonic() + seconds
        while True:
            self._reap()
            if not self.is_held():
                return True
            if self._clock.monotonic() >= give_up:
                return False
            await self._clock.sleep(_POLL_SECONDS)

    def _spawn(self, command: Command) -> subprocess.Popen[bytes]:
        """No `preexec_fn` and no shell: the fork stays safe beside gRPC's threads."""
        trim_log(command.log)
        launcher = [sys.executable, "-I", "-S", launch.__file__]
        words = [str(self._lock), str(os.getpid()), command.label, *command.arguments]
        with command.log.open("ab") as log:
            return subprocess.Popen(
                [*launcher, *words],
                cwd=command.folder,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _record(self) -> Holder | None:
        try:
            record = json.loads(self._lock.read_bytes())
            return Holder(int(record["pid"]), int(record["start_ticks"]), str(record["label"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _reap(self) -> None:
        if self._child is not None:
            self._child.poll()


def trim_log(log: Path) -> None:
    """Forget output beyond the limit; its writers append, so they go on at the new end."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > limits.SERVICE_LOG_BYTES_MAX:
            os.truncate(log, 0)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _having_open(lock: Path) -> list[int]:
    """Every other process that has the lock file open, by device and inode."""
    wanted = lock.stat()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if pid != os.getpid() and _has_open(folder / "fd", wanted):
            found.append(pid)
    return found


def _has_open(folder: Path, wanted: os.stat_result) -> bool:
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                if os.path.samestat(entry.stat(), wanted):
                    return True
    return False
