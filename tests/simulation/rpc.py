"""gRPC without sockets: real stubs and real servicers, real bytes, over simulated roads.

Owns a channel and a server that behave as `grpc.aio` does, as far as this product can tell: four
kinds of calls, flow control, deadlines, cancellation in both directions, statuses with trailing
metadata, interceptors, and who is calling. Rules: every message is serialised and parsed; the
handler of a call whose caller is gone is cancelled; a broken road is UNAVAILABLE. Leaves out what
roads do to messages (`roads`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any, Final, Self

import grpc

from lpse.federation.limits import MESSAGE_BYTES_MAX
from tests.simulation.kernel import Life, SimLoop
from tests.simulation.roads import BREAK_SECONDS, Road, Roads

WINDOW_BYTES: Final = 256 * 1024
_END: Final = object()
_FINISHED: Final = "the call is finished already"
Status = tuple[grpc.StatusCode, str, tuple[tuple[str, Any], ...]]
_GONE: Final[Status] = (grpc.StatusCode.UNAVAILABLE, "the connection is gone", ())
_CANCELLED: Final[Status] = (grpc.StatusCode.CANCELLED, "cancelled by the caller", ())


class Pipe:
    """One direction of a call."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self.queue: deque[Any] = deque()
        self.under_way = 0
        self.closed = False  # nothing more will come, and nobody may write
        self._readers: deque[Any] = deque()
        self._writers: deque[Any] = deque()

    async def room(self) -> None:
        """Wait until the receiver has taken enough."""
        while self.under_way > WINDOW_BYTES and not self.closed:
            waiter = self._loop.create_future()
            self._writers.append(waiter)
            await waiter

    def arrive(self, item: Any) -> None:
        """Something is there."""
        self.queue.append(item)
        _wake(self._readers)

    async def take(self) -> Any:
        """The next message, or `_END`."""
        while not self.queue:
            if self.closed:
                return _END
            waiter = self._loop.create_future()
            self._readers.append(waiter)
            await waiter
        item = self.queue[0]
        if item is _END:
            return _END
        self.queue.popleft()
        self.under_way -= len(item)
        _wake(self._writers)
        return item

    def close(self) -> None:
        """Whoever waits finds the end."""
        self.closed = True
        for waiters in (self._readers, self._writers):
            while waiters:
                _wake(waiters)


def _wake(waiters: deque[Any]) -> None:
    while waiters:
        waiter = waiters.popleft()
        if not waiter.done():
            waiter.set_result(None)
            return


@dataclass
class Exchange:
    """One call, as both sides share it."""

    network: Network
    method: str
    road: Road
    number: int
    lives: tuple[Life, Life]  # of the caller and of the one who answers
    certificate: bytes
    up: Pipe
    down: Pipe
    on_status: Callable[[Status], None]
    handler: asyncio.Task[None] | None = None
    status: Status | None = None  # as the caller knows it

    def send(self, data: bytes, *, outward: bool) -> None:
        """Put a message on the road; it is parsed at the other end."""
        if self.lives[not outward].over:
            return
        pipe = self.up if outward else self.down
        if self.road.tap is not None:
            data = self.road.tap("client" if outward else "server", data)
        if self.road.meddler is None:
            self._put(pipe, data, outward=outward)
            return
        for one in self.road.meddler(self.method, "client" if outward else "server", data):
            self._put(pipe, one, outward=outward)

    def _put(self, pipe: Pipe, data: bytes, *, outward: bool) -> None:
        pipe.under_way += len(data)
        words = self._words(outward)
        roads = self.network.roads

        def arrive() -> None:
            if not pipe.closed:
                roads.told(self.road, words, data)
                pipe.arrive(data)

        roads.carry(self.road, self.lives[outward], len(data), arrive, outward=outward)

    def half_close(self) -> None:
        """The caller will write no more."""
        if self.lives[0].over:
            return
        arrive = self.up.arrive
        self.network.roads.carry(self.road, self.lives[1], 0, lambda: arrive(_END), outward=True)

    def answer(self, status: Status) -> None:
        """The handler is done: its status follows the last message."""

        def arrive() -> None:
            self.settle(status)

        self.network.roads.carry(self.road, self.lives[0], 0, arrive, outward=False)

    def settle(self, status: Status) -> None:
        """The caller learns how it ended; the first word counts."""
        self.road.calls.pop(self.number, None)
        if self.status is None:
            self.status = status
            self.up.close()
            self.down.arrive(_END)
            if status[0] is not grpc.StatusCode.OK:
                self.down.close()
            self.on_status(status)

    def cancel(self, status: Status) -> None:
        """The caller leaves; the handler hears of it after the way there."""
        if self.status is not None or self.lives[0].over:
            return
        self.settle(status)
        self.network.roads.carry(self.road, self.lives[1], 0, self.stop_handler, outward=True)

    def break_off(self) -> None:
        """The connection is gone for both sides."""
        self.settle(_GONE)
        self.stop_handler()

    def stop_handler(self) -> None:
        """The one who answers finds its caller gone."""
        self.up.close()
        if self.handler is not None and not self.lives[1].over:
            self.handler.cancel()

    def _words(self, outward: bool) -> str:
        one, other = self.lives[not outward].name, self.lives[outward].name
        return f"{one}>{other} {self.method.rpartition('/')[2]}"


