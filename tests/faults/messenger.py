"""A messenger who delivers twice, in the wrong order, or not at all: gRPC in the middle.

Owns a listener that stands where the centre stands, with the centre's own keys, and speaks to the
centre with the node's: only the two parties' own key files make that possible. Frames of the link
pass as bytes and are misdelivered by a seeded chance; every other call passes as it is. Rule: it
never invents a frame. Leaves out cuts and slowness of the line beneath (`road`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc

from lpse.runtime import tls
from lpse.runtime.channels import SERVER_OPTIONS, open_channel

LINK = "/lpse.federation.v1.Link/Connect"
PASSED_ON = ("retry-pushback-ms", "grpc-status-details-bin")


class Messenger:
    """Between one node and the centre; `misdelivered` counts what was done to frames."""

    def __init__(self, centre: Path, node: Path, target: str, chance: random.Random) -> None:
        """Identity folders of both, and host:port of the true centre."""
        self._server_keys = tls.server_credentials(centre / "identity", clients=True)
        self._client_keys = tls.client_credentials(node / "identity")
        self._target = target
        self._chance = chance
        self._server: grpc.aio.Server | None = None
        self.rate = 0.0  # share of frames that are misdelivered
        self.misdelivered = 0
        self.port = 0

    async def start(self) -> None:
        """Take the node's connections."""
        self._server = grpc.aio.server(options=SERVER_OPTIONS)
        self._server.add_generic_rpc_handlers((_Everything(self),))
        self.port = self._server.add_secure_port("127.0.0.1:0", self._server_keys)
        await self._server.start()

    async def stop(self) -> None:
        """Let go of every call."""
        if self._server is not None:
            await self._server.stop(0)

    async def carry(self, method: str, requests: AsyncIterator[bytes], context: Any) -> Any:
        """One call, both ways, until either side ends it."""
        channel = open_channel(self._target, self._client_keys, server_name=tls.CENTRE_SERVER_NAME)
        async with channel:
            outward = requests if method != LINK else self._confused(requests)
            make: Any = channel.stream_stream(method)
            call = make(outward)
            inward = call if method != LINK else self._confused(call)
            try:
                async for answer in inward:
                    yield answer
            except grpc.aio.AioRpcError as error:
                trailing = tuple(
                    (key, value)
                    for key, value in error.trailing_metadata() or ()
                    if key in PASSED_ON
                )
                await context.abort(error.code(), error.details() or "", trailing)
            finally:
                call.cancel()

    async def _confused(self, frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same frames, some twice, some after the next one, some never."""
        held: list[bytes] = []
        first = True
        async for frame in frames:
            act = "" if first or self._chance.random() >= self.rate else self._pick()
            first = False  # without a Hello or Welcome there is no session to confuse
            if act:
                self.misdelivered += 1
            if act == "later":
                held.append(frame)
                continue
            if act != "never":
                yield frame
            if act == "twice":
                yield frame
            while held:
                yield held.pop(0)
        for frame in held:
            yield frame

    def _pick(self) -> str:
        return self._chance.choice(("twice", "later", "later", "never"))


class _Everything(grpc.GenericRpcHandler):
    """Whatever is called goes through the messenger as a stream of bytes both ways."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger

    def service(self, details: Any) -> Any:
        """A handler for any method: on the wire every call is a stream of messages."""

        async def behave(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            with suppress(asyncio.CancelledError):
                async for answer in self._messenger.carry(details.method, requests, context):
                    yield answer

        return grpc.stream_stream_rpc_method_handler(behave)
