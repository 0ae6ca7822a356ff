"""A TCP proxy that can be cut: in the middle of a frame, for a while, or for good.

Owns the road between a node and a centre in tests. It copies bytes, counts them, and drops every
connection when told to, also after an exact number of bytes. Leaves out TLS: it sees ciphertext.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

PIECE_BYTES = 16 * 1024


class SeverableProxy:
    """Listens on loopback and forwards to one port until it is severed."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.forwarded = 0  # bytes from the caller's side
        self.connections = 0
        self._whole = True
        self._cut_after: int | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Drop everything and stop listening."""
        self.sever()
        if self._server is not None:
            self._server.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 2)

    @property
    def is_whole(self) -> bool:
        """Whether connections get through now."""
        return self._whole

    def sever(self) -> None:
        """Drop every connection, and every new one at once."""
        self._whole = False
        for writer in list(self._writers):
            writer.transport.abort()

    def mend(self) -> None:
        """Let connections through again."""
        self._whole = True
        self._cut_after = None

    def cut_after(self, more_bytes: int) -> None:
        """Sever when so many further bytes have come from the caller's side."""
        self._cut_after = self.forwarded + more_bytes

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        self.connections += 1
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(
                self._copy(reader, far_writer, counted=True),
                self._copy(far_reader, writer, counted=False),
            )
        finally:
            self._writers -= {writer, far_writer}
            writer.transport.abort()
            far_writer.transport.abort()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(PIECE_BYTES):
                if counted:
                    data = self._count(data)
                writer.write(data)
                await writer.drain()
                if not self._whole:
                    return
            writer.write_eof()

    def _count(self, data: bytes) -> bytes:
        if self._cut_after is not None and self.forwarded + len(data) >= self._cut_after:
            data = data[: max(0, self._cut_after - self.forwarded)]
            self.forwarded += len(data)
            asyncio.get_running_loop().call_soon(self.sever)
            return data
        self.forwarded += len(data)
        return data