class Network:
    """Who listens where, over which roads."""

    def __init__(self, loop: SimLoop, roads: Roads) -> None:
        self.loop = loop
        self.roads = roads
        self.numbers = count(1)
        self._listening: dict[str, SimServer] = {}

    def listen(self, address: str, server: SimServer) -> None:
        """`address` is `machine/door`."""
        self._listening[address] = server

    def at(self, address: str) -> SimServer | None:
        """Who answers there now."""
        server = self._listening.get(address)
        return None if server is None or server.life.over else server

    def channel(self, life: Life, machine: str, address: str, certificate: bytes = b"") -> Any:
        """A channel of a program to a door."""
        road = self.roads.between(machine, address.partition("/")[0])
        return SimChannel(self, life, road, address, certificate)


@dataclass
class SimChannel:
    """What a generated stub uses of `grpc.aio.Channel`."""

    network: Network
    life: Life
    road: Road
    address: str
    certificate: bytes
    calls: list[SimCall] = field(default_factory=list)

    def unary_unary(self, method: str, *coders: Any, **more: Any) -> Any:
        return self._kind(method, more, streams=(False, False))

    def unary_stream(self, method: str, *coders: Any, **more: Any) -> Any:
        return self._kind(method, more, streams=(False, True))

    def stream_unary(self, method: str, *coders: Any, **more: Any) -> Any:
        return self._kind(method, more, streams=(True, False))

    def stream_stream(self, method: str, *coders: Any, **more: Any) -> Any:
        return self._kind(method, more, streams=(True, True))

    def _kind(self, method: str, more: dict[str, Any], *, streams: tuple[bool, bool]) -> Any:
        write = more.get("request_serializer") or bytes
        read = more.get("response_deserializer") or bytes

        def call(request: Any = None, *, timeout: float | None = None, **_: Any) -> SimCall:
            self.calls = [one for one in self.calls if not one.done()]
            made = SimCall(self, method, (write, read), streams)
            self.calls.append(made)
            made.begin(request, timeout)
            return made

        return call

    async def close(self, grace: float | None = None) -> None:
        """Every call on it ends."""
        for call in self.calls:
            call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


