"""Sealed bytes reach the centre whole: over cut roads, lost processes and bad items."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from lpse.federation.errors import Unavailable
from lpse.federation.limits import MIB, TRANSFER_SMALL_BYTES_MAX
from lpse.federation.v1 import transfer_pb2 as wire
from regional_node.transfer.fetching import BundleFetcher
from tests.federation.rig import CLOCK, Authority, eventually, running
from tests.federation.severable import SeverableProxy
from tests.federation.transfers import DrainingNode, TransferCentre


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[TransferCentre]:
    found = TransferCentre(Authority(tmp_path / "keys"), tmp_path / "centre")
    async with running(found):
        yield found


@pytest.fixture
async def node(centre: TransferCentre, tmp_path: Path) -> AsyncIterator[DrainingNode]:
    found = DrainingNode(centre.authority, tmp_path / "node", "lpse-pacitan", centre)
    async with running(found):
        yield found


def content(size: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(size)


async def test_bytes_of_every_size_arrive_and_are_counted(
    centre: TransferCentre, node: DrainingNode
) -> None:
    """Empty, small and large files arrive byte for byte, and the node's sums say so."""
    files = [content(0), content(10_000), content(10 * MIB + 17)]
    digests = await node.accept(*files)
    node.begin_draining()
    await eventually(node.drained)
    assert [centre.bytes_of(digest) for digest in digests] == files
    (totals,) = await centre.uploads.totals()
    assert (totals.accepted, totals.verified_blobs) == (1, 3)
    assert totals.verified_bytes == totals.announced_bytes == sum(map(len, files))
    assert node.drain.verified_blobs() == 3 and node.drain.queue_bytes() == 0


async def test_no_byte_goes_before_its_entry_is_stored(
    centre: TransferCentre, node: DrainingNode
) -> None:
    """Invariant 1: while the link is away nothing is tried; after STORED the bytes follow."""
    await eventually(node.settled)
    node.paused = True
    (digest,) = await node.accept(content(5_000))
    assert await node.drain.step(CLOCK.wall()) == 0
    assert (await node.queue.item(digest)).attempts == 0
    node.paused = False
    await eventually(lambda: node.stored_size(node.journal.epoch) == node.journal.head.size)
    assert await node.drain.step(CLOCK.wall()) == 1
    assert centre.bytes_of(digest) == content(5_000)


async def test_small_blobs_do_not_wait_for_a_large_one(
    centre: TransferCentre, node: DrainingNode
) -> None:
    """A large file that is queued first does not keep small ones waiting."""
    await node.accept(content(TRANSFER_SMALL_BYTES_MAX + 1))
    small = await node.accept(*(content(900, seed) for seed in range(40)))
    await eventually(node.settled)
    assert await node.drain.step(CLOCK.wall()) == 41
    assert all(centre.bytes_of(digest) is not None for digest in small)


@pytest.mark.parametrize("seed", range(3))
async def test_road_cut_at_random_bytes(
    centre: TransferCentre, node: DrainingNode, seed: int
) -> None:
    """Invariant 1: however often the road is cut, what was promised is kept, all arrives."""
    chance = random.Random(seed)
    proxy = SeverableProxy(centre.transfer_port)
    await proxy.start()
    node.transfer_port = proxy.port
    files = [content(12 * MIB + chance.randrange(99), seed), content(10_000, seed)]
    digests = await node.accept(*files)
    await eventually(node.settled)
    try:
        for _ in range(5):
            proxy.mend()
            proxy.cut_after(chance.randrange(20_000, 6 * MIB))
            for digest in digests:
                await node.queue.retry(digest)
            await node.drain.step(CLOCK.wall())
        proxy.mend()
        for digest in digests:
            await node.queue.retry(digest)
        node.begin_draining()
        await eventually(node.drained)
    finally:
        await proxy.stop()
    assert [centre.bytes_of(digest) for digest in digests] == files
    assert (await node.queue.item(digests[0])).attempts > 1
    assert proxy.forwarded < 2 * sum(map(len, files)), "what had arrived was sent again"


