"""The driver's hand on the proxy process: open, cut and restore named links.

Owns the conversation with `deploy.demo.proxy`: one order, one answer, in turn. Leaves out the
process itself (`processes`) and why a link is cut (the scenarios).
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.demo.processes import DemoFailed, Processes


@dataclass(frozen=True, slots=True)
class LinkFigures:
    """What the proxy counted on one link since it was opened."""

    cut: bool
    up_bytes: int
    down_bytes: int
    connections: int
    refused: int
    cuts: int


class Links:
    """Every severable link of the demonstration."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Start the proxy process; it ends with the driver, whose pipe it reads."""
        self._process = await self._processes.piped(
            "proxy", [sys.executable, str(Path(__file__).with_name("proxy.py"))]
        )

    async def close(self) -> None:
        """End the proxy process."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()

    async def open(self, link: str, port: int) -> int:
        """A new link to a loopback port; returns the port to connect to."""
        answer = await self._order(link, "open", host="127.0.0.1", port=port)
        return int(answer["port"])

    async def cut(self, link: str) -> None:
        """Abort what is open and let nothing pass."""
        await self._order(link, "cut")

    async def cut_after(self, link: str, up_bytes: int) -> None:
        """Cut by itself once so many more bytes went up."""
        await self._order(link, "cut_after", up_bytes=up_bytes)

    async def restore(self, link: str) -> None:
        """Let connections pass again."""
        await self._order(link, "restore")

    async def figures(self, link: str) -> LinkFigures:
        """What passed so far."""
        return LinkFigures(**await self._order(link, "figures"))

    async def _order(self, link: str, act: str, **more: Any) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._turn:
            self._process.stdin.write(json.dumps({"link": link, "do": act, **more}).encode())
            self._process.stdin.write(b"\n")
            await self._process.stdin.drain()
            line = await self._process.stdout.readline()
        if not line:
            raise DemoFailed("the proxy process ended", log="proxy")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise DemoFailed(f"the proxy said: {answer['error']}", log="proxy")
        return answer
