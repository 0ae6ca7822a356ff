"""The real upload programs: tus-js-client under Node, installed once and never changed.

Owns installing it from its registry by the lock beside this file, into a cache folder outside the
checkout, and running it. A machine that cannot install it skips the tests and says why. Leaves out
tuspy, which is a Python package of the test environment.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SCRIPT = HERE / "upload.mjs"
INSTALL_SECONDS = 120
STEP_SECONDS = 300


@cache
def installed() -> Path:
    """The folder with tus-js-client; skips the test where it cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("SKIPPED LOUDLY: node or npm is missing, tus-js-client was not driven")
    lock = (HERE / "package-lock.json").read_bytes()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "lpse-federation" / f"clients-{hashlib.sha256(lock).hexdigest()[:16]}"
    if (folder / "whole").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    words = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        ran = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("SKIPPED LOUDLY: npm did not answer in time, tus-js-client was not driven")
    if ran.returncode:
        pytest.skip(f"SKIPPED LOUDLY: npm failed: {ran.stderr[-300:]}")
    (folder / "whole").touch()
    return folder


class Running:
    """One run of the script."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.events: list[dict[str, Any]] = []

    async def until(self, *names: str) -> dict[str, Any]:
        """The next event of one of these names."""
        assert self._process.stdout is not None
        async with asyncio.timeout(STEP_SECONDS):
            while line := await self._process.stdout.readline():
                event: dict[str, Any] = json.loads(line)
                self.events.append(event)
                if event["event"] in names:
                    return event
        assert self._process.stderr is not None
        said = (await self._process.stderr.read()).decode()
        raise AssertionError(f"ended without {names}: {self.events[-3:]} {said[-500:]}")

    def kill(self) -> None:
        """End it without a goodbye."""
        self._process.kill()


@asynccontextmanager
async def tus_js(**told: Any) -> AsyncIterator[Running]:
    """The script at work; killed at the end."""
    folder = await asyncio.to_thread(installed)
    process = await asyncio.create_subprocess_exec(
        "node",
        str(SCRIPT),
        json.dumps({"act": "upload", "name": "penawaran.rhs", **told}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "CLIENTS_FOLDER": str(folder)},
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
