"""The Link service: raw frames in and out, so that shared bytes stay shared.

Owns the life of a stream from its first frame on. Rules: the node id comes from the certificate;
hellos of one node are judged one after the other, from the look at its present session to the entry
of the new one; whatever goes wrong in one stream is told to that node with a code and touches no
other. Leaves out who finds a place (`doors`), the judgement (`hello`) and the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from central.link.doors import Doors
from central.link.hello import open_session, refusal
from central.link.ports import Admission, Parts
from central.link.session import Session
from central.link.sessions import Sessions
from lpse.federation.errors import Denied, FederationError, Refused, Unavailable
from lpse.federation.limits import (
    LINK_FRAME_BYTES_MAX,
    LINK_HELLO_SECONDS_MAX,
)
from lpse.federation.v1 import link_pb2 as link
from lpse.runtime.channels import peer_address

Context = grpc.aio.ServicerContext[Any, Any]

_SERVICE = "lpse.federation.v1.Link"


class _ContextStream:
    """The port `Stream` over a gRPC context that carries raw bytes."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def address(self) -> str:
        """Where the node calls from."""
        return peer_address(self._context)

    async def read(self) -> bytes | None:
        """The next frame; None at the end."""
        data = await self._context.read()
        return data if isinstance(data, bytes) else None  # grpc.aio.EOF at the end

    async def write(self, data: bytes) -> None:
        """Send one frame."""
        await self._context.write(data)


class LinkService:
    """Registers `Connect` with raw-bytes serialisers."""

    def __init__(self, parts: Parts, sessions: Sessions, admission: Admission) -> None:
        self._parts = parts
        self._sessions = sessions
        self._admission = admission
        self.doors = Doors(parts.clock, parts.entropy)
        self._turns: dict[str, _Turn] = {}  # of nodes that say hello now
        admission.on_revoked(sessions.revoked)
        self._published: asyncio.Task[None] | None = None
        parts.national.on_visible(self._announce)
        parts.ledger.projector.on_advance(sessions.advanced)

    def register(self, server: grpc.aio.Server) -> None:
        """Serve on the mTLS listener of nodes."""
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
            self.connect
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(_SERVICE, {"Connect": handler}),)
        )

    async def connect(self, requests: Any, context: Context) -> None:
        """One stream from hello to its end."""
        node_id = self._admission.require_node(context)
        stream = _ContextStream(context)
        try:
            session = await self._admit(node_id, stream)
        except FederationError as error:
            await self._refuse(stream, node_id, error)
            return
        try:
            await stream.write(session.welcome())
            await session.run()
        except FederationError as error:
            self._parts.log.warning("link.ended", node=node_id, code=error.code)
            raise
        finally:
            beside = session.beside
            self._sessions.leave(session)
            if beside:
                await self._settle(node_id)
        self._parts.log.info("link.closed", node=node_id)

    def _announce(self) -> None:
        """New national entries: encode them once, then wake everybody."""
        if self._published is None or self._published.done():
            self._published = asyncio.create_task(self._prepare_and_wake())
        else:
            self._sessions.wake_all()  # the frame under way may not hold the newest entries

    async def _prepare_and_wake(self) -> None:
        with suppress(FederationError):  # each session meets the same error and tells it
            await self._parts.frames.prepare()
        self._sessions.wake_all()

    async def _admit(self, node_id: str, stream: _ContextStream) -> Session:
        """From the first frame to a session that has entered."""
        self.doors.arrive(node_id)
        try:
            async with asyncio.timeout(LINK_HELLO_SECONDS_MAX):
                hello = await _hello(stream)
                self.doors.enter(node_id)
                try:
                    return await self._judge(node_id, hello, stream)
                finally:
                    self.doors.leave()
        except TimeoutError as error:
            raise Unavailable("FED-2211", "no hello within the limit") from error
        finally:
            self.doors.depart(node_id)

    async def _judge(self, node_id: str, hello: link.Hello, stream: _ContextStream) -> Session:
        async with self._turn(node_id):
            asking = _Asking(stream, self._sessions)
            opened = await open_session(self._parts, node_id, hello, asking)
            session = Session(self._parts, opened, stream)
            self._sessions.enter(session)
        self._parts.log.info(
            "link.opened",
            node=node_id,
            relation=link.HeadRelation.Name(opened.relation),
            protocol=opened.welcome.protocol,
            attempts=opened.hello.attempts,
        )
        return session

    async def _settle(self, node_id: str) -> None:
        """After the end of a holder that stood beside; a centre that stops settles nothing."""
        with suppress(FederationError):
            async with self._turn(node_id):
                await self._sessions.settle(node_id)

    @asynccontextmanager
    async def _turn(self, node_id: str) -> AsyncIterator[None]:
        """One hello of a node at a time."""
        turn = self._turns.setdefault(node_id, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[node_id]

    async def _refuse(self, stream: _ContextStream, node_id: str, error: FederationError) -> None:
        self._parts.log.warning("link.refused", node=node_id, code=error.code)
        frame = refusal(error, final=isinstance(error, (Denied, Refused)))
        await stream.write(link.CentralFrame(refusal=frame).SerializeToString())


@dataclass(slots=True)
class _Turn:
    """Hellos of one node wait for each other here."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class _Asking:
    """The port `Asking` of one hello."""

    def __init__(self, stream: _ContextStream, sessions: Sessions) -> None:
        self._stream = stream
        self.rival = sessions.rival
        self.shadowed = sessions.shadowed
        self.address = stream.address

    async def full(self) -> link.Hello:
        """Ask for signed heads on the same stream."""
        wanted = link.CentralFrame(heads_wanted=link.HeadsWanted())
        await self._stream.write(wanted.SerializeToString())
        return await _hello(self._stream)


async def _hello(stream: _ContextStream) -> link.Hello:
    data = await stream.read()
    if data is None:
        raise Refused("FED-2204", "the stream ended before the hello")
    if len(data) > LINK_FRAME_BYTES_MAX:
        raise Refused("FED-2202", f"a frame is larger than {LINK_FRAME_BYTES_MAX} bytes")
    try:
        frame = link.NodeFrame.FromString(data)
    except DecodeError as error:
        raise Refused("FED-2201", "a frame is not a NodeFrame message") from error
    if frame.WhichOneof("frame") != "hello":
        raise Refused("FED-2204", "the first frame of a session is a hello")
    return frame.hello
