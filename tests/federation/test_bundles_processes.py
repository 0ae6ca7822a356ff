"""Real daemons: a centre restored from a backup gets a release back, entry and bundle."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.bundles import build_bundle
from tests.faults.asking import eventually, status
from tests.faults.conftest import Copy, copy, founding  # noqa: F401 - fixtures
from tests.faults.world import Centre, Node, call
from tests.federation.test_recovery_processes import _persons

NODE = "lpse-pacitan"
VERSION = "3.0"
pytestmark = pytest.mark.timeout(300)  # real processes, on a machine that may be slow


async def test_a_release_published_after_the_backup_is_whole_again(
    copy: Copy,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    """Nobody adds it again: the node gives the entry back, and then the bundle that it fetched."""
    bundle = build_bundle(VERSION, tmp_path)
    centre, nodes = copy(0)
    node = nodes[NODE]
    _fetched(node, bundle)
    await asyncio.gather(centre.start(), node.start())
    saved = centre.data.with_name("saved")
    await _call("lkpp-central", "backup", "create", str(saved), environment=centre.environment)
    sri, _ = await asyncio.to_thread(_persons, centre)
    words = ("release", "add", str(bundle), "--version", VERSION)
    added = await _call("lkppctl", *words, environment=sri)
    await eventually(lambda: _holds(node, int(added["national_index"])), about="the entry")
    await centre.kill()
    shutil.rmtree(centre.data)
    await _call("lkpp-central", "backup", "restore", str(saved), environment=centre.environment)
    assert not list(_bundles(centre, bundle))

    await centre.start()
    about = f"the bundle:\n{centre.tail()}\n{node.tail()}"
    await eventually(lambda: _is_back(centre, bundle), about=about)
    shown = await _call("lkppctl", "release", "verify", f"releases/{VERSION}", environment=sri)
    assert shown["intact"]


async def _call(program: str, *words: str, environment: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = await asyncio.to_thread(call, program, *words, environment=environment)
    return found


def _fetched(node: Node, bundle: Path) -> None:
    folder = node.data / "bundles"
    folder.mkdir(mode=0o700, exist_ok=True)
    digest = sha256(bundle.read_bytes()).hexdigest()
    shutil.copy(bundle, folder / f"{digest}.bundle")


async def _holds(node: Node, index: int) -> bool:
    answer = await status(node)
    return answer is not None and answer.national_head.size > index


def _bundles(centre: Centre, bundle: Path) -> list[Path]:
    digest = sha256(bundle.read_bytes()).hexdigest()
    return [path for path in centre.data.rglob(digest) if path.is_file()]


async def _is_back(centre: Centre, bundle: Path) -> bool:
    """The file, and the row that vouches for it."""
    digest = sha256(bundle.read_bytes()).digest()
    with closing(sqlite3.connect(f"file:{centre.data / 'central.db'}?mode=ro", uri=True)) as tables:
        rows = tables.execute("SELECT 1 FROM blobs WHERE digest = ?", (digest,)).fetchall()
    return bool(rows and _bundles(centre, bundle))
