"""A writer process that tells its parent what was acknowledged, until it is killed.

Started by `test_crashes.py` with a mode and a folder. It prints one line per acknowledgement, after
the store said that it is durable; the parent reads the lines and kills it with SIGKILL.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from lpse.federation.notes import Signer
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import ManualClock, SystemEntropy
from lpse.runtime.sqlite import Database
from lpse.storage.blobs import BlobStore
from lpse.storage.journal import Journal

SIGNER = Signer.from_seed("lpse-pacitan", bytes(32))
WRITERS = 8


def say(line: str) -> None:
    """One acknowledgement, unbuffered: what the parent has read was said before the kill."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def open_journal(folder: Path) -> tuple[Database, Journal]:
    """The journal in `folder`, opened as a node opens it."""
    database = await Database.open(folder / "node.db", folder / "migrations")
    clock = ManualClock(datetime(2015, 3, 27, tzinfo=UTC))
    journal = Journal(database, SIGNER, clock, SystemEntropy())
    await journal.open()
    return database, journal


async def write_journal(folder: Path) -> None:
    """Append for ever from several tasks."""
    _, journal = await open_journal(folder)

    async def append_on() -> None:
        while True:
            commitment = SystemEntropy().token(32)
            (index,) = await journal.append(records.UploadAccepted(commitment=commitment))
            say(f"{index} {commitment.hex()}")

    await asyncio.gather(*(append_on() for _ in range(WRITERS)))


async def write_blobs(folder: Path) -> None:
    """Store blobs for ever: parts with acknowledged offsets, then their names."""
    store = BlobStore(folder / "blobs")

    async def store_on(writer: int) -> None:
        number = 0
        while True:
            number += 1
            data = SystemEntropy().token(50_000)
            name = f"w{writer}-{number}"
            part = await store.begin(name, len(data))
            await part.append(data[:30_000], 0)
            say(f"part {name} {await part.flush()} {sha256(data[:30_000]).hexdigest()}")
            await part.append(data[30_000:], 30_000)
            stored = await part.complete(None, len(data))
            say(f"blob {name} {stored.digest.hex()} -")

    await asyncio.gather(*(store_on(writer) for writer in range(WRITERS)))


if __name__ == "__main__":
    work = {"journal": write_journal, "blobs": write_blobs}[sys.argv[1]]
    asyncio.run(work(Path(sys.argv[2])))
