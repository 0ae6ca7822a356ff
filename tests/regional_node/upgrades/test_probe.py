"""Asking a service that answers well, badly, slowly or not at all."""

from __future__ import annotations

import asyncio

import pytest

from lpse.federation.bundles import ServiceSpec
from lpse.federation.versions import parse_version
from regional_node.upgrades.probe import Report, ask

SPEC = ServiceSpec(("serve",), "/version", "/health", 10, 5)


async def answered(answer: bytes, pause_seconds: float = 0) -> Report:
    """The report when every page of a service answers `answer`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(pause_seconds)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        return await ask(server.sockets[0].getsockname()[1], SPEC, 0.3)


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (b'{"version": "v4.5u20250321", "name": "SPSE"}', "v4.5u20250321"),
        (b"3.6\n", "3.6"),
        (b"<html>3.6</html>", None),
        (b'{"version": 3.6}', "3.6"),
        (b'{"version": ', None),
        (b"{}", None),
        (b"\xff", None),
        (b"3.6" + b" " * 10_000, "3.6"),
    ],
)
async def test_version_page(body: bytes, version: str | None) -> None:
    """JSON with `version` or the bare text; anything else says nothing."""
    report = await answered(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n" + body)
    assert report == Report(parse_version(version) if version else None, healthy=True)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 503 Sibuk\r\n\r\n3.6", b"HTTP/1.1", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n"],
)
async def test_anything_but_200_is_not_well(answer: bytes) -> None:
    """A wrong status, a foreign protocol and silence are answers, never exceptions."""
    assert await answered(answer) == Report(None, healthy=False)


async def test_slow_answer_is_no_answer() -> None:
    """Invariant 12: a probe ends in its time."""
    assert await answered(b"HTTP/1.0 200 OK\r\n\r\n3.6", 5) == Report(None, healthy=False)


async def test_nobody_there_is_an_answer() -> None:
    """A closed port is a service that does not answer."""
    assert await ask(1, SPEC, 1) == Report(None, healthy=False)