async def test_centre_lost_in_the_middle(centre: TransferCentre, node: DrainingNode) -> None:
    """Invariant 4: a centre that stops and comes back costs the node only another attempt."""
    proxy = SeverableProxy(centre.transfer_port)
    await proxy.start()
    node.transfer_port = proxy.port
    (digest,) = await node.accept(content(12 * MIB))
    await eventually(node.settled)
    proxy.cut_after(9 * MIB)
    await node.drain.step(CLOCK.wall())
    assert (await node.queue.item(digest)).state == "RETRYING"
    await proxy.stop()
    await centre.stop()
    await centre.start()
    node.port, node.transfer_port = centre.port, centre.transfer_port
    await node.queue.retry(digest)
    node.begin_draining()
    await eventually(node.drained)
    assert centre.bytes_of(digest) == content(12 * MIB)


async def test_node_lost_in_the_middle(centre: TransferCentre, tmp_path: Path) -> None:
    """Invariant 3: a node that starts again goes on with its queue and sends nothing twice."""
    node = DrainingNode(centre.authority, tmp_path / "node", "lpse-kalsel", centre)
    await node.start()
    first = await node.accept(*(content(3_000, seed) for seed in range(10)))
    await eventually(node.settled)
    assert await node.drain.step(CLOCK.wall()) == 10
    later = await node.accept(content(3_000, 3), content(8_000, 99))  # one is known content
    await node.kill()
    await node.start()
    node.begin_draining()
    await eventually(lambda: node.drain.verified_blobs() == 1)
    await eventually(node.drained)
    assert centre.bytes_of(later[1]) == content(8_000, 99)
    assert later[0] == first[3] and (await node.queue.item(first[3])).attempts == 1
    await node.stop()


async def test_poisoned_item_is_parked_and_blocks_nothing(
    centre: TransferCentre, node: DrainingNode
) -> None:
    """Invariant 10: a file that changed on the node's own disk is parked, shown, and replayable."""
    good, bad = content(70_000, 1), content(70_000, 2)
    digests = await node.accept(bad, good)
    path = node.blobs.path_of(digests[0])
    path.write_bytes(content(70_000, 3))
    await eventually(node.settled)
    assert await node.drain.step(CLOCK.wall()) == 1
    item = await node.queue.item(digests[0])
    assert (item.state, item.last_cause[:8]) == ("PARKED", "FED-2311")
    assert node.suspected == [digests[0]], "the healing of damaged bytes hears of it at once"
    assert centre.bytes_of(digests[0]) is None and centre.bytes_of(digests[1]) == good
    assert not list((centre.folder / "blobs" / "incoming").iterdir())
    page = await node.queue.page(after="", limit=10)
    assert [one.digest for one in page.items] == [digests[0]] and page.waiting_count == 1
    assert await node.drain.step(CLOCK.wall()) == 0, "a parked item waits for a person"
    path.write_bytes(bad)
    await node.queue.retry(digests[0])
    assert await node.drain.step(CLOCK.wall()) == 1
    assert centre.bytes_of(digests[0]) == bad


async def test_missing_file_is_parked(centre: TransferCentre, node: DrainingNode) -> None:
    """Invariant 10: bytes that are gone from the node's disk are named as such."""
    await node.announce([(sha256(b"gone").digest(), 4)])
    await eventually(node.settled)
    await node.drain.step(CLOCK.wall())
    item = await node.queue.item(sha256(b"gone").digest())
    assert (item.state, item.last_cause[:8]) == ("PARKED", "FED-2311")


