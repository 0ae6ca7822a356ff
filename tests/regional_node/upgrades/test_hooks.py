"""Hooks as real programs: what they are told, how long they may take, what they leave behind."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.demo import bundles as demo
from lpse.runtime.clock import SystemClock
from regional_node.upgrades.hooks import HookRunner, Surroundings
from regional_node.upgrades.slots import Slot, SlotStore, file_digest

WRITES_ITS_WORLD = b"""#!/usr/bin/env -S python3 -B
import json, os, pathlib
seen = json.dumps([dict(os.environ), os.getcwd()])
pathlib.Path(os.environ["LPSE_DATA"], "seen").write_text(seen)
"""
SLEEPS = b"""#!/usr/bin/env -S python3 -B
import time
time.sleep(60)
"""
LEAVES_A_CHILD = b"""#!/usr/bin/env -S python3 -B
import os, pathlib, time
pid = os.fork()
if pid == 0:
    time.sleep(60)
pathlib.Path(os.environ["LPSE_DATA"], "child").write_text(str(pid))
"""


@pytest.fixture
def runner(tmp_path: Path) -> HookRunner:
    (tmp_path / "data").mkdir()
    surroundings = Surroundings(tmp_path / "data", 8080, tmp_path / "hooks.log")
    return HookRunner(tmp_path / "hook.lock", surroundings, SystemClock())


def slot_with(tmp_path: Path, script: bytes, seconds: int = 20) -> Slot:
    release = demo.RELEASES["3.6"]
    files = {**demo._files("3.6", release, []), "hooks/apply.py": script}
    bundle = tmp_path / "bundle.tar.gz"
    bundle.write_bytes(demo.pack(demo.manifest("3.6", release, files, 10), files))
    store = SlotStore(tmp_path / "spse", 0)
    store.prepare()
    slot = store.unpack(bundle, file_digest(bundle))
    hooks = {**slot.manifest.hooks}
    hooks["apply"] = replace(hooks["apply"], timeout_seconds=seconds)
    return replace(slot, manifest=replace(slot.manifest, hooks=hooks))


async def test_hook_is_told_what_the_contract_says(
    runner: HookRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documented variables and nothing of the daemon's own; the slot is the working folder."""
    monkeypatch.setenv("LPSE_NODE__LINK__ENDPOINT", "secret:1")
    slot = slot_with(tmp_path, WRITES_ITS_WORLD)
    assert await runner.run("apply", slot, "3.0", 7) == ""

    seen, folder = json.loads((tmp_path / "data" / "seen").read_text())
    told = {name: value for name, value in seen.items() if name.startswith("LPSE_")}
    assert told == {
        "LPSE_SLOT": str(slot.path),
        "LPSE_DATA": str(tmp_path / "data"),
        "LPSE_PORT": "8080",
        "LPSE_FROM_VERSION": "3.0",
        "LPSE_TO_VERSION": "3.6",
        "LPSE_ATTEMPT": "7",
    }
    assert folder == str(slot.path)
    documented = Path(demo.__file__).parent / "spse" / "README.md"
    assert all(f"`{name}`" in documented.read_text("utf-8") for name in told)


async def test_hook_that_takes_too_long_is_ended(runner: HookRunner, tmp_path: Path) -> None:
    """Invariant 12: every wait has an end, and the answer says which one."""
    slot = slot_with(tmp_path, SLEEPS, seconds=1)
    assert await runner.run("apply", slot, "3.0", 1) == "apply hook: not finished within 1 s"


async def test_what_a_hook_leaves_running_is_ended(runner: HookRunner, tmp_path: Path) -> None:
    """A hook that succeeded has nothing more to do to the data."""
    slot = slot_with(tmp_path, LEAVES_A_CHILD)
    assert await runner.run("apply", slot, "3.0", 1) == ""
    child = int((tmp_path / "data" / "child").read_text())
    assert not Path(f"/proc/{child}").exists() or is_zombie(child)


async def test_what_a_hook_prints_stays_on_the_node(runner: HookRunner, tmp_path: Path) -> None:
    """Output goes to the log file; the answer has the exit status alone (secrecy)."""
    slot = slot_with(tmp_path, b"#!/bin/sh\necho PT Rahasia; exit 3\n")
    assert await runner.run("apply", slot, "3.0", 1) == "apply hook: exit status 3"
    assert "PT Rahasia" in (tmp_path / "hooks.log").read_text()


async def test_hook_without_its_interpreter_is_a_failed_hook(
    runner: HookRunner, tmp_path: Path
) -> None:
    """A program that cannot even start is told like one that failed."""
    slot = slot_with(tmp_path, b"#!/no/such/interpreter\n")
    assert "exit status" in await runner.run("apply", slot, "3.0", 1)


def is_zombie(pid: int) -> bool:
    return ") Z " in Path(f"/proc/{pid}/stat").read_text() and pid != os.getpid()
