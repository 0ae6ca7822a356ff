"""The node is killed (-9) in the middle of an upgrade, and started again.

A driver process runs the real worker and dies at a chosen point; then this process opens the same
folder and goes on. At no moment do two services run, at the end exactly one does, and it is the one
that the journal names.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from deploy.demo import bundles as demo
from regional_node.upgrades.rules import State
from tests.regional_node.upgrades.world import World

# Where the upgrade to a good 3.6 is cut: around every durable step, and between two steps at each
# thing that changes the machine.
GOOD_CUTS = [
    "before:RECEIVED",
    "after:DOWNLOADING",
    "event:os.rename:.unpacking-3.6",
    "before:VERIFIED",
    "after:VERIFIED",
    "before:APPLYING",
    "after:APPLYING",
    "event:os.killpg:",
    "event:subprocess.Popen:apply hook",
    "event:os.symlink:3.6-",
    "event:os.rename:current",
    "event:subprocess.Popen:service.lock",
    "spawned:3.6-",
    "before:CHECKING",
    "after:CHECKING",
    "before:APPLIED",
    "after:APPLIED",
]

# Where the way back from a broken 3.6 is cut.
BROKEN_CUTS = [
    "after:ROLLING_BACK",
    "event:subprocess.Popen:rollback hook",
    "event:os.symlink:3.0-",
    "spawned:3.0-",
    "before:ROLLED_BACK",
    "after:ROLLED_BACK",
]


async def drive(world: World, bundle: Path, crash: str) -> int:
    """Run the driver until its end; its exit status, negative for a signal."""
    await world.database.close()
    words = [str(world.root), str(world.port), str(bundle), "3.6", "3.0", crash]
    driver = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.regional_node.upgrades.driver", *words
    )
    return await driver.wait()


async def come_back(world: World, bundle: Path) -> None:
    """Open the node again in this process, as its next daemon would."""
    again = await World(world.root, world.port).open()
    world.database, world.store, world.worker = again.database, again.store, again.worker
    world.shelf, world.journal = again.shelf, again.journal
    world.want(bundle, "3.6", "3.0")
    again.desired = world.desired
    world.worker._desired = lambda: world.desired


async def journal_names(world: World) -> str:
    """The version that runs, as the last entry of the journal tells it."""
    last = (await world.journalled())[-1]
    assert last.reported_version, "the upgrade came to an end"
    return last.reported_version


@pytest.mark.parametrize("crash", GOOD_CUTS)
async def test_killed_during_a_good_upgrade(
    world: World, bundles: dict[str, Path], crash: str
) -> None:
    """Invariant 8: a kill at any step leaves one version running, and the node still arrives."""
    assert await drive(world, bundles["3.6"], crash) == -signal.SIGKILL
    assert len(world.services()) <= 1
    await come_back(world, bundles["3.6"])
    ended = await world.settle()
    assert ended.state is State.APPLIED
    assert len(world.services()) == len(world.programs()) == 1
    assert await world.version_soon() == await journal_names(world) == "3.6"
    assert json.loads((world.root / "spse/data/spse.json").read_text())["format"] == 2


@pytest.mark.parametrize("crash", BROKEN_CUTS)
async def test_killed_on_the_way_back(world: World, tmp_path: Path, crash: str) -> None:
    """Invariant 8: a kill while going back ends with the old version and its data."""
    bundle = demo.build_bundle("3.6", tmp_path, faults=["wrong-version"])
    assert await drive(world, bundle, crash) == -signal.SIGKILL
    await come_back(world, bundle)
    ended = await world.settle()
    assert ended.state is State.ROLLED_BACK
    assert len(world.services()) == len(world.programs()) == 1
    assert await world.version_soon() == await journal_names(world) == "3.0"
    assert json.loads((world.root / "spse/data/spse.json").read_text())["format"] == 1


async def test_killed_while_a_hook_runs(world: World, tmp_path: Path) -> None:
    """A hook that outlives its killed daemon is ended before anything else touches the data."""
    bundle = build_with_apply(tmp_path, KILLS_ITS_DAEMON)
    assert await drive(world, bundle, "") == -signal.SIGKILL
    [orphan] = world.programs()
    await come_back(world, bundle)
    attempt = await world.worker.step(world.now)
    assert attempt is not None
    assert (attempt.state, attempt.reason) == (State.ROLLED_BACK, "INTERRUPTED")
    assert orphan not in world.programs()
    assert await world.version_soon() == "3.0"
    assert json.loads((world.root / "spse/data/spse.json").read_text())["format"] == 1


async def test_killed_again_and_again(world: World, tmp_path: Path) -> None:
    """A release that costs the node its process each time is given up after a few attempts."""
    bundle = build_with_apply(tmp_path, KILLS_ITS_DAEMON)
    ends = [await drive(world, bundle, "") for _ in range(4)]
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, -signal.SIGKILL, 0]
    await come_back(world, bundle)
    ended = await world.settle()
    assert (ended.state, ended.attempt) == (State.ROLLED_BACK, 3)
    assert await world.version_soon() == "3.0"


KILLS_ITS_DAEMON = b"""#!/usr/bin/env -S python3 -B
import os, signal, time
from data_file import migrate
migrate()
os.kill(os.getppid(), signal.SIGKILL)
time.sleep(60)
"""


def build_with_apply(folder: Path, script: bytes) -> Path:
    """Release 3.6 with another apply hook."""
    release = demo.RELEASES["3.6"]
    files = {**demo._files("3.6", release, []), "hooks/apply.py": script}
    path = folder / "special.tar.gz"
    path.write_bytes(demo.pack(demo.manifest("3.6", release, files, 10), files))
    return path