@pytest.mark.parametrize("size", [5_000, 3 * MIB])
async def test_a_verdict_about_other_bytes_ends_no_transfer(
    centre: TransferCentre, node: DrainingNode, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Invariant 1: VERIFIED counts for the digest that was sent, whatever a centre says."""
    monkeypatch.setattr(
        "central.blobs.service._verified",
        lambda *_, **__: wire.PutBlobResponse(verified=wire.VerifiedBlob(digest=bytes(32))),
    )
    monkeypatch.setattr(
        "central.blobs.groups._verdict",
        lambda digest, *_: wire.BlobVerdict(
            digest=digest, verified=wire.VerifiedBlob(digest=bytes(32))
        ),
    )
    await eventually(node.settled)
    (digest,) = await node.accept(content(size))
    await eventually(node.settled)
    await node.drain.step(CLOCK.wall())
    item = await node.queue.item(digest)
    assert (item.state, item.last_cause[:8]) == ("RETRYING", "FED-2313")


async def test_policy_keeps_bytes_at_the_node(centre: TransferCentre, node: DrainingNode) -> None:
    """With the policy manifest_only no byte leaves, and nothing counts as waiting."""
    node.kept_here = True
    (digest,) = await node.accept(content(4_000))
    await eventually(node.settled)
    assert await node.drain.step(CLOCK.wall()) == 0
    assert centre.bytes_of(digest) is None and node.drain.queue_bytes() == 0
    page = await node.queue.page(after="", limit=10)
    assert page.waiting_count == 0 and "policy" in page.items[0].last_cause


async def test_same_content_of_two_nodes_is_stored_once(
    centre: TransferCentre, node: DrainingNode, tmp_path: Path
) -> None:
    """The centre keeps it once, but each node sends it: to know a digest proves nothing."""
    other = DrainingNode(centre.authority, tmp_path / "other", "lpse-papua", centre)
    async with running(other):
        await node.accept(content(3 * MIB), content(0), content(900))
        await eventually(node.settled)
        assert await node.drain.step(CLOCK.wall()) == 3
        proxy = SeverableProxy(centre.transfer_port)
        await proxy.start()
        other.transfer_port = proxy.port
        await other.accept(content(3 * MIB), content(0), content(900))
        await eventually(other.settled)
        assert await other.drain.step(CLOCK.wall()) == 3
        assert proxy.forwarded > 3 * MIB
        await proxy.stop()
    assert len(list((centre.folder / "blobs" / "sha256").glob("*/*"))) == 3
    assert [one.verified_blobs for one in await centre.uploads.totals()] == [3, 3]


async def test_bundle_is_fetched_over_a_cut_road(
    centre: TransferCentre, node: DrainingNode, tmp_path: Path
) -> None:
    """A published bundle is fetched from where the node has it; any other is not given."""
    bundle = content(6 * MIB + 5)
    (blob,) = await centre.blobs.put_many("bundle", [bundle])
    fetcher = BundleFetcher(tmp_path / "bundles", node, reserve_bytes=0)
    with pytest.raises(Unavailable) as refused:
        await fetcher.fetch(blob.digest, blob.size)
    assert refused.value.code == "FED-2312"
    centre.shelf.sizes[blob.digest] = blob.size
    proxy = BackwardProxy(centre.transfer_port)
    await proxy.start()
    node.transfer_port = proxy.port
    proxy.sever_after_answers(2 * MIB)
    with pytest.raises(Unavailable):
        await fetcher.fetch(blob.digest, blob.size)
    part = tmp_path / "bundles" / f"{blob.digest.hex()}.part"
    had = part.stat().st_size
    assert 0 < had < blob.size
    proxy.mend()
    before = proxy.answered
    path = await fetcher.fetch(blob.digest, blob.size)
    assert path.read_bytes() == bundle
    assert proxy.answered - before < blob.size - had + MIB
    assert await fetcher.fetch(blob.digest, blob.size) == path
    await proxy.stop()


class BackwardProxy(SeverableProxy):
    """A road that can be cut by what comes from the centre's side."""

    answered = 0
    _answers_end: int | None = None

    def sever_after_answers(self, more_bytes: int) -> None:
        """Sever when so many further bytes have come from the centre."""
        self._answers_end = self.answered + more_bytes

    async def _copy(self, reader, writer, *, counted):  # type: ignore[no-untyped-def]  # as above
        if counted:
            await super()._copy(reader, writer, counted=True)
            return
        while data := await reader.read(16 * 1024):
            self.answered += len(data)
            if self._answers_end is not None and self.answered >= self._answers_end:
                self._answers_end = None
                self.sever()
                return
            writer.write(data)
            await writer.drain()
