"""A local copy goes only after hand-over, retention and the centre's own word; never on doubt."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse.federation.errors import NotFound
from regional_node.intake.claims import Claims
from regional_node.reconciliation.attachments_store import AttachmentStore
from regional_node.transfer.freeing import FreeingWorker, KeptBlobs
from regional_node.transfer.freeing_store import FreeingStore
from tests.federation.rig import CLOCK, Authority, eventually, running
from tests.federation.transfers import DrainingNode, Told, TransferCentre

RETENTION = timedelta(days=30)
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=31)


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


class Keeper:
    """The freeing worker of a node with its real claims and rows."""

    def __init__(self, node: DrainingNode) -> None:
        self.node = node
        self.store = FreeingStore(node.database, Told(node))
        self.claims = Claims(node.blobs, self._needed)
        self.worker = FreeingWorker(self.store, node.blobs, self.claims, node, CLOCK, RETENTION)
        self.kept = KeptBlobs(node.blobs, self.store)

    async def _needed(self, digest: bytes) -> bool:
        return digest in await self.must_hold()

    async def must_hold(self) -> set[bytes]:
        """What a start expects on the disk."""
        rows = await self.node.database.read(lambda tx: tx.execute("SELECT digest FROM kept_blobs"))
        return {bytes(digest) for (digest,) in rows}

    async def accepted(self, data: bytes) -> bytes:
        """A submission of one file, in intake's rows too, as one more package needs it."""
        (digest,) = await self.node.accept(data)
        await self.node.database.write(
            lambda tx: tx.run(
                "INSERT INTO intake_blobs VALUES (?, ?, 1, 0, 0) ON CONFLICT DO UPDATE SET"
                " reference_count = reference_count + 1",
                (digest, len(data)),
            )
        )
        self.node.deadlines[digest] = LONG_AGO
        await eventually(self.node.settled)
        return digest

    def here(self, digest: bytes) -> bool:
        """Whether the file is on the node's disk."""
        return self.node.blobs.path_of(digest).exists()


@pytest.fixture
async def keeper(node: DrainingNode) -> Keeper:
    return Keeper(node)


