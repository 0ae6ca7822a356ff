"""Real processes for tests: the daemon of a folder, and commands of the terminal.

Owns starting and ending them by their own process id. Leaves out every assertion.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'proto'}:{ROOT}", "LANG": "C.UTF-8"}


@asynccontextmanager
async def daemon(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running daemon; killed at the end if the test has not done it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.regional_node.intake.daemon",
        str(folder),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=ENVIRONMENT,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@dataclass
class Ended:
    """A command that has run."""

    code: int
    out: str
    err: str


async def command(folder: Path, *arguments: str, stdin: bytes = b"") -> Ended:
    """Run one command of the terminal against the daemon of a folder."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.regional_node.intake.terminal",
        "--data",
        str(folder),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=ENVIRONMENT,
    )
    out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())
