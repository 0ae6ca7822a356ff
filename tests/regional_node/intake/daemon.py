"""A process that serves intake on a socket until killed: `python -m … FOLDER [AFTER [ERROR]]`.

With AFTER its legal clock stands so many seconds after the deadline, with ERROR it is known to so
many seconds only. Prints `ready` when it listens.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import timedelta
from pathlib import Path

import structlog

from tests.regional_node.intake.node import DEADLINE, START, Clocks, serve, start_node


async def main(folder: Path, after: float | None = None, error: float = 0.0) -> None:
    """Serve for ever."""
    now = START + timedelta(hours=1)
    clock = Clocks(now if after is None else DEADLINE + timedelta(seconds=after))
    clock.error = error
    async with start_node(folder, clock=clock) as node, serve(node):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(main(Path(sys.argv[1]), *map(float, sys.argv[2:])))