def content(seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(40_000)


async def test_a_copy_goes_when_everything_is_through(
    centre: TransferCentre, node: DrainingNode, keeper: Keeper
) -> None:
    """Not before hand-over, retention and VERIFIED; afterwards rows stay and say where it is."""
    digest = await keeper.accepted(content())
    other = await keeper.accepted(content(8))
    node.handed_over[digest] = LONG_AGO
    await node.drain.follow()
    assert await keeper.worker.step(NOW) == 0, "the centre has not verified it"
    assert await node.drain.step(CLOCK.wall()) == 2
    node.handed_over[digest] = NOW - RETENTION + timedelta(seconds=1)
    assert await keeper.worker.step(NOW) == 0, "the retention is not over"
    assert await keeper.worker.step(NOW + timedelta(seconds=1)) == 1
    assert not keeper.here(digest) and keeper.here(other)
    assert await keeper.must_hold() == {other}
    assert (await keeper.store.totals()).size_bytes == len(content())
    with pytest.raises(NotFound) as gone:
        await keeper.kept.open_read(digest)
    assert gone.value.code == "FED-2325" and "centre" in gone.value.remedy
    async with await keeper.kept.open_read(other) as reader:
        assert await reader.read(50_000) == content(8)
    assert await keeper.worker.step(NOW + RETENTION) == 0
    assert (await node.queue.item(digest)).state == "VERIFIED"
    assert centre.bytes_of(digest) == content()


async def test_a_rewound_centre_gets_the_bytes_again_instead(
    centre: TransferCentre, node: DrainingNode, keeper: Keeper
) -> None:
    """Its old VERIFIED does not count: it is asked to read its disk right before."""
    digest = await keeper.accepted(content())
    assert await node.drain.step(CLOCK.wall()) == 1
    node.handed_over[digest] = LONG_AGO
    centre.blobs.path_of(digest).unlink()
    assert await keeper.worker.step(NOW) == 0 and keeper.here(digest)
    assert (await node.queue.item(digest)).state == "RETRYING"
    assert await node.drain.step(CLOCK.wall()) == 1
    assert centre.bytes_of(digest) == content()
    assert await keeper.worker.step(NOW) == 1


async def test_what_an_officer_attached_stays(node: DrainingNode, keeper: Keeper) -> None:
    """A decision names the same bytes: they are given up only once no decision can."""
    digest = await keeper.accepted(content())
    assert await node.drain.step(CLOCK.wall()) == 1
    node.handed_over[digest] = LONG_AGO
    attachments = AttachmentStore(node.database)
    await attachments.stored(digest, len(content()), NOW)
    assert await keeper.worker.step(NOW) == 0 and keeper.here(digest)
    assert await attachments.drop_unnamed(digest)
    assert await keeper.worker.step(NOW) == 1 and not keeper.here(digest)
    await node.blobs.put_many("again", [content()])
    await attachments.stored(digest, len(content()), NOW)
    assert await keeper.must_hold() == {digest}
    assert await keeper.worker.step(NOW + RETENTION) == 0 and keeper.here(digest)


async def test_nothing_goes_while_the_centre_is_away(node: DrainingNode, keeper: Keeper) -> None:
    """Without an answer there is doubt, and on doubt the file stays."""
    digest = await keeper.accepted(content())
    assert await node.drain.step(CLOCK.wall()) == 1
    node.handed_over[digest] = LONG_AGO
    node.paused = True
    assert await keeper.worker.step(NOW) == 0 and keeper.here(digest)
    node.paused, node.transfer_port = False, 1
    assert await keeper.worker.step(NOW) == 0 and keeper.here(digest)


async def test_manifest_only_needs_no_word_of_the_centre(
    node: DrainingNode, keeper: Keeper
) -> None:
    """The hand-over is enough, and a later change of the policy does not miss the bytes."""
    node.kept_here = True
    digest = await keeper.accepted(content())
    await node.drain.follow()
    node.handed_over[digest] = LONG_AGO
    assert await keeper.worker.step(NOW) == 1 and not keeper.here(digest)
    node.kept_here = False
    assert await node.drain.step(CLOCK.wall()) == 0
    assert (await node.store.totals()).count == 0


async def test_content_that_another_package_needs_stays(node: DrainingNode, keeper: Keeper) -> None:
    """Every package counts, also one whose submission was not looked at yet."""
    digest = await keeper.accepted(content())
    assert await node.drain.step(CLOCK.wall()) == 1
    node.handed_over[digest] = LONG_AGO
    node.deadlines[b"unseen".ljust(32)] = None  # accepted a moment ago
    assert await keeper.worker.step(NOW) == 0 and keeper.here(digest)
    del node.deadlines[b"unseen".ljust(32)]
    await node.database.write(
        lambda tx: tx.run("INSERT INTO transfer_needs VALUES (?, 'ab')", (digest,))
    )
    assert await keeper.worker.step(NOW) == 0 and keeper.here(digest)


async def test_content_of_an_upload_under_way_stays(node: DrainingNode, keeper: Keeper) -> None:
    """Somebody is sending the same bytes just now: they stay, and go when it has ended."""
    digest = await keeper.accepted(content())
    assert await node.drain.step(CLOCK.wall()) == 1
    node.handed_over[digest] = LONG_AGO
    await keeper.claims.claim(digest, keeper.claims.deletions)
    assert await keeper.worker.step(NOW) == 0 and keeper.here(digest)
    keeper.claims.release(digest)
    assert await keeper.worker.step(NOW) == 1


async def test_the_same_content_accepted_again_counts_at_once(
    node: DrainingNode, keeper: Keeper
) -> None:
    """From the acceptance on a start expects the file, before anything has followed it."""
    digest = await keeper.accepted(content())
    assert await node.drain.step(CLOCK.wall()) == 1
    node.handed_over[digest] = LONG_AGO
    assert await keeper.worker.step(NOW) == 1
    assert await keeper.must_hold() == set()
    del node.handed_over[digest]
    await keeper.accepted(content())
    assert await keeper.must_hold() == {digest}
    await node.drain.follow()
    assert await keeper.worker.step(NOW) == 0 and keeper.here(digest)
    assert (await keeper.store.totals()).count == 0


async def test_a_crash_between_mark_and_deletion_loses_nothing(
    node: DrainingNode, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 1: the mark is durable first; the next step deletes what is still there."""
    digest = await keeper.accepted(content())
    assert await node.drain.step(CLOCK.wall()) == 1
    node.handed_over[digest] = LONG_AGO

    async def died(digest: bytes, mark: Callable[[], Awaitable[bool]]) -> bool:
        assert await mark()
        return False

    with monkeypatch.context() as patched:
        patched.setattr(keeper.claims, "free", died)
        assert await keeper.worker.step(NOW) == 0
    assert keeper.here(digest) and await keeper.must_hold() == set()
    async with await keeper.kept.open_read(digest) as reader:
        assert await reader.read(50_000) == content()
    assert await Keeper(node).worker.step(NOW) == 1
    assert not keeper.here(digest)
