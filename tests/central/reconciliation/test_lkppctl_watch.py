"""Following the log from the command line, in a process of its own that a person ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.central.fleet.test_lkppctl import NODE, fleet
from tests.central.reconciliation.test_lkppctl_log import keep_runs

WAIT_SECONDS = 60


async def watching(home: Path, *arguments: str) -> asyncio.subprocess.Process:
    """The real program, once it said that it follows."""
    env = {**os.environ, "LKPPCTL_HOME": str(home), "LANG": "C", "NO_COLOR": "1"}
    env.pop("LKPPCTL_CONTEXT", None)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "lkppctl"),
        *("recon", "list", "--watch", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
        preexec_fn=_hears_interrupts,
    )
    assert process.stderr is not None
    said = await asyncio.wait_for(process.stderr.readline(), WAIT_SECONDS)
    assert b"Ctrl+C" in said, said
    return process


def _hears_interrupts() -> None:
    """Whoever runs the tests in the background ignores Ctrl+C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("received", [0, 1, 2])
async def test_an_interrupted_watch_leaves_with_its_exit_code(
    tmp_path: Path, received: int
) -> None:
    """Ctrl+C ends a watch, quiet or after entries came, with 130 and without another word."""
    async with fleet(tmp_path) as (centre, home):
        form = ("table", "name", "jsonl")[received]
        process = await watching(home, "-o", form, "--node", NODE)
        assert process.stdout is not None
        if received:
            await keep_runs(centre)
            line = await asyncio.wait_for(process.stdout.readline(), WAIT_SECONDS)
            assert f"recon/{NODE}/1".encode() in line, line
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), WAIT_SECONDS)
        assert (process.returncode, err) == (130, b"")
