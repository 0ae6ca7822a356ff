"""The two probes of a node: can vendors use SPSE here, and does the node reach the centre?

Owns how an answer is got. Rule: whatever is wrong with an answer is an answer ("not well"), never
an exception; an answer is bounded in time and size. Leaves out what follows from answers (`rules`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from lpse.federation.limits import SERVICE_PAGE_BYTES_MAX
from regional_node.outages.rules import Answer

_HOST: Final = "127.0.0.1"


class ServiceProbe:
    """Asks the local SPSE for its health page, as a vendor's browser would."""

    def __init__(
        self,
        port: int,
        timeout_seconds: float,
        upgrading: Callable[[], bool],
        path: Callable[[], str] = lambda: "/health",
    ) -> None:
        """`upgrading` says whether the node itself replaces the service now."""
        self._port = port
        self._timeout = timeout_seconds
        self._upgrading = upgrading
        self._path = path

    async def look(self) -> Answer:
        """Good means status 200 within the time."""
        try:
            async with asyncio.timeout(self._timeout):
                status = await _status(self._port, self._path())
        except TimeoutError:
            return self._failed("the service did not answer in time")
        except OSError:
            return self._failed("the service refused the connection")
        if status == 200:
            return Answer(True)
        return self._failed(f"the service answered with status {status}")

    def _failed(self, evidence: str) -> Answer:
        return Answer(False, evidence, self._upgrading())


class LinkProbe:
    """Asks the link worker whether the centre is there."""

    def __init__(self, connected: Callable[[], bool]) -> None:
        self._connected = connected

    async def look(self) -> Answer:
        """Good means a session with the centre."""
        return Answer(True) if self._connected() else Answer(False, "no session with the centre")


async def _status(port: int, path: str) -> int:
    """Status of one HTTP/1.0 request; 0 where the answer is none."""
    reader, writer = await asyncio.open_connection(_HOST, port)
    try:
        request = f"GET {path} HTTP/1.0\r\nHost: {_HOST}:{port}\r\nAccept: */*\r\n\r\n"
        writer.write(request.encode("ascii"))
        await writer.drain()
        line = await reader.readline()
        await reader.read(SERVICE_PAGE_BYTES_MAX)
    except ValueError:  # a line longer than the reader's buffer
        return 0
    finally:
        writer.close()
    words = line.split()
    proper = len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1].isdigit()
    return int(words[1]) if proper else 0
