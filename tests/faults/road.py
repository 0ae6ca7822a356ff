"""A road that can be cut anywhere and can be slow.

Owns the rate of a severable proxy. Rule: slowness delays bytes and never changes them. Leaves out
what is above TCP (`messenger`).
"""

from __future__ import annotations

import asyncio

from tests.federation.severable import PIECE_BYTES, SeverableProxy


class Road(SeverableProxy):
    """Between a node and the centre; `bytes_per_second` of 0 means as fast as it goes."""

    bytes_per_second = 0.0

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        try:
            while data := await reader.read(PIECE_BYTES):
                if self.bytes_per_second:
                    await asyncio.sleep(len(data) / self.bytes_per_second)
                if counted:
                    data = self._count(data)
                writer.write(data)
                await writer.drain()
                if not self.is_whole:
                    return
            writer.write_eof()
        except OSError:
            writer.transport.abort()  # a reset is passed on, as a cable passes it
