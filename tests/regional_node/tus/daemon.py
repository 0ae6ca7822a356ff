"""A process that receives files until it is killed: `python -m … FOLDER large|small`.

`large` writes one file piece by piece and prints every recorded offset; `small` creates, submits
and prints the numbers of what was answered. What it sends is told by `content`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from tests.regional_node.tus.world import MIB, World, pieces, start_world

LARGE = 40 * MIB


def content(number: int, size: int) -> bytes:
    """The bytes that file `number` has."""
    return random.Random(number).randbytes(size)


async def large(world: World) -> None:
    """One large file that is read by a slow client, and somebody who asks for its offset."""
    data = content(0, LARGE)
    file = await world.files.create(world.grant, LARGE, "large")
    print(file.file_id, flush=True)

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, LARGE, 65536):
            yield data[start : start + 65536]
            await asyncio.sleep(0.001)

    async def ask() -> None:
        told = -1
        while True:
            offset = (await world.look(file.file_id)).offset_bytes
            if offset != told:
                print(told := offset, flush=True)
            await asyncio.sleep(0.001)

    asker = asyncio.create_task(ask())
    await world.files.write(world.grant, file.file_id, 0, body())
    asker.cancel()


async def small(world: World) -> None:
    """Four clients that upload two files each and submit them."""

    async def client(first: int) -> None:
        for number in range(first, 100_000, 4):
            ids = [await one(number, half) for half in range(2)]
            answered = await world.files.submit(world.grant, ids)
            print(answered.number, *ids, flush=True)

    async def one(number: int, half: int) -> str:
        data = content(2 * number + half, 30_000)
        made = await world.files.create_with(world.grant, len(data), f"{half}", pieces(data))
        return made.file_id

    await asyncio.gather(*(client(first) for first in range(4)))


async def main(folder: Path, kind: str) -> None:
    """Work until killed."""
    async with start_world(folder) as world:
        await (large if kind == "large" else small)(world)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
