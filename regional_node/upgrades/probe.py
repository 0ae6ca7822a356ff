"""Asks the local service, over HTTP on loopback, which version it is and whether it is well.

Owns the reading of the two pages: health is status 200; the version page is a JSON object with
`version`, or the bare text. An answer is bounded in time and size, and whatever is wrong with it
is an answer too ("says nothing"), never an exception; what was wrong with the health page can be
had in words, as evidence of an outage. Leaves out what follows from it and the
socket (`host`).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from lpse.federation.bundles import ServiceSpec
from lpse.federation.errors import FederationError
from lpse.federation.versions import SpseVersion, parse_version
from regional_node.upgrades.host import MACHINE, Host


@dataclass(frozen=True, slots=True)
class Report:
    """What the service says of itself; `version` is None where it says nothing understandable."""

    version: SpseVersion | None
    healthy: bool


async def ask(port: int, spec: ServiceSpec, timeout_seconds: float, host: Host = MACHINE) -> Report:
    """Both pages, each within the time."""
    page = await _version_page(port, spec.version_path, timeout_seconds, host)
    version = None if page is None else _version(page)
    trouble = await complaint(port, spec.health_path, timeout_seconds, host)
    return Report(version, healthy=not trouble)


async def complaint(
    port: int, health_path: str, timeout_seconds: float, host: Host = MACHINE
) -> str:
    """What a look at the health page saw instead of status 200; empty where the service is well."""
    try:
        async with asyncio.timeout(timeout_seconds):
            status, _ = await _exchange(host, port, health_path, with_body=False)
    except TimeoutError:
        return "the service did not answer in time"
    except OSError:
        return "the service refused the connection"
    return "" if status == 200 else f"the service answered with status {status}"


async def _version_page(port: int, path: str, timeout_seconds: float, host: Host) -> bytes | None:
    try:
        async with asyncio.timeout(timeout_seconds):
            status, body = await _exchange(host, port, path, with_body=True)
    except (OSError, TimeoutError):
        return None
    return body if status == 200 else None


async def _exchange(host: Host, port: int, path: str, *, with_body: bool) -> tuple[int, bytes]:
    """Status (0: not HTTP) and body of one page."""
    answer = await host.page(port, path, with_body=with_body)
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    proper = len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1].isdigit()
    return (int(words[1]) if proper else 0), body


def _version(page: bytes) -> SpseVersion | None:
    try:
        text = page.decode("ascii").strip()
        if text.startswith("{"):
            text = str(json.loads(text).get("version", ""))
        return parse_version(text)
    except (ValueError, FederationError):
        return None
