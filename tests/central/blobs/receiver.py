"""The Transfer service alone over mTLS, in this process or in one that can be killed.

Owns the wiring with a table of announcements in place of the ledger. Leaves out every assertion.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import structlog

from central.blobs.receiving import Receiving
from central.blobs.service import TransferService
from central.blobs.store import BlobRows
from central.ledger.ports import Source
from central.uploads.parked_store import ParkedStore
from central.uploads.store import UploadsStore
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1 import transfer_pb2_grpc
from lpse.federation.v1.records_pb2 import SealedBlob, UploadAccepted
from lpse.runtime import tls
from lpse.runtime.channels import (
    SERVER_OPTIONS,
    ErrorInterceptor,
    Subject,
    open_channel,
    peer_subject,
)
from lpse.runtime.clock import SystemClock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.blobs import BlobStore

MIGRATIONS = Path(__file__).parents[3] / "central" / "migrations"
EPOCH = b"e" * 16


class Announced:
    """The ports `Admission`, `Announcements` and `Bundles` over real tables."""

    def __init__(self, uploads: UploadsStore) -> None:
        self._uploads = uploads
        self.current = True
        self.bundles: dict[bytes, int] = {}
        self.subscribers: list[Callable[[Subject], None]] = []

    def require_node(self, context: Any) -> str:
        return peer_subject(context).name

    def on_revoked(self, subscriber: Callable[[Subject], None]) -> None:
        self.subscribers.append(subscriber)

    async def announced_size(self, node_id: str, digest: bytes) -> int | None:
        return await self._uploads.announced_size(node_id, digest)

    async def announced_sizes(self, node_id: str, digests: Sequence[bytes]) -> dict[bytes, int]:
        return await self._uploads.announced_sizes(node_id, digests)

    async def brought(self, node_id: str, digests: Sequence[bytes]) -> set[bytes]:
        return await self._uploads.brought(node_id, digests)

    async def is_current(self, node_id: str) -> bool:
        return self.current

    def verified_in(self, tx: Transaction, node_id: str, digest: bytes, now: datetime) -> None:
        self._uploads.verified_in(tx, node_id, digest, now)

    async def offered_size(self, digest: bytes) -> int | None:
        return self.bundles.get(digest)

    def coming(self, node_id: str, digest: bytes) -> None:
        """No bundle is lost here."""


class Receiver:
    """A running Transfer service over a folder."""

    def __init__(self, folder: Path, identity: Path) -> None:
        self.folder = folder
        self.identity = identity
        self.port = 0

    async def start(self) -> None:
        """Open what is there and listen."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.database = await Database.open(self.folder / "central.db", MIGRATIONS)
        self.blobs = BlobStore(self.folder / "blobs")
        self.receiving = Receiving(self.blobs, BlobRows(self.database), SystemClock())
        self.swept = await self.receiving.open()
        self.uploads = UploadsStore(self.database)
        self.announced = Announced(self.uploads)
        log = structlog.get_logger()
        service = TransferService(
            self.receiving,
            self.announced,
            self.announced,
            self.announced,
            ParkedStore(self.database),
            log,
        )
        self.server = grpc.aio.server(options=SERVER_OPTIONS, interceptors=[ErrorInterceptor(log)])
        transfer_pb2_grpc.add_TransferServicer_to_server(service, self.server)
        credentials = tls.server_credentials(self.identity, clients=True)
        self.port = self.server.add_secure_port(f"127.0.0.1:{self.port}", credentials)
        await self.server.start()

    async def stop(self) -> None:
        """Stop at once."""
        await self.server.stop(0)
        await self.database.close()

    async def announce(self, node_id: str, digest: bytes, size: int) -> None:
        """An entry of that node names these bytes."""
        record = UploadAccepted(blobs=[SealedBlob(digest=digest, size_bytes=size)])
        source = Source(node_id, EPOCH, 0, datetime.now(UTC), bytes(16))
        await self.database.write(lambda tx: self.uploads.apply_in(tx, source, record))

    def channel(self, identity: Path) -> grpc.aio.Channel:
        """A node's connection."""
        return caller(self.port, identity)


def caller(port: int, identity: Path) -> grpc.aio.Channel:
    """A connection with the certificate of an identity folder."""
    return open_channel(
        f"127.0.0.1:{port}",
        tls.client_credentials(identity),
        server_name=tls.CENTRE_SERVER_NAME,
    )


@asynccontextmanager
async def receiving(folder: Path, identity: Path) -> AsyncIterator[Receiver]:
    """A receiver until the block ends."""
    receiver = Receiver(folder, identity)
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()


async def begin(channel: grpc.aio.Channel, digest: bytes, size: int) -> tuple[Any, int]:
    """A stream that was accepted, and the offset to go on from."""
    stub: Any = transfer_pb2_grpc.TransferStub(channel)
    call = stub.PutBlob()
    message = wire.BeginBlob(digest=digest, size_bytes=size)
    await call.write(wire.PutBlobRequest(begin=message))
    return call, (await call.read()).accepted.offset_bytes


async def _main(folder: Path, identity: Path, node: str, digest: str, size: int) -> None:
    """Serve until killed; says its port when it is ready."""
    receiver = Receiver(folder, identity)
    await receiver.start()
    await receiver.announce(node, bytes.fromhex(digest), size)
    print(receiver.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    place, keys, who, what, length = sys.argv[1:]
    asyncio.run(_main(Path(place), Path(keys), who, what, int(length)))
