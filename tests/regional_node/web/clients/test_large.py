"""Large files through the real programs: whole, and in bounded memory of the node.

100 MB in every run; 500 MB and 2 GB where LPSE_LONG_UPLOADS is set (a minute, 6 GB of disk).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from pathlib import Path

import httpx
import pytest

from tests.regional_node.web.clients.programs import tus_js
from tests.regional_node.web.clients.test_tuspy import uploader
from tests.regional_node.web.process import serving

MB = 1_000_000
SIZES = [100 * MB, 500 * MB, 2_000 * MB] if os.environ.get("LPSE_LONG_UPLOADS") else [100 * MB]
GROWTH_KB_MAX = 64 * 1024


def written(path: Path, size: int) -> str:
    """A file of so many bytes that never repeat, in little memory; its digest."""
    digest, stream = hashlib.sha256(), hashlib.shake_128(os.urandom(16))
    with path.open("wb") as file:
        for number in range(0, size, MB):
            stream.update(number.to_bytes(8, "big"))
            piece = stream.digest(1_000) * 1_000
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def peak_kb(pid: int) -> int:
    """The most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("program", ["tus-js-client", "tuspy"])
async def test_large_file_in_bounded_memory(tmp_path: Path, program: str, size: int) -> None:
    """However large the file, the node's memory grows by less than 64 MB."""
    file = tmp_path / "large.rhs"
    digest = await asyncio.to_thread(written, file, size)
    folder = tmp_path / "node"
    folder.mkdir()
    async with serving(folder) as (process, port, path), httpx.AsyncClient(timeout=60) as web:
        base = f"http://127.0.0.1:{port}"
        await web.get(f"{base}{path}/state")
        before, begun = peak_kb(process.pid), asyncio.get_running_loop().time()
        if program == "tuspy":
            await asyncio.to_thread(lambda: uploader(base, path, file, chunk_size=50 * MB).upload())
        else:
            async with tus_js(endpoint=f"{base}{path}/files", file=str(file)) as client:
                await client.until("success")
        seconds = asyncio.get_running_loop().time() - begun
        grown = peak_kb(process.pid) - before
        (stored,) = (await web.get(f"{base}{path}/state")).json()["files"]
    print(
        f"{program} {size // MB} MB: {seconds:.1f} s, {size / seconds / MB:.0f} MB/s, +{grown} kB"
    )
    assert stored["sha256"] == digest
    assert grown < GROWTH_KB_MAX
    file.unlink()
    shutil.rmtree(folder)