class SimCall:
    """A call as its caller sees it."""

    def __init__(
        self, channel: SimChannel, method: str, coders: tuple[Any, Any], streams: tuple[bool, bool]
    ) -> None:
        network = channel.network
        self._loop = network.loop
        self._write, self._read = coders
        self._streams = streams
        self._half_closed = False
        self._writing: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._settled: Any = self._loop.create_future()
        server = network.at(channel.address)
        self.exchange = Exchange(
            network,
            method,
            channel.road,
            next(network.numbers),
            (channel.life, server.life if server else network.loop.world),
            channel.certificate,
            Pipe(network.loop),
            Pipe(network.loop),
            self._on_status,
        )
        self._server = server

    def begin(self, request: Any, timeout: float | None) -> None:
        """Knock; a request that is there already goes along."""
        exchange, road = self.exchange, self.exchange.road
        if self._server is None or not road.up:
            wait = 0.0 if road.up else BREAK_SECONDS
            when = self._loop.time() + wait + road.delay
            self._loop.call_exact(when, exchange.settle, _GONE, life=exchange.lives[0])
        else:
            road.calls[exchange.number] = exchange
            knock = self._server.knocked
            exchange.network.roads.carry(
                road, self._server.life, 0, lambda: knock(exchange), outward=True
            )
        if timeout is not None:
            late: Status = (grpc.StatusCode.DEADLINE_EXCEEDED, "too late", ())
            self._deadline = self._loop.call_later(timeout, exchange.cancel, late)
        if not self._streams[0]:
            exchange.send(self._write(request), outward=True)
            self._half_closed = True
            exchange.half_close()
        elif request is not None:
            self._writing = self._loop.create_task(self._write_all(request))

    async def _write_all(self, requests: Any) -> None:
        try:
            if hasattr(requests, "__aiter__"):
                async for request in requests:
                    await self.write(request)
            else:
                for request in requests:
                    await self.write(request)
            await self.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return  # the status tells it

    async def write(self, message: Any) -> None:
        if self.done():
            raise asyncio.InvalidStateError(_FINISHED)
        if self._half_closed:
            raise asyncio.InvalidStateError("writing is over")
        await self.exchange.up.room()
        if self.done():
            self._raise_for_status()
            raise asyncio.InvalidStateError(_FINISHED)
        data = self._write(message)
        if len(data) > MESSAGE_BYTES_MAX:
            large = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Sent message larger than max", ())
            self.exchange.cancel(large)
            self._raise_for_status()
        self.exchange.send(data, outward=True)

    async def done_writing(self) -> None:
        if not self.done() and not self._half_closed:
            self._half_closed = True
            self.exchange.half_close()

    async def read(self) -> Any:
        item = await self.exchange.down.take()
        if item is _END:
            self._raise_for_status()
            return grpc.aio.EOF
        return self._read(item)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[Any]:
        while (message := await self.read()) is not grpc.aio.EOF:
            yield message

    def __await__(self) -> Any:
        return self._response().__await__()

    async def _response(self) -> Any:
        try:
            item = await self.exchange.down.take()
            if item is not _END:
                end = await self.exchange.down.take()
                assert end is _END
        except asyncio.CancelledError:
            self.cancel()
            raise
        self._raise_for_status()
        return self._read(item)

    def cancel(self) -> bool:
        was_open = not self.done()
        self.exchange.cancel(_CANCELLED)
        return was_open

    def done(self) -> bool:
        return self.exchange.status is not None

    def cancelled(self) -> bool:
        return self.exchange.status is _CANCELLED

    async def code(self) -> grpc.StatusCode:
        status: Status = await self._settled
        return status[0]

    async def details(self) -> str:
        status: Status = await self._settled
        return status[1]

    async def initial_metadata(self) -> Any:
        return grpc.aio.Metadata()

    async def trailing_metadata(self) -> Any:
        return grpc.aio.Metadata(*(await self._settled)[2])

    async def wait_for_connection(self) -> None:
        if self.done():
            self._raise_for_status()

    def _on_status(self, status: Status) -> None:
        if not self._settled.done():
            self._settled.set_result(status)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._writing is not None:
            self._writing.cancel()

    def _raise_for_status(self) -> None:
        status = self.exchange.status
        if status is None or status[0] is grpc.StatusCode.OK:
            return
        if status is _CANCELLED:
            raise asyncio.CancelledError
        code, details, trailing = status
        raise grpc.aio.AioRpcError(
            code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details=details
        )


