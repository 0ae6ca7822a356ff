"""A process that serves intake on a socket until it is killed: `python -m … FOLDER [AFTER]`.

With AFTER its legal clock stands so many seconds after the deadline. Prints `ready` when it
listens.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import timedelta
from pathlib import Path

import structlog

from tests.regional_node.intake.node import DEADLINE, START, Clocks, serve, start_node


async def main(folder: Path, after: float | None) -> None:
    """Serve for ever."""
    now = START + timedelta(hours=1)
    clock = Clocks(now if after is None else DEADLINE + timedelta(seconds=after))
    async with start_node(folder, clock=clock) as node, serve(node):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else None))
