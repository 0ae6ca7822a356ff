"""The callers of the storm over TLS: one process, one mTLS connection per node and attempt.

Owns connecting, the prepared hello, and coming back when told, exactly as a node does: every
attempt is a handshake of its own, and a hello without an answer in the node's own time counts as
timed out. Rule: a line on stdin begins the storm, a line of JSON on stdout says what became of it.
Leaves out journals: what the hellos say was prepared by the parent.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import grpc

from lpse.federation.limits import LINK_WELCOME_SECONDS_MAX
from lpse.federation.v1 import link_pb2 as wire
from lpse.runtime import tls
from lpse.runtime.channels import open_channel

_LINK: Final = "/lpse.federation.v1.Link/Connect"
_TIMED_OUT: Final = "FED-2211"  # the centre's word for a hello that was not answered in time


class Callers:
    """All nodes of one storm."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._endpoint: str = plan["endpoint"]
        self._hellos = [
            (node["certificate"], bytes.fromhex(node["hello"])) for node in plan["nodes"]
        ]
        self._ca, self._key = plan["ca"].encode(), plan["key"].encode()
        self._open: list[grpc.aio.Channel] = []
        self._told: Counter[str] = Counter()
        self._slowest = 0.0

    async def blow(self) -> dict[str, float]:
        """Everybody at once; returns when each was welcomed, or gave up."""
        begin = time.monotonic()
        await asyncio.gather(*(self._one(*node) for node in self._hellos))
        seconds = time.monotonic() - begin
        return {"seconds": seconds, "slowest": self._slowest, **self._told}

    async def leave(self) -> None:
        """Let every session go."""
        await asyncio.gather(*(one.close() for one in self._open))

    async def _one(self, certificate: str, hello: bytes) -> None:
        credentials = grpc.ssl_channel_credentials(self._ca, self._key, certificate.encode())
        while True:
            channel = open_channel(self._endpoint, credentials, server_name=tls.CENTRE_SERVER_NAME)
            self._told["attempts"] += 1
            frame = await self._say(channel, hello)
            if frame is not None and frame.HasField("welcome"):
                self._told["welcomed"] += 1
                self._open.append(channel)
                return
            await channel.close()
            if frame is None or not frame.refusal.retry_after_seconds:
                return
            self._told["refused"] += 1
            self._told["timed_out"] += frame.refusal.code == _TIMED_OUT
            await asyncio.sleep(frame.refusal.retry_after_seconds)

    async def _say(self, channel: grpc.aio.Channel, hello: bytes) -> wire.CentralFrame | None:
        """The answer; None where the hello timed out or the connection broke."""
        connect: Any = channel.stream_stream(_LINK)
        call, begin = connect(), time.monotonic()
        try:
            async with asyncio.timeout(LINK_WELCOME_SECONDS_MAX):
                await call.write(hello)
                data = await call.read()
        except TimeoutError:
            self._told["timed_out"] += 1
            return None
        except grpc.aio.AioRpcError as error:
            self._told[f"broken: {error.details()}"[:80]] += 1
            return None
        self._slowest = max(self._slowest, time.monotonic() - begin)
        return wire.CentralFrame.FromString(data if isinstance(data, bytes) else b"")


async def main(plan: Path) -> None:
    """Read the plan, storm, and hold the sessions until stdin ends."""
    callers = Callers(json.loads(plan.read_text("utf-8")))
    _say({})
    await asyncio.to_thread(sys.stdin.readline)
    _say(await callers.blow())
    await asyncio.to_thread(sys.stdin.readline)
    await callers.leave()


def _say(told: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
