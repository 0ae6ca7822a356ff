"""The listener: sockets, TLS, counting before any byte is read, an orderly end.

Owns accepting connections and handing each to a guarded HTTP protocol. Rules: a connection counts
from its first moment, during a TLS handshake too; the port opens before the node says that it is
ready and closes before storage does; stopping records the bytes of every running upload. Leaves out
HTTP (`protocol`) and what is answered (`door`).
"""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from lpse.federation.errors import Refused, Unavailable
from lpse.federation.limits import (
    WEB_HANDSHAKE_SECONDS_MAX,
    WEB_KEEP_ALIVE_SECONDS,
    WEB_STOP_SECONDS_MAX,
)
from lpse.runtime.clock import Clock
from regional_node.web.connections import Connections
from regional_node.web.protocol import GuardedProtocol, refusal

App = Callable[[Any, Any, Any], Awaitable[None]]
_BACKLOG: Final = 512
_FILES_BESIDE: Final = 512  # descriptors of databases, blobs, logs and the link
_HANDSHAKE_BYTES_MAX: Final = 256 * 1024  # what a client may send before we have its protocol


class WebServer:
    """See the module's first lines."""

    def __init__(
        self, app: App, connections: Connections, clock: Clock, tls: ssl.SSLContext | None
    ) -> None:
        self._connections = connections
        self._clock = clock
        self._tls = tls
        self._state = ServerState()
        self._config = Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=int(WEB_KEEP_ALIVE_SECONDS),
        )
        self._config.load()
        self._config.loaded_app = app  # never uvicorn's tracing wrapper: it prints paths
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._handshakes: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int) -> int:
        """Listen and return the port in use; Unavailable FED-5311 where that cannot be done."""
        listener = bound(host, port)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Entrance(self), sock=listener, backlog=_BACKLOG
        )
        self._tasks = [
            asyncio.create_task(self._connections.run()),
            asyncio.create_task(self._tell_date()),
        ]
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        """Take no more, end what runs, and wait until its bytes are recorded."""
        if self._server is None:
            return
        self._server.close()
        for handshake in list(self._handshakes):
            handshake.cancel()
        await self._connections.stop()
        running = list(self._state.tasks)
        if running:
            _, late = await asyncio.wait(running, timeout=WEB_STOP_SECONDS_MAX)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server = None

    def admit(self, entrance: _Entrance, transport: asyncio.Transport) -> None:
        """Count a connection and give it its protocol, or refuse it."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if not self._connections.enter(address):
            if self._tls is None:
                transport.write(refusal(503))
            transport.close()
            return
        protocol = GuardedProtocol(
            self._config,
            self._state,
            self._connections,
            self._clock.monotonic,
            lambda: self._connections.leave(address),
        )
        if self._tls is None:
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            return
        transport.pause_reading()
        shaking = asyncio.create_task(self._shake_hands(entrance, transport, protocol, address))
        self._handshakes.add(shaking)
        shaking.add_done_callback(self._handshakes.discard)

    async def _shake_hands(
        self,
        entrance: _Entrance,
        transport: asyncio.Transport,
        protocol: GuardedProtocol,
        address: str,
    ) -> None:
        assert self._tls is not None
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                transport,
                entrance,
                self._tls,
                server_side=True,
                ssl_handshake_timeout=WEB_HANDSHAKE_SECONDS_MAX,
            )
        except (OSError, asyncio.CancelledError):  # ssl.SSLError and timeouts are OSErrors
            secured = None
        if secured is None or entrance.lost:
            transport.abort()
            self._connections.leave(address)
            return
        secured.set_protocol(protocol)
        protocol.connection_made(secured)
        if entrance.early:
            protocol.data_received(bytes(entrance.early))

    async def _tell_date(self) -> None:
        while True:
            date = format_datetime(self._clock.wall(), usegmt=True).encode()
            self._state.default_headers = [(b"date", date)]
            await asyncio.sleep(1.0)


class _Entrance(asyncio.Protocol):
    """A connection before its protocol: counted, perhaps shaking hands."""

    def __init__(self, server: WebServer) -> None:
        self._server = server
        self._transport: asyncio.BaseTransport | None = None
        self.early = bytearray()
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._transport is None:
            self._transport = transport
            self._server.admit(self, transport)  # type: ignore[arg-type] # TCP: a full transport

    def data_received(self, data: bytes) -> None:
        self.early += data
        if len(self.early) > _HANDSHAKE_BYTES_MAX:
            self.lost = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


def tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """TLS 1.2 or newer with this certificate; None without one. Refused FED-5310."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise Refused(
            "FED-5310",
            "upload.certificate and upload.key belong together, and one is missing",
            remedy="set both, or neither behind a reverse proxy",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        raise Refused(
            "FED-5310",
            "upload.certificate and upload.key cannot be read or do not belong together",
            remedy="check both files and their rights",
        ) from error
    return context


def make_room(connections_max: int) -> int:
    """Raise the limit of open files as far as it goes; how many connections that allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return connections_max
    return max(1, min(connections_max, (soft - _FILES_BESIDE) // 2))


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; Unavailable FED-5311 where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        # Its connections inherit this; asyncio sets it only for sockets that name their protocol,
        # and an answer in two pieces would wait 40 ms for the caller's acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise Unavailable(
            "FED-5311",
            f"the upload port cannot be opened ({error.strerror or 'unknown address'})",
            remedy="choose another upload.listen, or stop the other program",
        ) from error
