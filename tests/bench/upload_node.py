"""Our node as the uploads bench drives it: the real program, with grants for many uploads.

Owns the founding (a centre that enrols the node once and then is gone, as in an outage), the node's
process, and the addresses that grants gave. Rule: nothing of the product is switched off but the
limits per address, which one client alone would meet. Leaves out what is uploaded.
"""

from __future__ import annotations

import asyncio
import os
import signal
import urllib.parse
from hashlib import sha256
from pathlib import Path
from typing import Final

from lpse.intake.v1 import grants_pb2 as wire
from lpse.intake.v1 import submissions_pb2
from lpse.intake.v1.grants_pb2_grpc import GrantsStub
from lpse.runtime.channels import open_local_channel
from tests.bench.tus_client import Place
from tests.faults.world import PACKAGES, Founding, Node, free_ports

NODE_ID: Final = "lpse-pacitan"
FILES_EACH: Final = 50
NO_ROAD: Final = 9  # nobody listens there: the centre is away


class UploadNode:
    """A system of the bench; see `peer_programs.System`."""

    name = "ours"

    def __init__(self, founding: Founding) -> None:
        self.founding = founding
        self._node: Node | None = None
        self._port = 0
        self._paths: list[str] = []
        self._each = FILES_EACH

    @property
    def pid(self) -> int:
        """Of the running node."""
        assert self._node is not None
        assert self._node.process is not None
        return self._node.process.pid

    async def start(self, folder: Path) -> None:
        """Run from a copy of the founding in `folder`, or from what is there already."""
        data = folder / NODE_ID
        if not data.exists():
            await asyncio.to_thread(self.founding.copy, folder)
        (self._port,) = free_ports(1)
        self._node = Node(NODE_ID, data, NO_ROAD)
        self._node.environment |= {
            "LPSE_NODE__UPLOAD__LISTEN": f"127.0.0.1:{self._port}",
            "LPSE_NODE__UPLOAD__CONNECTIONS_PER_ADDRESS_MAX": "2048",
            "LPSE_NODE__UPLOAD__REQUESTS_PER_SECOND": "100000",
            "LPSE_NODE__INTAKE__UPLOAD_BYTES_MAX": str(4 << 30),
        }
        await self._node.start()

    async def expect(self, uploads: int, *, each: int = FILES_EACH) -> None:
        """New grants for so many uploads, `each` of them with one grant."""
        assert self._node is not None
        self._each = each
        self._paths = await make_grants(self._node.socket, -(-uploads // each))

    def place(self, number: int) -> Place:
        """Where the upload of this number goes."""
        path = self._paths[number // self._each % len(self._paths)] if self._paths else ""
        return Place("127.0.0.1", self._port, path)

    def bytes_of(self, path: str, content: bytes) -> bytes | None:
        """Whole files by their digest; those still coming in as their part."""
        assert self._node is not None
        blobs = self._node.data / "blobs"
        name = sha256(content).hexdigest()
        for file in (
            blobs / "sha256" / name[:2] / name,
            blobs / "incoming" / f"{path.rpartition('/')[2]}.part",
        ):
            if file.is_file():
                return file.read_bytes()
        return None

    def freeze(self) -> None:
        """See System."""
        os.killpg(self.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """`kill -9`."""
        if self._node is not None:
            self._node.end()


async def make_grants(socket: Path, count: int) -> list[str]:
    """Paths under which files are created, one for each new grant."""
    requests = [
        wire.CreateGrantRequest(
            package=package,
            details_json=b'{"vendor": "PT Sumber Makmur"}',
            channel=submissions_pb2.CHANNEL_DIRECT,
        )
        for package in PACKAGES
    ]
    async with open_local_channel(socket) as channel:
        stub = GrantsStub(channel)
        made = [(await stub.CreateGrant(requests[n % len(requests)])).url for n in range(count)]
    return [f"{urllib.parse.urlsplit(url).path}/files" for url in made]


async def found(folder: Path) -> Founding:
    """The founding of all nodes of one run, made in a thread (it has a loop of its own)."""
    return await asyncio.to_thread(Founding, folder)
