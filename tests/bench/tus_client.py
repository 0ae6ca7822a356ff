"""The one client that all HTTP systems of the uploads bench are measured with.

Owns tus 1.0.0 over kept-alive connections of the standard library, in threads of a process of its
own kind of work: it sends memory that exists already and reads short answers, so that the server is
what is measured. Leaves out what is sent, and timing.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.parse
from base64 import b64encode
from collections.abc import Callable, Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = "application/octet-stream"
_OCTETS = {"Content-Type": "application/offset+octet-stream"}
TIMEOUT_SECONDS = 300.0
SLOW_STEP_SECONDS = 0.02


Body = bytes | memoryview


class Unexpected(Exception):
    """A server answered with a status that the protocol does not have in this place."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where uploads are created: host, port and path of the collection."""

    host: str
    port: int
    path: str


class TusConnection:
    """One connection, used for one request after the other."""

    def __init__(self, place: Place) -> None:
        self._connection = http.client.HTTPConnection(
            place.host, place.port, timeout=TIMEOUT_SECONDS
        )
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def extensions(self, collection: str) -> frozenset[str]:
        """What the server announces."""
        _, headers = self._ask("OPTIONS", collection, {}, b"", (200, 204))
        return frozenset((headers.get("Tus-Extension") or "").replace(" ", "").split(","))

    def create(self, collection: str, size: int, body: Body = b"") -> str:
        """Create an upload, with its bytes where they are given; its path."""
        name, kind = (b64encode(text).decode() for text in (b"penawaran.rhs", OCTETS.encode()))
        metadata = f"filename {name},filetype {kind}"  # one of the peers asks for both
        headers = {"Upload-Length": str(size), "Upload-Metadata": metadata}
        if body:
            headers |= _OCTETS
        _, answer = self._ask("POST", collection, headers, body, (201,))
        location = urllib.parse.urlsplit(answer["Location"])
        if not location.path.startswith("/"):
            return f"{collection.rstrip('/')}/{location.path}"
        return location.path

    def patch(self, path: str, offset: int, body: Body) -> int:
        """Send bytes from `offset` on; the offset that the server acknowledges."""
        headers = {"Upload-Offset": str(offset)} | _OCTETS
        _, answer = self._ask("PATCH", path, headers, body, (204,))
        return int(answer["Upload-Offset"])

    def patch_slowly(self, path: str, body: Body, seconds: float, stop: threading.Event) -> None:
        """One PATCH whose bytes take so long; given up, half sent, when told to stop."""
        pieces = max(int(seconds / SLOW_STEP_SECONDS), 1)
        size = -(-len(body) // pieces)
        self._begin_patch(path, len(body))
        for at in range(0, len(body), size):
            if stop.wait(SLOW_STEP_SECONDS):
                break
            self._connection.send(body[at : at + size])

    def patch_repeated(self, path: str, block: bytes, count: int) -> int:
        """One PATCH of a block sent many times over, without memory for all of it."""
        self._begin_patch(path, len(block) * count)
        for _ in range(count):
            self._connection.send(block)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 204:
            raise Unexpected(f"PATCH: {answer.status} {text[:200]!r}")
        return int(answer.headers["Upload-Offset"])

    def offset(self, path: str) -> int | None:
        """What the server says it has; None where it knows no such upload."""
        status, answer = self._ask("HEAD", path, {}, b"", range(200, 600))
        return int(answer["Upload-Offset"]) if status < 300 else None

    def submit(self, path: str) -> None:
        """Make a submission of this one upload at our node; returns with its receipt signed."""
        grant, _, file = path.rpartition("/files/")
        body = json.dumps({"files": [file]}).encode()
        self._ask("POST", f"{grant}/submit", {"Content-Type": "application/json"}, body, (201,))

    def post(self, path: str, body: Body) -> None:
        """A body to the yardstick."""
        self._ask("POST", path, {}, body, (200,))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _begin_patch(self, path: str, size: int) -> None:
        self._connection.putrequest("PATCH", path)
        for name, value in (TUS | _OCTETS | {"Upload-Offset": "0"}).items():
            self._connection.putheader(name, value)
        self._connection.putheader("Content-Length", str(size))
        self._connection.endheaders()

    def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: Body,
        expected: Container[int],
    ) -> tuple[int, http.client.HTTPMessage]:
        length = {"Content-Length": str(len(body))} if method in ("POST", "PATCH") else {}
        self._connection.request(method, path, body or None, TUS | headers | length)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status not in expected:
            raise Unexpected(f"{method}: {answer.status} {text[:200]!r}")
        return answer.status, answer.headers


@dataclass(frozen=True, slots=True)
class Manner:
    """How many at once, whether the bytes come with the creation, and what follows each upload."""

    at_once: int
    with_upload: bool
    then: Callable[[TusConnection, str], None] | None = None


def send_all(place: Callable[[int], Place], contents: Sequence[Body], manner: Manner) -> None:
    """Upload every content to its place; each connection is busy until none is left."""
    waiting = iter(range(len(contents)))

    def client() -> None:
        connection = TusConnection(place(0))
        for number in waiting:
            collection = place(number).path
            path = send_one(connection, collection, contents[number], manner.with_upload)
            if manner.then is not None:
                manner.then(connection, path)
        connection.close()

    with ThreadPoolExecutor(manner.at_once) as pool:
        for future in [pool.submit(client) for _ in range(manner.at_once)]:
            future.result()


def send_one(connection: TusConnection, collection: str, content: Body, with_upload: bool) -> str:
    """One whole upload, in one request or in two; its path."""
    if with_upload:
        return connection.create(collection, len(content), content)
    path = connection.create(collection, len(content))
    if connection.patch(path, 0, content) != len(content):
        raise Unexpected("a whole PATCH was not acknowledged whole")
    return path
