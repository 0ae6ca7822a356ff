"""Asks the local service, over HTTP on loopback, which version it is and whether it is well.

Owns the reading of the two pages: health is status 200; the version page is a JSON object with
`version`, or the bare text. An answer is bounded in time and size, and whatever is wrong with it
is an answer too ("says nothing"), never an exception. Leaves out what follows from it.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Final

from lpse.federation import limits
from lpse.federation.bundles import ServiceSpec
from lpse.federation.errors import FederationError
from lpse.federation.versions import SpseVersion, parse_version

_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Report:
    """What the service says of itself; `version` is None where it says nothing understandable."""

    version: SpseVersion | None
    healthy: bool


async def ask(port: int, spec: ServiceSpec, timeout_seconds: float) -> Report:
    """Both pages, each within the time."""
    status, page = await _get(port, spec.version_path, timeout_seconds)
    version = _version(page) if status == 200 else None
    status, _ = await _get(port, spec.health_path, timeout_seconds)
    return Report(version, status == 200)


async def _get(port: int, path: str, timeout_seconds: float) -> tuple[int, bytes]:
    """Status and body of one page; status 0 when there was no proper answer."""
    try:
        async with asyncio.timeout(timeout_seconds):
            answer = await _exchange(port, path)
    except (OSError, TimeoutError):
        return 0, b""
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        return 0, b""
    return int(words[1]), body


async def _exchange(port: int, path: str) -> bytes:
    """One HTTP/1.0 request (no keep-alive, no chunks); reads no more than the limit."""
    reader, writer = await asyncio.open_connection(_HOST, port)
    try:
        request = f"GET {path} HTTP/1.0\r\nHost: {_HOST}:{port}\r\nAccept: */*\r\n\r\n"
        writer.write(request.encode("ascii"))
        await writer.drain()
        answer = b""
        while len(answer) < limits.SERVICE_PAGE_BYTES_MAX:
            part = await reader.read(limits.SERVICE_PAGE_BYTES_MAX - len(answer))
            if not part:
                break
            answer += part
        return answer
    finally:
        writer.close()


def _version(page: bytes) -> SpseVersion | None:
    try:
        text = page.decode("ascii").strip()
        if text.startswith("{"):
            text = str(json.loads(text).get("version", ""))
        return parse_version(text)
    except (ValueError, FederationError):
        return None
