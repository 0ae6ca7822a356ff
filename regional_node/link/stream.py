"""The port `Stream` over gRPC: one mTLS channel per attempt, raw frames.

Owns the opening and closing of one stream. Rule: a stream ends by its frames; it is cancelled only
when the other side does not end it in time. Leaves out the frames.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc

from lpse.federation.limits import LINK_CLOSE_SECONDS_MAX
from lpse.runtime.channels import error_from

_METHOD = "/lpse.federation.v1.Link/Connect"


class GrpcStream:
    """A stream on a channel of its own."""

    def __init__(self, open_channel: Callable[[], grpc.aio.Channel]) -> None:
        self._channel = open_channel()
        connect: Any = self._channel.stream_stream(_METHOD)  # no serialisers: bytes stay bytes
        self._call = connect()

    async def read(self) -> bytes | None:
        """The next frame; None at the orderly end."""
        try:
            data = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise error_from(error) from error
        return data if isinstance(data, bytes) else None  # grpc.aio.EOF at the end

    async def write(self, data: bytes) -> None:
        """Send one frame."""
        try:
            await self._call.write(data)
        except grpc.aio.AioRpcError as error:
            raise error_from(error) from error
        except asyncio.InvalidStateError as error:
            raise ConnectionError("the stream has ended") from error

    async def finish(self) -> None:
        """Half-close."""
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await self._call.done_writing()

    async def close(self) -> None:
        """Half-close, give the centre a moment to end the stream, then let go."""
        if not self._call.done():
            await self.finish()
            with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError, TimeoutError):
                async with asyncio.timeout(LINK_CLOSE_SECONDS_MAX):
                    while isinstance(await self._call.read(), bytes):
                        pass
            self._call.cancel()
        await self._channel.close()
