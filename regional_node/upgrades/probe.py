"""Asks the local service, over HTTP on loopback, which version it is and whether it is well.

Owns the reading of the two pages: health is status 200; the version page is a JSON object with
`version`, or the bare text. An answer is bounded in time and size, and whatever is wrong with it
is an answer too ("says nothing"), never an exception; what was wrong with the health page can be
had in words, as evidence of an outage. Leaves out what follows from it.
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
    page = await _version_page(port, spec.version_path, timeout_seconds)
    version = None if page is None else _version(page)
    trouble = await complaint(port, spec.health_path, timeout_seconds)
    return Report(version, healthy=not trouble)


async def complaint(port: int, health_path: str, timeout_seconds: float) -> str:
    """What a look at the health page saw instead of status 200; empty where the service is well."""
    try:
        async with asyncio.timeout(timeout_seconds):
            status, _ = await _exchange(port, health_path, with_body=False)
    except TimeoutError:
        return "the service did not answer in time"
    except OSError:
        return "the service refused the connection"
    return "" if status == 200 else f"the service answered with status {status}"


async def _version_page(port: int, path: str, timeout_seconds: float) -> bytes | None:
    try:
        async with asyncio.timeout(timeout_seconds):
            status, body = await _exchange(port, path, with_body=True)
    except (OSError, TimeoutError):
        return None
    return body if status == 200 else None


async def _exchange(port: int, path: str, *, with_body: bool) -> tuple[int, bytes]:
    """Status (0: not HTTP) and body of one page."""
    answer = await _request(port, path, with_body=with_body)
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    proper = len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1].isdigit()
    return (int(words[1]) if proper else 0), body


async def _request(port: int, path: str, *, with_body: bool) -> bytes:
    """One HTTP/1.0 request (no keep-alive, no chunks); reads no more than it needs or may."""
    reader, writer = await asyncio.open_connection(_HOST, port)
    try:
        request = f"GET {path} HTTP/1.0\r\nHost: {_HOST}:{port}\r\nAccept: */*\r\n\r\n"
        writer.write(request.encode("ascii"))
        await writer.drain()
        answer = b""
        while len(answer) < limits.SERVICE_PAGE_BYTES_MAX:
            part = await reader.read(limits.SERVICE_PAGE_BYTES_MAX - len(answer))
            answer += part
            if not part or (not with_body and b"\r\n" in answer):
                break
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
