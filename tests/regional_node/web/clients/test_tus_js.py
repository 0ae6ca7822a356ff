"""The unmodified tus-js-client against the port: complete, pause, resume, abort, cuts, kill -9."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.federation.severable import SeverableProxy
from tests.regional_node.web.clients.programs import Running, tus_js
from tests.regional_node.web.process import serving
from tests.regional_node.web.scene import TUS, Scene

MB = 1_000_000


def made(folder: Path, size: int) -> tuple[Path, str]:
    """A file of so many random bytes, and its digest."""
    data = os.urandom(size)
    path = folder / f"sealed-{size}.rhs"
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest()


async def digest_of(scene: Scene, path: str) -> list[Any]:
    """What the node says of the grant's files."""
    files = (await scene.web.get(f"{path}/state")).json()["files"]
    return [file["sha256"] for file in files]


# Without (0, True): this client itself fails to cut a body of no bytes out of a file.
@pytest.mark.parametrize(
    ("size", "with_body"),
    [(0, False), (10_000, False), (10_000, True), (10 * MB, False), (10 * MB, True)],
)
async def test_completes(scene: Scene, tmp_path: Path, size: int, with_body: bool) -> None:
    """A file of any size arrives whole, also when its bytes come with the creation."""
    file, digest = made(tmp_path, size)
    _, path = await scene.grant()
    endpoint = f"http://127.0.0.1:{scene.port}{path}/files"
    async with tus_js(endpoint=endpoint, file=str(file), withBody=with_body) as client:
        await client.until("success")
    assert await digest_of(scene, path) == [digest]


async def test_pauses_and_goes_on(scene: Scene, tmp_path: Path) -> None:
    """A pause in the middle costs no byte."""
    file, digest = made(tmp_path, 4 * MB)
    _, path = await scene.grant()
    endpoint = f"http://127.0.0.1:{scene.port}{path}/files"
    told = {"endpoint": endpoint, "file": str(file), "chunkBytes": MB, "act": "pause"}
    async with tus_js(**told) as client:
        await client.until("paused")
        await client.until("success")
    assert await digest_of(scene, path) == [digest]


async def test_aborts(scene: Scene, tmp_path: Path) -> None:
    """An abort of the client ends the file at the node: gone, with a proof of the attempt."""
    file, _ = made(tmp_path, 4 * MB)
    _, path = await scene.grant()
    endpoint = f"http://127.0.0.1:{scene.port}{path}/files"
    told = {"endpoint": endpoint, "file": str(file), "chunkBytes": MB, "act": "abort"}
    async with tus_js(**told) as client:
        url = (await client.until("aborted"))["url"]
    assert (await scene.web.head(url, headers=TUS)).status_code == 410
    assert len((await scene.web.get(f"{path}/state")).json()["attempts"]) == 1


async def test_line_is_cut_in_the_middle(scene: Scene, tmp_path: Path) -> None:
    """A connection that breaks in the middle of a request is taken up again by itself."""
    file, digest = made(tmp_path, 10 * MB)
    _, path = await scene.grant()
    line = SeverableProxy(scene.port)
    await line.start()
    try:
        line.cut_after(6 * MB)
        delays = [100] * 50
        endpoint = f"http://127.0.0.1:{line.port}{path}/files"
        async with tus_js(endpoint=endpoint, file=str(file), retryDelays=delays) as client:
            while line.is_whole:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)
            line.mend()
            await client.until("success")
        assert line.forwarded < 15 * MB  # resumed, not sent again
    finally:
        await line.stop()
    assert await digest_of(scene, path) == [digest]


async def test_program_itself_is_killed(scene: Scene, tmp_path: Path) -> None:
    """A vendor's program that dies takes its upload up again from what it remembered."""
    file, digest = made(tmp_path, 4 * MB)
    _, path = await scene.grant()
    endpoint = f"http://127.0.0.1:{scene.port}{path}/files"
    storage = str(tmp_path / "memory.json")
    told = {"endpoint": endpoint, "file": str(file), "chunkBytes": MB, "storage": storage}
    async with tus_js(**told) as client:
        await _accepted(client, 2 * MB)
        client.kill()
    async with tus_js(**{**told, "act": "resume"}) as client:
        assert (await client.until("found"))["count"] == 1
        await client.until("success")
        assert client.events[1]["bytes"] > MB
    assert await digest_of(scene, path) == [digest]


async def test_node_is_killed(tmp_path: Path) -> None:
    """Invariant 1: after kill -9 of the node and a restart the upload ends byte-identical."""
    file, digest = made(tmp_path, 10 * MB)
    folder = tmp_path / "node"
    folder.mkdir()
    async with serving(folder) as (process, port, path):
        told = {"endpoint": f"http://127.0.0.1:{port}{path}/files", "file": str(file)}
        async with tus_js(**told, chunkBytes=2 * MB, retryDelays=[200] * 100) as client:
            await _accepted(client, 4 * MB)
            process.kill()
            await process.wait()
            async with serving(folder, port, path):
                await client.until("success")
                assert await _sha256_at(port, path) == digest


async def _accepted(client: Running, size: int) -> None:
    while (await client.until("accepted"))["bytes"] < size:
        pass


async def _sha256_at(port: int, path: str) -> str:
    async with httpx.AsyncClient() as web:
        state = (await web.get(f"http://127.0.0.1:{port}{path}/state")).json()
    (file,) = state["files"]
    return str(file["sha256"])
