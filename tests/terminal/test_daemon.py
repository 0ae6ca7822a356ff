"""What both daemons do around their work."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from lpse.federation.errors import Unavailable
from lpse.runtime.clock import ManualClock
from lpse.terminal import daemon
from lpse.terminal.daemon import HealthPages, Readiness, keep_working, notify_service_manager

CLOCK = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


async def test_a_fault_in_one_worker_lets_it_begin_again() -> None:
    """Invariant 10: a worker that fails is begun again, and the others never notice."""
    begun: list[str] = []

    async def faulty() -> None:
        begun.append("faulty")
        if len(begun) < 4:
            raise ValueError("poison")

    async with asyncio.timeout(60):
        await keep_working("faulty", faulty, CLOCK)
    assert begun == ["faulty"] * 4


async def test_a_worker_that_loses_a_cancellation_is_ended_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A daemon told to stop stops, though a cancellation met an answer and was lost."""
    monkeypatch.setattr(daemon, "_CANCEL_AGAIN_SECONDS", 0.01)
    lost: list[int] = []

    async def forgetful() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if len(lost) >= 2:
                    raise
                lost.append(1)

    task = asyncio.create_task(forgetful())
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await daemon.end_all([task])
    assert task.cancelled()
    assert lost == [1, 1]


async def test_an_orderly_end_is_an_end() -> None:
    """A worker that was told to stop is not begun again."""
    begun: list[int] = []

    async def orderly() -> None:
        begun.append(1)

    await keep_working("orderly", orderly, CLOCK)
    assert begun == [1]


async def test_health_pages_tell_life_and_readiness_apart() -> None:
    """A daemon that cannot do its duty is alive and says why it is not ready."""
    now = Readiness(True)
    pages = HealthPages(lambda: now)
    port = await pages.open("127.0.0.1", 0)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/readyz")).status_code == 200
            now = Readiness(False, ("FED-1102: the disk failed",))
            assert (await client.get("/livez")).status_code == 200
            answer = await client.get("/readyz")
            assert answer.status_code == 503
            assert answer.json() == {"ready": False, "reasons": ["FED-1102: the disk failed"]}
    finally:
        await pages.close()


def test_the_service_manager_hears_when_the_daemon_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd starts what depends on the daemon after READY=1; without systemd nobody minds."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify_service_manager("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify_service_manager("READY=1")
        assert manager.recv(64) == b"READY=1"


async def test_a_taken_port_is_said_in_words() -> None:
    """FED-8025 with the address, so that an admin need not read a traceback."""
    pages = HealthPages(lambda: Readiness(True))
    port = await pages.open("127.0.0.1", 0)
    with pytest.raises(Unavailable, match=f"127.0.0.1:{port}") as refused:
        await HealthPages(lambda: Readiness(True)).open("127.0.0.1", port)
    assert refused.value.code == "FED-8025"
    await pages.close()
