"""One request as handlers see it: method, path below the grant, single headers, body.

Owns reading of what a browser sends. Rules: a header that decides something stands once or the
request is refused; a path is never decoded, so nothing in it can climb; a body that breaks off
raises. Leaves out what the request asks for (`tus`, `api`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from starlette.types import Receive, Scope

from lpse.federation.errors import Refused, Unavailable
from regional_node.grants.rules import unknown

LEFTOVER: Final = "lpse.leftover"  # in a scope: gives the bytes behind the last received ones
_PATH: Final = re.compile(rb"/g/([^/]{1,64})(?:/([^?]*))?")
_NUMBER: Final = re.compile(rb"[0-9]{1,20}")
_ORIGIN: Final = b"origin"


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `token` and `rest` are None and empty outside `/g/`."""

    method: str
    token: str | None
    rest: bytes
    headers: list[tuple[bytes, bytes]]
    single: dict[bytes, bytes | None]  # None for a header that stands there more than once
    receive: Receive
    leftover: Callable[[], bytes]  # what had come when the line broke and was not received yet

    def header(self, name: bytes) -> bytes | None:
        """A header that may stand once; Refused FED-5326."""
        if name not in self.single:
            return None
        found = self.single[name]
        if found is None:
            raise _malformed(name, "stands in the request more than once")
        return found.strip()

    def number(self, name: bytes) -> int | None:
        """A whole number from 0 on; Refused FED-5326 for any other text."""
        value = self.header(name)
        if value is None:
            return None
        if _NUMBER.fullmatch(value) is None:
            raise _malformed(name, "is not a whole number from 0 on")
        return int(value)

    @property
    def origin(self) -> bytes | None:
        """The web origin of the page that asks, as the browser says."""
        if _ORIGIN not in self.single:
            return None
        return next(value for key, value in self.headers if key == _ORIGIN)

    @property
    def body_bytes(self) -> int | None:
        """The announced size of the body; None where it comes in chunks of unknown number."""
        if b"transfer-encoding" in self.single:
            return None
        return self.number(b"content-length") or 0

    async def small_body(self, bytes_max: int) -> bytes:
        """The whole body; Refused FED-5325 where it is longer."""
        body = bytearray()
        async for piece in self.pieces(lambda: True):
            body += piece
            if len(body) > bytes_max:
                raise Refused("FED-5325", f"the body is longer than {bytes_max} bytes")
        return bytes(body)

    async def pieces(self, is_live: Callable[[], bool]) -> AsyncIterator[bytes]:
        """The body as it comes; ends with an error where the line or the grant ends before it."""
        more = True
        while more:
            message = await self.receive()
            broken = message["type"] != "http.request"
            more = message.get("more_body", False)
            piece = self.leftover() if broken else message.get("body", b"")
            if not is_live():
                raise unknown()
            if piece:
                yield piece
            if broken:
                raise _broken()


def call_of(scope: Scope, receive: Receive) -> Call:
    """The request of an ASGI scope."""
    raw: bytes = scope.get("raw_path") or b""
    match = _PATH.fullmatch(raw)
    token = match[1].decode("ascii", "replace") if match is not None else None
    rest = (match[2] or b"") if match is not None else b""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    single: dict[bytes, bytes | None] = {}
    for name, value in headers:
        single[name] = None if name in single else value
    leftover = scope.get(LEFTOVER, bytes)
    return Call(scope["method"], token, rest, headers, single, receive, leftover)


class MethodNotAllowed(Refused):
    """FED-5322; `methods` is what the address takes."""

    def __init__(self, methods: str) -> None:
        super().__init__("FED-5322", f"this address takes {methods}", remedy="use one of these")
        self.methods = methods


def not_allowed(methods: str) -> MethodNotAllowed:
    """The refusal of a method."""
    return MethodNotAllowed(methods)


def _malformed(name: bytes, detail: str) -> Refused:
    shown = name.decode("ascii")
    return Refused("FED-5326", f"the header {shown} {detail}", remedy="correct the upload program")


def _broken() -> Unavailable:
    return Unavailable(
        "FED-5328",
        "the connection ended before the last byte; what came before is kept",
        remedy="ask for the offset and go on from there",
    )
