"""The demonstration's own parts: the severable road, and what an interruption leaves behind."""

from __future__ import annotations

import ast
import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

from deploy.demo.links import Links
from deploy.demo.processes import Processes
from deploy.demo.scenario import NAMES, read_scenario
from deploy.demo.secrecy import judge_secrecy
from deploy.demo.story import Story
from deploy.demo.vendors import Vendors
from lpse.terminal.words import Words
from tests.federation.demonstration import ROOT, command, left_behind


@pytest.fixture
async def links(tmp_path: Path) -> AsyncIterator[Links]:
    links = Links(Processes(tmp_path, dict(os.environ)))
    await links.start()
    yield links
    await links.close()


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


async def test_a_cut_link_aborts_and_a_restored_one_carries_again(links: Links, echo: int) -> None:
    """A cut ends what is open and lets nothing new pass; afterwards bytes flow again."""
    port = await links.open("node", echo)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    await links.cut("node")
    with suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    assert not await _carries(port)
    await links.restore("node")
    assert await _carries(port)
    assert (await links.figures("node")).cuts == 1


async def test_a_link_can_be_cut_in_the_middle_of_a_message(links: Links, echo: int) -> None:
    """After the given number of bytes the cut comes by itself, and counts what had passed."""
    port = await links.open("node", echo)
    await links.cut_after("node", 300_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(bytes(40 * 65_536))
    with suppress(ConnectionError):
        while await reader.read(65_536):
            pass
    writer.close()
    figures = await links.figures("node")
    assert figures.cut
    assert 300_000 <= figures.up_bytes < 40 * 65_536


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_end_of_the_driver_takes_every_process_along(number: signal.Signals) -> None:
    """Ctrl-C gives status 130; neither it nor `kill -9` leaves a daemon or a service running."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        folder = Path(name)
        process = subprocess.Popen(
            command("kalsel-2021", folder),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        give_up = time.monotonic() + 90
        while not list(folder.glob("**/service.lock")) and time.monotonic() < give_up:
            if process.poll() is not None:
                break
            time.sleep(0.1)
        running = left_behind(folder)
        process.send_signal(number)
        told, complaints = process.communicate(timeout=60)
        assert len(running) > 3, complaints
        assert process.returncode == (130 if number is signal.SIGINT else -signal.SIGKILL)
        assert told == ""
        give_up = time.monotonic() + 20
        while left_behind(folder) and time.monotonic() < give_up:
            time.sleep(0.1)
        assert not left_behind(folder)


def test_an_upload_address_in_a_log_breaks_a_promise(tmp_path: Path) -> None:
    """Whoever reads an address may upload with it: the judge looks for them in every log."""
    story = Story(StringIO(), "Asia/Jakarta", datetime(2015, 3, 27, tzinfo=UTC))
    vendors = Vendors(7)
    vendors.addresses.append("j3k5m7n9p2r4t6v8")
    log = tmp_path / "logs" / "lpse-pacitan.log"
    log.parent.mkdir()
    for said, kept in (("GET /g/", True), ("GET /g/j3k5m7n9p2r4t6v8/state", False)):
        log.write_text(said)
        judge_secrecy(story, vendors, log.parent, tmp_path, ())
        found = [one for one in story.promises if one.name.startswith("no-log-names")][-1]
        assert found.kept is kept


def test_every_line_of_the_story_exists_in_indonesian() -> None:
    """Whatever the demonstration tells in English, it can tell in Indonesian."""
    words = Words("id")
    words.load(ROOT / "deploy" / "demo" / "locale")
    texts = {text for path in (ROOT / "deploy/demo").glob("*.py") for text in _told(path)}
    texts |= {read_scenario(name).title for name in NAMES}
    assert len(texts) > 60
    assert not {text for text in texts if not words.knows(text)}


def _told(path: Path) -> list[str]:
    """Message ids that a module gives to the story, or to the catalogue itself."""
    places = {"tell": 1, "promise": 2}
    found: list[ast.expr] = []
    for call in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        if isinstance(call.func, ast.Name) and call.func.id == "say":
            found += call.args[:1]
        elif isinstance(call.func, ast.Attribute) and call.func.attr in places:
            place = places[call.func.attr]
            found += call.args[place : place + 1]
        elif isinstance(call.func, ast.Attribute) and call.func.attr == "table":
            found += getattr(call.args[0], "elts", [])
    return [str(one.value) for one in found if isinstance(one, ast.Constant)]


async def _carries(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x")
        carried = await reader.read(1) == b"x"
        writer.close()
    except OSError:
        return False
    return carried
