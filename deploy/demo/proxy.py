"""The severable road: TCP listeners whose traffic can be cut and counted from outside.

One process carries every link of a demonstration. It obeys JSON lines on standard input and answers
each with one JSON line; when its input ends, it ends. Rule: a cut is rude, as a cable's is: every
open connection is aborted, also in the middle of a frame, and new ones get nowhere until the link
is restored. Leaves out what travels: it never looks inside the bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass, field
from typing import Any, Final

_READ_BYTES: Final = 65_536


@dataclass
class Figures:
    """What one link carried."""

    up_bytes: int = 0
    down_bytes: int = 0
    connections: int = 0
    refused: int = 0
    cuts: int = 0


class Road:
    """One link: a listener, its open connections, and whether it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.figures = Figures()
        self.is_cut = False
        self.cut_at_up_bytes: int | None = None

    async def open(self) -> int:
        """Listen on a free loopback port and return it."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Abort everything that is open; nothing passes until `restore`."""
        self.is_cut = True
        self.cut_at_up_bytes = None
        self.figures.cuts += 1
        for writer in list(self._writers):
            writer.transport.abort()

    def restore(self) -> None:
        """Let connections pass again."""
        self.is_cut = False

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            self.figures.refused += 1
            writer.transport.abort()
            return
        self.figures.connections += 1
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        try:
            with contextlib.suppress(asyncio.CancelledError):  # only when this process ends
                await asyncio.gather(
                    self._pump(reader, far_writer, up=True),
                    self._pump(far_reader, writer, up=False),
                )
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_READ_BYTES):
                writer.write(data)
                await writer.drain()
                self._count(len(data), up=up)
            writer.write_eof()

    def _count(self, size: int, *, up: bool) -> None:
        if not up:
            self.figures.down_bytes += size
            return
        self.figures.up_bytes += size
        if self.cut_at_up_bytes is not None and self.figures.up_bytes >= self.cut_at_up_bytes:
            self.cut()


@dataclass
class Junction:
    """Every road by its name, and the orders that it understands."""

    roads: dict[str, Road] = field(default_factory=dict)

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out one order; the answer says what holds afterwards."""
        name, act = str(order["link"]), str(order["do"])
        if act == "open":
            road = Road(str(order["host"]), int(order["port"]))
            self.roads[name] = road
            return {"port": await road.open()}
        road = self.roads[name]
        if act == "cut":
            road.cut()
        elif act == "cut_after":
            road.cut_at_up_bytes = road.figures.up_bytes + int(order["up_bytes"])
        elif act == "restore":
            road.restore()
        elif act != "figures":
            raise ValueError(f"no order {act}")
        return {"cut": road.is_cut, **vars(road.figures)}


async def main() -> None:
    """Read orders until the driver goes away."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    junction = Junction()
    while line := await orders.readline():
        try:
            answer = await junction.obey(json.loads(line))
        except (KeyError, TypeError, ValueError, OSError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
