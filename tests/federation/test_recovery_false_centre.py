"""What a recovering node makes of a centre that gives back other things than the node wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from lpse.federation.checkpoints import sign_head
from lpse.federation.errors import FederationError
from lpse.federation.limits import ENTRY_BYTES_MAX
from lpse.federation.notes import Signer
from lpse.federation.v1 import recovery_pb2 as wire
from lpse.federation.v1 import recovery_pb2_grpc as rpc
from regional_node.recovery.client import RecoveryClient

NODE = "lpse-pacitan"
OWN = Signer.from_seed(NODE, b"o" * 32)
STRANGER = Signer.from_seed(NODE, b"s" * 32)
EPOCH = b"e" * 16
Piece = wire.ReadJournalResponse


class FalseCentre(rpc.RecoveryServicer):
    """Says what the test tells it to say."""

    pieces: Callable[[], list[Piece]]
    listed: wire.StoredEpoch

    async def ReadJournal(self, request: Any, context: Any) -> AsyncIterator[Piece]:
        for one in self.pieces():
            yield one

    async def ListEpochs(self, request: Any, context: Any) -> wire.ListEpochsResponse:
        return wire.ListEpochsResponse(epochs=[self.listed])


@asynccontextmanager
async def _asking(centre: FalseCentre, folder: Path) -> AsyncIterator[RecoveryClient]:
    server = grpc.aio.server()
    rpc.add_RecoveryServicer_to_server(centre, server)
    address = f"unix:{folder / 'c.sock'}"
    server.add_insecure_port(address)
    await server.start()
    yield RecoveryClient(lambda: grpc.aio.insecure_channel(address), OWN.verifier, frozenset())
    await server.stop(0)


@pytest.mark.parametrize(
    "pieces",
    [
        [Piece(first_index=0, entries=[b"x"] * 2), Piece(first_index=2, entries=[b"x"] * 2)],
        [Piece(first_index=1, entries=[b"x"])],
        [Piece(first_index=0, entries=[b"x" * (ENTRY_BYTES_MAX + 1)])],
        [Piece(first_index=0)],
    ],
    ids=["more than was asked for", "a gap", "an entry over the limit", "an empty piece"],
)
async def test_pieces_that_nobody_asked_for_are_not_kept(
    pieces: list[Piece], tmp_path: Path
) -> None:
    """A centre without end cannot fill the node's disk: what goes beyond its head is refused."""
    centre = FalseCentre()  # type: ignore[abstract]  # at run time the other calls answer UNIMPLEMENTED
    centre.pieces = lambda: pieces
    kept: list[bytes] = []
    async with _asking(centre, tmp_path) as client:
        with pytest.raises(FederationError) as refused:
            async for _, entries in client.read(EPOCH, 0, 3):
                kept.extend(entries)
        assert refused.value.code == "FED-2407"
        assert len(kept) <= 3


async def test_a_history_that_this_node_never_signed_is_not_taken_for_its_own(
    tmp_path: Path,
) -> None:
    """The centre may hold its own key and the road; the node's past is the node's to sign."""
    centre = FalseCentre()  # type: ignore[abstract]  # at run time the other calls answer UNIMPLEMENTED
    forged = sign_head(STRANGER, EPOCH, 9, b"r" * 32)
    for key in (STRANGER.public, OWN.public):
        centre.listed = wire.StoredEpoch(head=forged.message(), signing_key=key)
        async with _asking(centre, tmp_path) as client:
            with pytest.raises(FederationError):
                await client.epochs()
