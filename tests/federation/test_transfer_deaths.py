"""A centre that dies at any message, is older, or wants something again: nothing is lost."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from central.blobs.receiving import Incoming
from central.blobs.service import TransferService
from central.uploads.announcements import LedgerAnnouncements
from lpse.federation.errors import FederationError, Refused, Unavailable
from lpse.federation.limits import BLOB_FSYNC_BYTES, MIB
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1.transfer_pb2_grpc import TransferServicer
from regional_node.transfer.reporting import ParkedReporter
from regional_node.transfer.store import Due
from tests.federation.rig import CLOCK, LOG, Authority, eventually, running
from tests.federation.transfers import DrainingNode, TransferCentre

SERVICE = "lpse.federation.v1.Transfer"


class Counting:
    """A call's context that dies at the n-th message, read or written, and counts the bytes."""

    def __init__(self, context: Any, centre: MortalCentre) -> None:
        self._context = context
        self._centre = centre

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def read(self) -> Any:
        self._centre.message()
        message = await self._context.read()
        if message is not grpc.aio.EOF:
            self._centre.received += len(getattr(message, "chunk", b""))
            self._centre.received += sum(len(one.content) for one in getattr(message, "blobs", ()))
        return message

    async def write(self, message: Any) -> None:
        self._centre.message()
        await self._context.write(message)


class MortalService(TransferService):
    """The real service, over contexts that count."""

    centre: MortalCentre

    async def PutBlob(  # type: ignore[override]  # as the service itself
        self, request_iterator: Any, context: Any
    ) -> None:
        counted: Any = Counting(context, self.centre)
        await super().PutBlob(request_iterator, counted)

    async def PutBlobs(  # type: ignore[override]  # as the service itself
        self, request_iterator: Any, context: Any
    ) -> None:
        counted: Any = Counting(context, self.centre)
        await super().PutBlobs(request_iterator, counted)


class MortalCentre(TransferCentre):
    """A centre that dies at a chosen message: nothing is made durable or told after it."""

    dies_at = 0
    messages = 0
    received = 0
    deaths = 0
    last_words: FederationError | None = None

    def transfer_service(self, announcements: LedgerAnnouncements) -> TransferServicer:
        service = MortalService(
            self.receiving, self.enrolled, announcements, self.shelf, self.parked, LOG
        )
        service.centre = self
        return service

    def message(self) -> None:
        """One more; at the chosen one everything ends."""
        self.messages += 1
        if self.dies_at and self.messages >= self.dies_at:
            self.deaths += self.messages == self.dies_at
            words, self.last_words = self.last_words, None
            if words is not None:
                self.dies_at = 0  # it only refused
            raise words or Unavailable("FED-2299", "dead")


class OlderCentre(TransferCentre):
    """A centre from before groups: it knows PutBlob alone."""

    def offer(self, service: TransferServicer, server: grpc.aio.Server) -> None:
        put: Any = grpc.stream_stream_rpc_method_handler(
            service.PutBlob,
            request_deserializer=wire.PutBlobRequest.FromString,
            response_serializer=wire.PutBlobResponse.SerializeToString,
        )
        handler = grpc.method_handlers_generic_handler(SERVICE, {"PutBlob": put})
        server.add_generic_rpc_handlers((handler,))


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[MortalCentre]:
    found = MortalCentre(Authority(tmp_path / "keys"), tmp_path / "centre")
    async with running(found):
        yield found


@pytest.fixture
async def node(mortal: MortalCentre, tmp_path: Path) -> AsyncIterator[DrainingNode]:
    found = DrainingNode(mortal.authority, tmp_path / "node", "lpse-pacitan", mortal)
    async with running(found):
        yield found


