"""The yardstick of a slow line: bytes over one TCP connection, fsynced, answered by one byte.

Arguments: `receive ADDRESS PORT FOLDER` (serves until it is ended) or `send ADDRESS PORT SIZE`
(prints the seconds from connecting to the answer). Leaves out TLS, framing and resumption.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

PIECE_BYTES = 1 << 18


def receive(address: str, port: int, folder: Path) -> None:
    """Take connection after connection."""
    listener = socket.create_server((address, port))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        connection, _ = listener.accept()
        with connection, (folder / "received").open("wb") as file:
            size = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")
            while size and (piece := connection.recv(min(PIECE_BYTES, size))):
                file.write(piece)
                size -= len(piece)
            file.flush()
            os.fsync(file.fileno())
            connection.sendall(b"+")


def send(address: str, port: int, size: int) -> float:
    """Seconds that the bytes took to be durable over there."""
    content = os.urandom(size)
    start = time.perf_counter()
    with socket.create_connection((address, port)) as connection:
        connection.sendall(size.to_bytes(8, "big"))
        connection.sendall(content)
        assert connection.recv(1) == b"+"
    return time.perf_counter() - start


if __name__ == "__main__":
    act, address, port, rest = sys.argv[1:]
    if act == "receive":
        receive(address, int(port), Path(rest))
    else:
        sys.stdout.write(f"{send(address, int(port), int(rest))}\n")
