"""A process that serves the port until it is killed: `python -m … FOLDER PORT [TOKEN-PATH]`.

Prints the path of a grant when it listens: a new one, or the one that was given.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from tests.regional_node.intake.processes import ENVIRONMENT, ROOT
from tests.regional_node.web.scene import Settings, open_scene


async def main(folder: Path, port: int, known: str) -> None:
    """Serve for ever."""
    async with open_scene(folder, Settings(port=port)) as scene:
        path = known or (await scene.grant())[1]
        print(scene.port, path, flush=True)
        await asyncio.Event().wait()


@asynccontextmanager
async def serving(
    folder: Path, port: int = 0, known: str = ""
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int, str]]:
    """A running process, its port and the path of a grant; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.regional_node.web.process",
        *(str(folder), str(port), known),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=ENVIRONMENT,
    )
    try:
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode().split()
        yield process, int(said[0]), said[1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if sys.argv[3:] else ""))
