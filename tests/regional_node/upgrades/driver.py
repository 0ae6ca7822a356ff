"""A daemon for the crash tests: brings the node to a release and is killed at one point.

Run as `python -m tests.regional_node.upgrades.driver ROOT PORT BUNDLE VERSION FROM CRASH`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.regional_node.upgrades.world import World, crash_after_spawn, crash_on_event


async def main(words: list[str]) -> None:
    root, port, bundle, version, from_version, crash = words
    world = await World(Path(root), int(port), crash).open()
    world.want(Path(bundle), version, from_version)
    crash_on_event(crash)
    crash_after_spawn(crash)
    await world.settle()
    await world.database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
