"""The uploads bench measures what it says: whole files, honest losses, a line of the right rate."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import losses, peer_programs, uploads, uploads_line
from tests.bench.losses import Acknowledged, Vendors
from tests.bench.shaped import ADDRESSES, NoNamespaces, line
from tests.bench.tus_client import TusConnection
from tests.bench.uploads_memory import GOAL_MEGABYTES


def test_the_goals_are_those_that_were_agreed() -> None:
    """Large ≥ 0.8 of the ceiling, small ≥ 2 × a peer, the line ≥ 0.97, memory < 64 MB."""
    assert (uploads.LARGE_GOAL, uploads.SMALL_GOAL) == (0.8, 2.0)
    assert (uploads_line.GOAL, GOAL_MEGABYTES) == (0.97, 64.0)


async def test_the_ceiling_stores_what_it_answers_for(tmp_path: Path) -> None:
    """The yardstick does every step: its file has the bytes that were sent."""
    ceiling = peer_programs.ceiling()
    await ceiling.start(tmp_path)
    content = random.Random(1).randbytes(3_000_000)
    try:
        connection = TusConnection(ceiling.place(0))
        await asyncio.to_thread(connection.post, "/files", content)
        connection.close()
    finally:
        ceiling.kill()
    (stored,) = [path for path in tmp_path.iterdir() if path.is_file()]
    assert stored.read_bytes() == content


class _Forgetful:
    """A system that lost one upload, changed another, and fell back with a long one."""

    name = "forgetful"

    def __init__(self, offsets: dict[str, int], stored: dict[str, bytes]) -> None:
        self.offsets, self.stored = offsets, stored

    def place(self, number: int) -> None:
        return None

    def bytes_of(self, path: str, content: bytes) -> bytes | None:
        return self.stored.get(path)


def test_what_is_lost_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing upload, a changed one, and acknowledged bytes of a long one are each a loss."""
    system = _Forgetful(
        {"/a": 3, "/b": 3, "/long": 4}, {"/a": b"aaa", "/b": b"bxb", "/long": b"0123zzzz"}
    )

    class Asked:
        def __init__(self, place: object) -> None:
            pass

        def offset(self, path: str) -> int | None:
            return system.offsets.get(path)

        def close(self) -> None:
            pass

    monkeypatch.setattr(losses, "TusConnection", Asked)
    told = Acknowledged({"/a": b"aaa", "/b": b"bbb", "/c": b"ccc"}, "/long", b"01234567", 6)
    loss = losses._compare(system, told)  # type: ignore[arg-type]  # only what is asked of it
    assert (loss.uploads, loss.uploads_lost, loss.piece_bytes_lost) == (3, 2, 2)


async def test_vendors_remember_only_what_was_acknowledged(tmp_path: Path) -> None:
    """When the server is gone at once, nothing was acknowledged."""
    ceiling = peer_programs.ceiling()  # speaks no tus: every request is a refusal
    await ceiling.start(tmp_path)
    vendors = Vendors(ceiling, 1)
    vendors.start()
    ceiling.kill()
    await asyncio.to_thread(vendors.join)
    assert vendors.snapshot().whole == {}
    assert vendors.snapshot().long_offset == 0


def test_the_line_has_the_rate_that_it_was_given(tmp_path: Path) -> None:
    """A bare TCP stream over a line of 40 Mbit/s carries less than that, and most of it."""
    size = 1_000_000
    script = uploads_line.PLAIN_TCP
    try:
        with line() as between:
            between.shape(40_000_000)
            command = [sys.executable, script, "receive", ADDRESSES[1], "5001", str(tmp_path)]
            receiver = subprocess.Popen(between.on(1, command), stdout=subprocess.PIPE)
            try:
                assert receiver.stdout is not None
                receiver.stdout.readline()
                command = [sys.executable, script, "send", ADDRESSES[1], "5001", str(size)]
                ran = subprocess.run(
                    between.on(0, command), check=True, capture_output=True, text=True
                )
            finally:
                receiver.kill()
                receiver.wait()
    except NoNamespaces as error:
        pytest.skip(f"NO SHAPED LINE HERE: {error}")
    assert (tmp_path / "received").stat().st_size == size
    assert size * 8 / float(ran.stdout) < 42_000_000
    listed = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert not any(name in listed for name in between.names)


def test_a_peer_that_cannot_be_had_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without node and npm the table goes on without that peer, and says why."""
    monkeypatch.setattr(peer_programs, "cache", lambda: tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(peer_programs, "tuspy_server", _none)
    assert uploads._peers() == {}
    assert "WITHOUT" in capsys.readouterr().err


def _none() -> peer_programs.Program:
    raise peer_programs.Unavailable("no network")
