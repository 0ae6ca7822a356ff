"""The unmodified tuspy against the port: complete, pause, resume, checksum, cuts."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.uploader.uploader import Uploader

from tests.federation.severable import SeverableProxy
from tests.regional_node.web.scene import Scene

MB = 1_000_000


def uploader(base: str, path: str, file: Path, **fields: Any) -> Uploader:
    """tuspy on its way to the grant."""
    client = TusClient(f"{base}{path}/files")
    return client.uploader(str(file), metadata={"filename": file.name}, **fields)


def made(folder: Path, size: int) -> tuple[Path, str]:
    """A file of so many random bytes, and its digest."""
    data = os.urandom(size)
    file = folder / f"sealed-{size}.rhs"
    file.write_bytes(data)
    return file, hashlib.sha256(data).hexdigest()


async def digests(scene: Scene, path: str) -> list[Any]:
    """What the node says of the grant's files."""
    files = (await scene.web.get(f"{path}/state")).json()["files"]
    return [file["sha256"] for file in files]


@pytest.mark.parametrize("size", [0, 10_000, 10 * MB])
async def test_completes(scene: Scene, tmp_path: Path, size: int) -> None:
    """A file of any size arrives whole."""
    file, digest = made(tmp_path, size)
    _, path = await scene.grant()
    base = f"http://127.0.0.1:{scene.port}"
    await asyncio.to_thread(lambda: uploader(base, path, file, chunk_size=3 * MB).upload())
    assert await digests(scene, path) == [digest]


async def test_checksums_of_every_chunk(scene: Scene, tmp_path: Path) -> None:
    """The program's own checksums are understood and agree."""
    file, digest = made(tmp_path, 2 * MB)
    _, path = await scene.grant()
    base = f"http://127.0.0.1:{scene.port}"
    fields = {"chunk_size": MB // 2, "upload_checksum": True}
    await asyncio.to_thread(lambda: uploader(base, path, file, **fields).upload())
    assert await digests(scene, path) == [digest]


async def test_pauses_and_another_program_goes_on(scene: Scene, tmp_path: Path) -> None:
    """A second program that knows the address goes on where the first one stopped."""
    file, digest = made(tmp_path, 4 * MB)
    _, path = await scene.grant()
    base = f"http://127.0.0.1:{scene.port}"
    first = uploader(base, path, file, chunk_size=MB)
    await asyncio.to_thread(lambda: first.upload(stop_at=2 * MB))
    second = await asyncio.to_thread(
        lambda: uploader(base, path, file, chunk_size=MB, url=first.url)
    )
    assert second.offset == 2 * MB
    await asyncio.to_thread(second.upload)
    assert await digests(scene, path) == [digest]


async def test_line_is_cut_in_the_middle(scene: Scene, tmp_path: Path) -> None:
    """A cut in the middle of a chunk is survived by the program's own retries."""
    file, digest = made(tmp_path, 6 * MB)
    _, path = await scene.grant()
    line = SeverableProxy(scene.port)
    await line.start()
    try:
        line.cut_after(3 * MB + 500_000)
        base = f"http://127.0.0.1:{line.port}"
        fields = {"chunk_size": MB, "retries": 60, "retry_delay": 0.1}
        sending = asyncio.create_task(
            asyncio.to_thread(lambda: uploader(base, path, file, **fields).upload())
        )
        while line.is_whole:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        line.mend()
        await sending
    finally:
        await line.stop()
    assert await digests(scene, path) == [digest]
