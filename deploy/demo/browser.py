"""A vendor's upload program: tus 1.0.0 over HTTP, on a line that may break at any byte.

Owns one address of a grant and the requests below it. Rule: it believes answers only: what a broken
request brought is known after HEAD, never before. Leaves out what is told and judged (`online`).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import httpx

from deploy.demo.processes import DemoFailed

_VERSION: Final = {"Tus-Resumable": "1.0.0"}
_BYTES: Final = {**_VERSION, "Content-Type": "application/offset+octet-stream"}
_PIECE_BYTES: Final = 64 * 1024
_ASKING_MAX: Final = 40
_ASKING_SECONDS: Final = 0.25
_TIMEOUT: Final = httpx.Timeout(30.0)
_NO_KEEPING: Final = httpx.Limits(max_keepalive_connections=0)  # a cut line leaves none behind


@dataclass(slots=True)
class Part:
    """A file on its way; `acknowledged_bytes` is the highest offset that the node answered."""

    path: Path
    url: str
    content: bytes
    acknowledged_bytes: int = 0

    @property
    def name(self) -> str:
        """What the node calls it."""
        return self.url.rpartition("/")[2]


class Browser:
    """One vendor with one upload address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = httpx.AsyncClient(timeout=_TIMEOUT, limits=_NO_KEEPING, trust_env=False)

    async def close(self) -> None:
        """No more requests."""
        await self._client.aclose()

    async def state(self) -> dict[str, Any]:
        """What the vendor's own page shows."""
        document: dict[str, Any] = (await self.get(f"{self.address}/state")).json()
        return document

    async def get(self, address: str, *, expect: Sequence[int] = (200,)) -> httpx.Response:
        """Read an address; one that is not whole belongs to this node."""
        return await self._ask("GET", urljoin(self.address, address), expect=expect)

    async def try_begin(self, path: Path, *, expect: Sequence[int] = (201,)) -> httpx.Response:
        """Announce a file."""
        headers = {
            **_VERSION,
            "Upload-Length": str(path.stat().st_size),
            "Upload-Metadata": f"filename {base64.b64encode(path.name.encode()).decode()}",
        }
        return await self._ask("POST", f"{self.address}/files", headers, expect=expect)

    async def begin(self, path: Path) -> Part:
        """Announce a file that will be admitted."""
        answer = await self.try_begin(path)
        return Part(path, urljoin(self.address, answer.headers["Location"]), path.read_bytes())

    async def offset(self, part: Part, *, expect: Sequence[int] = (200,)) -> int:
        """What the node says it has; -1 where it knows no such file."""
        answer = await self._ask("HEAD", part.url, _VERSION, expect=expect)
        return int(answer.headers.get("Upload-Offset", -1))

    async def kept(self, part: Part) -> int:
        """What the node has after a line broke: asked again until it has noticed that, too."""
        for _ in range(_ASKING_MAX):
            if offset := await self.offset(part):
                return offset
            await asyncio.sleep(_ASKING_SECONDS)
        return 0

    async def send(
        self,
        part: Part,
        offset: int,
        size: int = 0,
        *,
        hold: tuple[int, asyncio.Event] | None = None,
    ) -> int:
        """PATCH `size` bytes, or all that are left; the status, 0 where the line broke.

        With `hold` the request falls silent after so many bytes until the event comes.
        """
        data = part.content[offset : offset + size if size else None]
        headers = {**_BYTES, "Upload-Offset": str(offset), "Content-Length": str(len(data))}
        try:
            answer = await self._client.patch(part.url, headers=headers, content=_body(data, hold))
        except httpx.TransportError:
            return 0
        if answer.status_code == httpx.codes.NO_CONTENT:
            part.acknowledged_bytes = int(answer.headers["Upload-Offset"])
        return answer.status_code

    async def submit(self, parts: Sequence[Part], *, expect: int = 201) -> dict[str, Any]:
        """Hand in whole files, in this order."""
        answer = await self._client.post(
            f"{self.address}/submit", json={"files": [part.name for part in parts]}
        )
        _check(answer, (expect,))
        document: dict[str, Any] = answer.json()
        return document

    async def finish(self) -> None:
        """Press "Finished" at a PC of the Bidding Room."""
        await self._ask("POST", f"{self.address}/finish", expect=(303,))

    async def _ask(
        self,
        method: str,
        address: str,
        headers: dict[str, str] | None = None,
        *,
        expect: Sequence[int],
    ) -> httpx.Response:
        answer = await self._client.request(method, address, headers=headers)
        _check(answer, expect)
        return answer


def _check(answer: httpx.Response, expect: Sequence[int]) -> None:
    if answer.status_code not in expect:
        told = f"{answer.request.method} with {answer.status_code}: {answer.text}"
        raise DemoFailed(f"the upload port answered {told}")


async def _body(data: bytes, hold: tuple[int, asyncio.Event] | None) -> AsyncIterator[bytes]:
    until, event = hold or (len(data), None)
    for start in range(0, len(data), _PIECE_BYTES):
        if event is not None and start >= until:
            await event.wait()
        yield data[start : start + _PIECE_BYTES]
