"""One HTTP/1.1 connection, guarded: uvicorn's parser and cycle with limits of our own.

Owns the limits of a request's line, head and pipeline, and the pulse by which `connections` judges
a line. Rules: a request that breaks a limit is answered once and the connection closed; a body is
kept in few large pieces and reading pauses when they wait; nothing is logged, because every line
would name an address or a path. Leaves out what a request means (`door`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from lpse.federation.limits import (
    WEB_HEAD_BYTES_MAX,
    WEB_HEAD_FIELDS_MAX,
    WEB_PIPELINED_MAX,
    WEB_REQUEST_LINE_BYTES_MAX,
)
from regional_node.web.calls import LEFTOVER
from regional_node.web.connections import Connections
from regional_node.web.rules import Phase, Pulse

_SILENT: Final = logging.getLogger("lpse.web.silent")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False
_SILENT.disabled = True
_SILENT.setLevel(logging.CRITICAL)
_HEAD_OVERHEAD_BYTES: Final = 4  # ": " and the line's end


class _TooLong(Exception):
    """A limit of the head was broken; the parser stops and the status says which."""


class GuardedProtocol(HttpToolsProtocol, asyncio.BufferedProtocol):
    """See the module's first lines."""

    def __init__(
        self,
        config: Config,
        state: ServerState,
        connections: Connections,
        monotonic: Callable[[], float],
        leave: Callable[[], None],
    ) -> None:
        super().__init__(config, state, {})
        self.logger = _SILENT
        self.access_log = False
        self._guard = connections
        self._monotonic = monotonic
        self._leave = leave
        self._status = 400
        self._head_bytes = 0
        self._stalled_since = 0.0
        self._stopping = False
        self._lost = False
        self.pulse = Pulse(Phase.HEAD, monotonic())

    @property
    def reading_paused(self) -> bool:
        return bool(self.flow.read_paused)

    @property
    def stalled_since(self) -> float:
        return self._stalled_since

    def cut(self) -> None:
        self.transport.abort()

    def stop(self) -> None:
        self._stopping = True
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
            return
        self.cycle.keep_alive = False
        if self.pulse.phase is Phase.BODY:
            # The handler sees the end of the line, records what came, and leaves.
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._guard.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lost:
            return
        self._lost = True
        self._enter(Phase.ANSWERING)
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._guard.remove(self)
        self._leave()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._guard.buffer()

    def buffer_updated(self, nbytes: int) -> None:
        # The parser copies what it keeps before anybody else can read into the buffer.
        self.data_received(cast(bytes, self._guard.received(nbytes)))

    def data_received(self, data: bytes) -> None:
        if self.pulse.phase is Phase.WAITING:
            self._enter(Phase.HEAD)
            self._head_bytes = 0
        super().data_received(data)
        self.pulse.window_bytes += len(data)
        if self.pulse.phase is Phase.HEAD and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > WEB_HEAD_BYTES_MAX:
                self._status = 431
                self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        if self.pulse.phase is not Phase.HEAD:
            self._enter(Phase.HEAD)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > WEB_REQUEST_LINE_BYTES_MAX:
            self._refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value) + _HEAD_OVERHEAD_BYTES
        if self._head_bytes > WEB_HEAD_BYTES_MAX or len(self.headers) > WEB_HEAD_FIELDS_MAX:
            self._refuse(431)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() or len(self.pipeline) >= WEB_PIPELINED_MAX:
            self._refuse(400)
        self._head_bytes = 0
        self._enter(Phase.BODY)
        super().on_headers_complete()
        cycle = self.cycle
        cycle.logger = _SILENT
        cast(dict[str, object], self.scope)[LEFTOVER] = lambda: bytes(cycle.body)
        if self._stopping:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if cycle.response_complete:
            return
        # One piece alone is handed on as it came; a copy is made only where several wait.
        waiting: bytes | bytearray = cycle.body
        if not waiting:
            waiting = body
        elif isinstance(waiting, bytes):
            waiting = bytearray(waiting) + body
        else:
            waiting += body
        cycle.body = cast(bytearray, waiting)
        if len(waiting) >= self._guard.share_bytes:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        done = self.cycle.response_complete
        self._enter(Phase.WAITING if done else Phase.ANSWERING)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline or not self.cycle.response_complete or self.transport.is_closing():
            return
        if self.pulse.phase is Phase.ANSWERING:
            self._enter(Phase.WAITING)
        elif self.pulse.phase is Phase.BODY:
            self._enter(Phase.DRAINING)

    def pause_writing(self) -> None:
        self._stalled_since = self._monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_since = 0.0
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed; in the middle of another answer only close."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(refusal(self._status))
        self.transport.close()

    def _enter(self, phase: Phase) -> None:
        self._guard.count_body((phase is Phase.BODY) - (self.pulse.phase is Phase.BODY))
        self.pulse.enter(phase, self._monotonic())

    def _refuse(self, status: int) -> None:
        self._status = status
        raise _TooLong


def refusal(status: int) -> bytes:
    """A whole answer without a body, after which the connection is closed."""
    return b"".join(
        [
            STATUS_LINE[status],
            b"content-length: 0\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n",
            b"referrer-policy: no-referrer\r\nconnection: close\r\n\r\n",
        ]
    )