def content(size: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(size)


async def retry_all(node: DrainingNode, *digests: bytes) -> None:
    for digest in digests:
        await node.queue.retry(digest)


@pytest.mark.parametrize("sizes", [[17 * MIB + 5], [90_000] * 24])
async def test_a_centre_that_dies_at_any_message_costs_one_unit_at_most(
    mortal: MortalCentre, node: DrainingNode, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    """Invariant 1: dead at the first, second, … message; each death costs at most 8 MiB again."""

    async def forgotten(self: Incoming) -> None:
        self._receiving.ended(self)  # a dead process makes nothing durable on its way out

    monkeypatch.setattr(Incoming, "close", forgotten)
    contents = [content(size, seed) for seed, size in enumerate(sizes)]
    digests = await node.accept(*contents)
    await eventually(node.settled)
    mortal.dies_at, before = 1, 0
    while not await node.drained():
        mortal.messages = 0
        await retry_all(node, *digests)
        await node.drain.step(CLOCK.wall())
        again = mortal.received - before
        before = mortal.received
        assert again <= sum(sizes) and mortal.dies_at < 400
        mortal.dies_at += 1 + mortal.dies_at // 3
    assert mortal.deaths >= 4
    assert [mortal.bytes_of(digest) for digest in digests] == contents
    resent = mortal.received - sum(sizes)
    assert resent <= mortal.deaths * BLOB_FSYNC_BYTES
    items = [await node.queue.item(digest) for digest in digests]
    assert {item.state for item in items} == {"VERIFIED"}


async def test_an_older_centre_gets_small_blobs_one_by_one(tmp_path: Path) -> None:
    """Where PutBlobs is unknown the node goes on with PutBlob, and no item is blamed."""
    centre = OlderCentre(Authority(tmp_path / "keys"), tmp_path / "centre")
    node = DrainingNode(centre.authority, tmp_path / "node", "lpse-pacitan", centre)
    async with running(centre):
        node.transfer_port = centre.transfer_port
        node.port = centre.port
        async with running(node):
            digests = await node.accept(*(content(3_000, seed) for seed in range(20)))
            await eventually(node.settled)
            assert await node.drain.step(CLOCK.wall()) == 20
            assert all(centre.bytes_of(digest) is not None for digest in digests)
            items = [await node.queue.item(digest) for digest in digests]
            assert {(item.attempts, item.last_cause) for item in items} == {(1, "")}


async def test_a_bad_blob_in_a_group_is_parked_listed_and_replayed_from_the_centre(
    mortal: MortalCentre, node: DrainingNode
) -> None:
    """Invariant 10: both sides list it with its reason, and an operator's wish sends it again."""
    good, bad = content(5_000, 1), content(5_000, 2)
    digests = await node.accept(bad, good)
    path = node.blobs.path_of(digests[0])
    path.write_bytes(content(5_000, 3))
    await eventually(node.settled)
    assert await node.drain.step(CLOCK.wall()) == 1
    assert mortal.bytes_of(digests[1]) == good
    reporter = ParkedReporter(node.store, node.drain, node, CLOCK)
    assert await reporter.step(0.0) == 0
    (row,) = await mortal.parked.page("", ("", b""), 10)
    assert (row.node_id, row.blob.digest) == ("lpse-pacitan", digests[0])
    assert row.blob.cause.startswith("FED-2311")
    (item,) = await node.store.parked("FED-2311", 0, 10)
    assert item.digest == digests[0] and await node.store.parked("FED-1202", 0, 10) == []
    path.write_bytes(bad)
    now: datetime = CLOCK.wall()
    assert await mortal.parked.replay("", "", now) == 1
    assert await reporter.step(30.0) == 0, "it is not time yet"
    assert await reporter.step(61.0) == 1
    assert await node.drain.step(CLOCK.wall()) == 1
    assert mortal.bytes_of(digests[0]) == bad
    assert await reporter.step(62.0) == 0
    assert await mortal.parked.page("", ("", b""), 10) == []


async def test_all_parked_items_of_a_code_go_again(node: DrainingNode) -> None:
    """One word for many: those of another code stay where they are."""
    contents = [content(2_000, seed) for seed in range(3)]
    digests = await node.accept(*contents)
    for digest in digests:
        node.blobs.path_of(digest).unlink()
    await eventually(node.settled)
    assert await node.drain.step(CLOCK.wall()) == 0
    assert len(await node.store.parked("", 0, 10)) == 3
    assert await node.store.retry_parked("FED-1202", CLOCK.wall()) == 0
    for digest, data in zip(digests, contents, strict=True):
        node.blobs.path_of(digest).write_bytes(data)
    assert await node.store.retry_parked("FED-2311", CLOCK.wall()) == 3
    assert await node.drain.step(CLOCK.wall()) == 3


async def test_a_road_that_breaks_under_many_blames_none_and_the_lane_waits_once(
    mortal: MortalCentre, node: DrainingNode
) -> None:
    """A lost road leaves every item due and unblamed; one wait for all, and none for a new road."""
    digests = await node.accept(*(content(900, seed) for seed in range(123)))
    await eventually(node.settled)
    for losses in range(1, 8):
        mortal.messages, mortal.dies_at = 0, 1
        node.drain.wake()
        assert await node.drain.step(CLOCK.wall()) == 0
        mortal.dies_at = 0
        items = [await node.store.find(digest) for digest in digests]
        assert {one.attempts for one in items if one is not None} == {losses}
    waiting = await node.store.candidates(everything(node), 500)
    assert len(waiting) == 123, "an item was made to wait for the road's fault"
    assert {(one.state, one.refusals) for one in items if one} == {("RETRYING", 0)}
    mortal.messages = 0
    await node.drain.step(CLOCK.wall() - timedelta(milliseconds=1))
    assert mortal.messages == 0, "the lane asked again at once"
    node.paused = True
    await node.drain.step(CLOCK.wall())
    node.paused = False
    assert await node.drain.step(CLOCK.wall()) == 123, "a new road still waits for the old one"


async def test_a_stream_that_ends_with_a_refusal_is_gone_over_one_by_one(
    mortal: MortalCentre, node: DrainingNode
) -> None:
    """Invariant 10: nobody knows which item was meant, so each is sent by itself."""
    digests = await node.accept(*(content(900, seed) for seed in range(30)))
    await eventually(node.settled)
    mortal.dies_at, mortal.last_words = 1, Refused("FED-2304", "a group like this is not taken")
    assert await node.drain.step(CLOCK.wall()) == 30
    items = [await node.store.find(digest) for digest in digests]
    assert {one.state for one in items if one is not None} == {"VERIFIED"}


def everything(node: DrainingNode) -> Due:
    now: datetime = CLOCK.wall()
    return Due(now, now, 0, MIB, node.journal.epoch, node.journal.head.size)


async def test_what_the_centre_knows_is_not_sent_again(
    mortal: MortalCentre, node: DrainingNode
) -> None:
    """Invariant 3: a verdict that was lost costs a question, not the bytes."""
    digests = await node.accept(*(content(20_000, seed) for seed in range(8)))
    await eventually(node.settled)
    mortal.dies_at = 3  # the group was stored, its answer never left
    assert await node.drain.step(CLOCK.wall()) == 0
    assert mortal.received == 8 * 20_000
    mortal.dies_at = 0
    await retry_all(node, *digests)
    assert await node.drain.step(CLOCK.wall()) == 8
    assert mortal.received == 8 * 20_000
    assert all(mortal.bytes_of(digest) is not None for digest in digests)
