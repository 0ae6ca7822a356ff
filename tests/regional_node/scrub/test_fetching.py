"""Reading an own blob back over gRPC: good bytes get the name, others never do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest

from lpse.federation.errors import FederationError
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1 import transfer_pb2_grpc as grpc_wire
from lpse.runtime.channels import open_local_channel
from lpse.storage.blobs import BlobMismatch, BlobStore
from regional_node.scrub.fetching import Fetching

BID = bytes(range(256)) * 8_000
DIGEST = sha256(BID).digest()


@dataclass
class Holder(grpc_wire.TransferServicer):
    """A centre with one copy; breaks off once behind `breaks_at`."""

    copy: bytes = BID
    breaks_at: int = 0
    asked: list[int] = field(default_factory=list)

    async def GetBlob(self, request: wire.GetBlobRequest, context: Any) -> Any:
        self.asked.append(request.offset_bytes)
        at = request.offset_bytes
        while piece := self.copy[at : at + request.chunk_bytes_max]:
            if self.breaks_at and at >= self.breaks_at:
                self.breaks_at = 0
                await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
            yield wire.GetBlobResponse(chunk=piece)
            at += len(piece)


@dataclass
class Scene:
    """A node that fetches from it."""

    holder: Holder
    blobs: BlobStore
    fetching: Fetching


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    holder, server = Holder(), grpc.aio.server()  # type: ignore[abstract]  # one call is asked
    grpc_wire.add_TransferServicer_to_server(holder, server)
    socket = tmp_path / "c.sock"
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    blobs = BlobStore(tmp_path / "blobs")
    yield Scene(holder, blobs, Fetching(blobs, lambda: open_local_channel(socket)))
    await server.stop(0)


async def test_good_bytes_get_the_name(scene: Scene) -> None:
    """Returns when the blob is here and reads as its digest says."""
    await scene.fetching.fetch(DIGEST, len(BID))
    assert await scene.blobs.verify(DIGEST)


@pytest.mark.parametrize("copy", [BID[:-1] + b"x", BID[:-1], b""], ids=["other", "short", "empty"])
async def test_other_bytes_change_nothing(scene: Scene, copy: bytes) -> None:
    """A centre whose copy is damaged too heals nobody, and leaves nothing on the disk."""
    scene.holder.copy = copy
    with pytest.raises(BlobMismatch):
        await scene.fetching.fetch(DIGEST, len(BID))
    assert not [path for path in scene.blobs.folder.rglob("*") if path.is_file()]


async def test_a_fetch_that_broke_off_goes_on_where_it_was(scene: Scene) -> None:
    """What came is kept, and not asked for again."""
    scene.holder.breaks_at = len(BID) // 2
    with pytest.raises(FederationError):
        await scene.fetching.fetch(DIGEST, len(BID))
    await scene.fetching.fetch(DIGEST, len(BID))
    first, second = scene.holder.asked
    assert first == 0
    assert second >= len(BID) // 2
    assert await scene.blobs.verify(DIGEST)