class SimServer:
    """What the product uses of `grpc.aio.Server`."""

    def __init__(self, network: Network, life: Life, interceptors: Sequence[Any] = ()) -> None:
        self.network = network
        self.life = life
        self._interceptors = interceptors
        self._handlers: list[Any] = []
        self._known: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self._handlers += handlers

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """The generic ones say the same."""

    def knocked(self, exchange: Exchange) -> None:
        """A call arrives."""
        loop = self.network.loop
        exchange.handler = loop.start(self.life, self._serve(exchange))

    async def _serve(self, exchange: Exchange) -> None:
        context = SimContext(exchange)
        status: Status = (grpc.StatusCode.OK, "", ())
        try:
            handler = await self._find(exchange.method)
            if handler is None:
                status = (grpc.StatusCode.UNIMPLEMENTED, "Method not found!", ())
            else:
                await _run(handler, exchange, context)
        except grpc.aio.AbortError:
            status = context.status
        except asyncio.CancelledError:
            status = (grpc.StatusCode.CANCELLED, "the handler was cancelled", ())
        except Exception as error:
            status = (grpc.StatusCode.UNKNOWN, f"Unexpected {type(error).__name__}", ())
        exchange.up.close()
        exchange.answer(status)

    async def _find(self, method: str) -> Any:
        """The handler behind every interceptor, the first one outermost."""
        if method not in self._known:
            details: Any = SimpleNamespace(method=method, invocation_metadata=())

            async def innermost(asked: Any) -> Any:
                found = (handler.service(asked) for handler in self._handlers)
                return next((one for one in found if one is not None), None)

            chain: Any = innermost
            for interceptor in reversed(self._interceptors):
                chain = _behind(interceptor, chain)
            self._known[method] = await chain(details)
        return self._known[method]


def _behind(interceptor: Any, chain: Any) -> Any:
    return lambda details: interceptor.intercept_service(chain, details)


async def _run(handler: Any, exchange: Exchange, context: SimContext) -> None:
    context.coders = (
        handler.request_deserializer or bytes,
        handler.response_serializer or bytes,
    )
    if handler.request_streaming:
        request: Any = context.requests()
        behaviour = handler.stream_stream if handler.response_streaming else handler.stream_unary
    else:
        request = await context.read()
        if request is grpc.aio.EOF:
            raise asyncio.CancelledError
        behaviour = handler.unary_stream if handler.response_streaming else handler.unary_unary
    if not handler.response_streaming:
        await context.write(await behaviour(request, context))
        return
    made = behaviour(request, context)
    if hasattr(made, "__aiter__"):
        try:
            async for response in made:
                await context.write(response)
        finally:
            await made.aclose()
    else:
        await made


class SimContext:
    """A call as the one who answers sees it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.coders: tuple[Any, Any] = (bytes, bytes)
        self.status: Status = (grpc.StatusCode.UNKNOWN, "", ())

    async def read(self) -> Any:
        item = await self._exchange.up.take()
        return grpc.aio.EOF if item is _END else self.coders[0](item)

    async def requests(self) -> AsyncIterator[Any]:
        while (request := await self.read()) is not grpc.aio.EOF:
            yield request

    async def write(self, message: Any) -> None:
        exchange = self._exchange
        await exchange.down.room()
        if not exchange.down.closed:
            exchange.send(self.coders[1](message), outward=False)

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()
    ) -> None:
        self.status = (code, details, tuple(trailing_metadata))
        raise grpc.aio.AbortError(details)

    async def send_initial_metadata(self, metadata: Any) -> None:
        """Nothing of ours carries any."""

    def auth_context(self) -> dict[str, list[bytes]]:
        certificate = self._exchange.certificate
        return {"x509_pem_cert": [certificate]} if certificate else {}

    def peer(self) -> str:
        return f"sim:{self._exchange.lives[0].name}:0"

    def invocation_metadata(self) -> tuple[Any, ...]:
        return ()

    def cancelled(self) -> bool:
        return self._exchange.status is not None

    def done(self) -> bool:
        return self._exchange.status is not None
