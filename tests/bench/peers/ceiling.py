"""The yardstick of a large upload: our HTTP server, and nothing but the steps that are due.

Receives a body, hashes and writes it in a thread while the next piece comes in, fsyncs, re-reads,
renames, fsyncs the folder, answers. No protocol, no admission, no resumption, no row. Arguments:
folder of the files. Prints its port as one line of JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn

PIECE_BYTES = 1 << 20
_NUMBERS = itertools.count()


class Ceiling:
    """An ASGI application that stores the body of every request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer 200 with the digest when the bytes are durable and were read again."""
        name = f"{next(_NUMBERS)}"
        with (self._folder / f"{name}.draft").open("xb") as file:
            hashed = hashlib.sha256()
            writing: asyncio.Future[None] | None = None
            buffer, more = bytearray(), True
            while more:
                message = await receive()
                buffer += message.get("body", b"")
                more = message.get("more_body", False)
                if len(buffer) >= PIECE_BYTES or not more:
                    if writing is not None:
                        await writing
                    piece, buffer = buffer, bytearray()
                    loop = asyncio.get_running_loop()
                    writing = loop.run_in_executor(None, _store, file, hashed, piece)
            if writing is not None:
                await writing
            again = await asyncio.to_thread(_finish, Path(file.name), file)
        assert again == hashed.digest()
        headers = [(b"content-length", b"64")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": again.hex().encode()})


def _store(file: Any, hashed: Any, piece: bytearray) -> None:
    hashed.update(piece)
    file.write(piece)


def _finish(path: Path, file: Any) -> bytes:
    file.flush()
    os.fsync(file.fileno())
    with path.open("rb") as reader:
        again = hashlib.file_digest(reader, "sha256").digest()
    path.rename(path.with_suffix(""))
    descriptor = os.open(path.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    return again


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    sys.stdout.write(json.dumps({"port": listener.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        Ceiling(Path(sys.argv[1])), log_level="error", access_log=False, lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[listener])
