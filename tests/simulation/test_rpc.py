"""gRPC over simulated roads: calls end as `grpc.aio` ends them, whatever the road does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
import structlog

from lpse.federation.errors import Refused
from lpse.runtime.channels import ErrorInterceptor, error_from
from tests.simulation.kernel import Life, SimLoop
from tests.simulation.roads import BREAK_SECONDS, Roads
from tests.simulation.rpc import Network, SimServer
from tests.simulation.trace import Trace


class Echo:
    """One handler of each kind over raw bytes."""

    def __init__(self) -> None:
        self.cancelled = 0

    async def one(self, request: bytes, context: Any) -> bytes:
        if request == b"refuse":
            raise Refused("FED-2204", "not like this", remedy="otherwise")
        if request == b"wait":
            await self._wait()
        return request.upper()

    async def many(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        for letter in request:
            yield bytes([letter])

    async def join(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        return b"".join([request async for request in requests])

    async def talk(self, requests: Any, context: Any) -> None:
        while isinstance(data := await context.read(), bytes):
            if data == b"wait":
                await self._wait()
            await context.write(data.upper())

    async def _wait(self) -> None:
        try:
            await asyncio.sleep(1e6)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class Scene:
    """A server and a caller on two machines."""

    def __init__(self) -> None:
        self.loop = SimLoop(1, Trace())
        self.roads = Roads(self.loop, 1)
        self.network = Network(self.loop, self.roads)
        self.echo = Echo()
        self.there = Life("there")
        server = SimServer(self.network, self.there, [ErrorInterceptor(structlog.get_logger())])
        handlers: dict[str, Any] = {
            "One": grpc.unary_unary_rpc_method_handler(self.echo.one),
            "Many": grpc.unary_stream_rpc_method_handler(self.echo.many),
            "Join": grpc.stream_unary_rpc_method_handler(self.echo.join),
            "Talk": grpc.stream_stream_rpc_method_handler(self.echo.talk),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Echo", handlers),))
        self.network.listen("there/door", server)
        self.here = Life("here")
        self.channel = self.network.channel(self.here, "here", "there/door")
        self.road = self.roads.between("here", "there")

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """As a program of the caller's machine."""

        async def awaited() -> None:
            await work()

        self.loop.run_until_complete(self.loop.start(self.here, awaited()))
        assert not self.loop.complaints
        self.loop.close()


def test_four_kinds_of_calls() -> None:
    """Requests and answers arrive whole and in order."""
    made = Scene()

    async def work() -> None:
        channel = made.channel
        assert await channel.unary_unary("/Echo/One")(b"a") == b"A"
        call = channel.unary_stream("/Echo/Many")(b"abc")
        assert [one async for one in call] == [b"a", b"b", b"c"]
        assert await channel.stream_unary("/Echo/Join")([b"x", b"y"]) == b"xy"
        talk = channel.stream_stream("/Echo/Talk")()
        for word in (b"one", b"two"):
            await talk.write(word)
            assert await talk.read() == word.upper()
        await talk.done_writing()
        assert await talk.read() is grpc.aio.EOF
        assert await talk.code() is grpc.StatusCode.OK
        with pytest.raises(asyncio.InvalidStateError):
            await talk.write(b"late")

    made.run(work)


def test_a_federation_error_crosses_with_its_code() -> None:
    """The real interceptor and the real reader agree over the simulated wire."""
    made = Scene()

    async def work() -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await made.channel.unary_unary("/Echo/One")(b"refuse")
        told = error_from(caught.value)
        assert (told.code, told.remedy) == ("FED-2204", "otherwise")
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await made.channel.unary_unary("/Echo/Other")(b"")
        assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED

    made.run(work)


def test_deadline_and_cancellation_reach_the_handler() -> None:
    """Whoever leaves is noticed at the other end."""
    made = Scene()

    async def work() -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await made.channel.unary_unary("/Echo/One")(b"wait", timeout=5.0)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        call = made.channel.stream_stream("/Echo/Talk")()
        await call.write(b"wait")
        await asyncio.sleep(1.0)
        assert call.cancel()
        await asyncio.sleep(1.0)
        assert made.echo.cancelled == 2

    made.run(work)


def test_a_cut_road_holds_messages_and_then_breaks_the_call() -> None:
    """A short cut only delays; a long one is UNAVAILABLE on one side, a cancelled handler there."""
    made = Scene()

    async def work() -> None:
        call = made.channel.stream_stream("/Echo/Talk")()
        await call.write(b"one")
        assert await call.read() == b"ONE"
        made.roads.cut([made.road])
        await call.write(b"two")
        await asyncio.sleep(BREAK_SECONDS / 2)
        made.roads.heal([made.road])
        assert await call.read() == b"TWO"
        made.roads.cut([made.road])
        begin = made.loop.time()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert made.loop.time() - begin == pytest.approx(BREAK_SECONDS)
        made.roads.heal([made.road])
        assert await made.channel.unary_unary("/Echo/One")(b"again") == b"AGAIN"

    made.run(work)


def test_a_dead_program_breaks_its_calls_at_once() -> None:
    """Kill -9 of the one who answers: the caller is told, and the door is shut."""
    made = Scene()

    async def work() -> None:
        call = made.channel.unary_unary("/Echo/One")(b"wait")
        await asyncio.sleep(1.0)
        made.there.over = True
        made.roads.ended(made.there)
        made.loop.end(made.there)
        for attempt in (call, made.channel.unary_unary("/Echo/One")(b"x")):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await attempt
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE

    made.run(work)


def test_slow_roads_take_time_and_keep_the_order() -> None:
    """Delay, jitter and width bend time and never the order of one direction."""
    made = Scene()
    made.road.delay, made.road.jitter, made.road.bytes_per_second = 0.3, 2.0, 1_000.0

    async def work() -> None:
        call = made.channel.stream_stream("/Echo/Talk")()
        words = [b"%03d" % number * 30 for number in range(20)]
        begin = made.loop.time()
        for word in words:
            await call.write(word)
        await call.done_writing()
        assert [await call.read() for _ in words] == words
        assert made.loop.time() - begin > sum(map(len, words)) / 1_000.0

    made.run(work)


def test_a_tap_may_change_a_frame() -> None:
    """A malformed frame is a hand on the road, not a switch in the programs."""
    made = Scene()
    made.road.tap = lambda side, data: data[:-1] if side == "client" else data

    async def work() -> None:
        assert await made.channel.unary_unary("/Echo/One")(b"abc") == b"AB"

    made.run(work)
