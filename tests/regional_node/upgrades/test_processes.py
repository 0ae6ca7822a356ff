"""One process per lock, recognised and ended also by a daemon that did not start it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse.federation import limits
from lpse.runtime.clock import SystemClock
from regional_node.upgrades import launch
from regional_node.upgrades.processes import Command, ExclusiveProcess, Holder, trim_log

SLEEPER = "import time; time.sleep(60)"
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
FORKING = """
import os, sys, time
if os.fork():
    print("ready", flush=True)
    time.sleep(0.1)
    os._exit(0)
os.setsid()
time.sleep(60)
"""


def command(folder: Path, script: str = SLEEPER, label: str = "3.0-0123456789ab") -> Command:
    return Command(
        arguments=[sys.executable, "-c", script],
        label=label,
        folder=folder,
        environment={"PATH": os.environ["PATH"]},
        log=folder / "log",
    )


def process(folder: Path) -> ExclusiveProcess:
    return ExclusiveProcess(folder / "lock", SystemClock())


async def until_ready(folder: Path) -> None:
    while "ready" not in (folder / "log").read_text():
        await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    for pid in holders(tmp_path):
        os.kill(pid, signal.SIGKILL)


def holders(folder: Path) -> list[int]:
    found = []
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if fd.readlink() == folder / "lock":
                found.append(int(fd.parts[2]))
        except OSError:
            continue
    return found


async def test_a_second_daemon_sees_and_ends_the_same_process(tmp_path: Path) -> None:
    """The lock outlives the one that took it, and names its holder to whoever comes next."""
    started = await process(tmp_path).start(command(tmp_path))
    other = process(tmp_path)
    assert other.holder() == started
    await other.stop(grace_seconds=5)
    assert other.holder() is None
    assert not other.is_held()


async def test_starting_another_ends_the_first(tmp_path: Path) -> None:
    """There is never a second holder."""
    first = await process(tmp_path).start(command(tmp_path))
    second = await process(tmp_path).start(command(tmp_path, label="3.6-0123456789ab"))
    assert holders(tmp_path) == [second.pid] != [first.pid]


async def test_two_launchers_at_once_leave_one(tmp_path: Path) -> None:
    """The kernel decides a race, and the loser starts nothing."""
    words = [sys.executable, "-I", "-S", launch.__file__, str(tmp_path / "lock"), str(os.getpid())]
    sleeper = ["x", sys.executable, "-c", SLEEPER]
    race = [subprocess.Popen([*words, *sleeper], start_new_session=True) for _ in range(2)]
    while all(one.poll() is None for one in race):
        await asyncio.sleep(0.02)
    assert launch.LOCKED in [one.poll() for one in race]
    assert len(holders(tmp_path)) == 1
    await process(tmp_path).stop(grace_seconds=5)
    for one in race:
        one.wait()


async def test_launcher_without_its_daemon_starts_nothing(tmp_path: Path) -> None:
    """A daemon killed between fork and record leaves no service behind."""
    words = [sys.executable, "-I", "-S", launch.__file__, str(tmp_path / "lock"), "1", "x"]
    done = subprocess.run([*words, sys.executable, "-c", SLEEPER], check=False)
    assert done.returncode == launch.ORPHANED
    assert not process(tmp_path).is_held()


async def test_number_used_again_is_not_taken_for_ours(tmp_path: Path) -> None:
    """A record counts only with the start time of the process; a stranger is never signalled."""
    stranger = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
    try:
        record = {"pid": stranger.pid, "start_ticks": 1, "label": "3.0-0123456789ab"}
        (tmp_path / "lock").write_text(json.dumps(record))
        one = process(tmp_path)
        assert one.holder() is None
        await one.stop(grace_seconds=1)
        await one.start(command(tmp_path))
        await one.stop(grace_seconds=5)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """After its grace a service that does not stop is stopped."""
    one = process(tmp_path)
    await one.start(command(tmp_path, STUBBORN))
    await until_ready(tmp_path)
    await one.stop(grace_seconds=0.1)
    assert holders(tmp_path) == []


async def test_child_that_left_the_group_is_found_by_its_lock(tmp_path: Path) -> None:
    """A service that forks and goes away still counts as running, and is ended."""
    one = process(tmp_path)
    await one.start(command(tmp_path, FORKING))
    await until_ready(tmp_path)
    while one.exit_status() is None:
        await asyncio.sleep(0.02)
    assert one.holder() is None
    assert one.is_held()
    await one.stop(grace_seconds=0.1)
    assert holders(tmp_path) == []


async def test_program_that_ends_at_once_was_started(tmp_path: Path) -> None:
    """A hook of a millisecond is a hook that ran, not one that could not be started."""
    one = process(tmp_path)
    quick = Command(["/bin/true"], "hook", tmp_path, {}, tmp_path / "log")
    for _ in range(10):
        await one.start(quick)


async def test_a_dead_process_is_no_holder(tmp_path: Path) -> None:
    """Killed from outside, it is gone at once, though nobody waited for it."""
    one = process(tmp_path)
    holder = await one.start(command(tmp_path))
    assert isinstance(holder, Holder)
    os.kill(holder.pid, signal.SIGKILL)
    while process(tmp_path).is_held():
        await asyncio.sleep(0.02)
    assert process(tmp_path).holder() is None


def test_log_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 12: the output of a service does not fill the disk."""
    monkeypatch.setattr(limits, "SERVICE_LOG_BYTES_MAX", 10)
    log = tmp_path / "log"
    log.write_bytes(b"x" * 11)
    trim_log(log)
    assert log.stat().st_size == 0
    trim_log(tmp_path / "none")
