"""A node whose frames are written down as they cross its stream, for tests that count them.

Leaves out any change of a frame.
"""

from __future__ import annotations

from pathlib import Path

from lpse.federation.v1 import records_pb2 as records
from regional_node.link.stream import GrpcStream
from tests.federation.rig import Authority, Node


class RecordingStream:
    """The port `Stream` of the node's link over another one."""

    def __init__(self, inner: GrpcStream, frames: list[tuple[str, bytes]]) -> None:
        self._inner = inner
        self._frames = frames

    async def read(self) -> bytes | None:
        data = await self._inner.read()
        if data is not None:
            self._frames.append(("down", data))
        return data

    async def write(self, data: bytes) -> None:
        self._frames.append(("up", data))
        await self._inner.write(data)

    async def finish(self) -> None:
        await self._inner.finish()

    async def close(self) -> None:
        await self._inner.close()


class RecordingNode(Node):
    """`sessions` holds the frames of each attempt in their order: ("up" | "down", bytes)."""

    def __init__(self, authority: Authority, folder: Path, node_id: str, port: int) -> None:
        super().__init__(authority, folder, node_id, port)
        self.sessions: list[list[tuple[str, bytes]]] = []
        self.last_run = records.ReconciliationRecorded()  # kept by whoever looked

    def _connect(self) -> RecordingStream:  # type: ignore[override] # the same port
        self.sessions.append([])
        return RecordingStream(super()._connect(), self.sessions[-1])
