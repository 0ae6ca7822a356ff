"""The centre's damaged copies over a real database and blob store; the link is its port's twin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
import structlog

from central.scrub.asking import Asking
from central.scrub.store import CentralScrubStore
from lpse.federation.limits import BLOBS_WANTED_AGAIN_SECONDS, SCRUB_RETRY_SECONDS_MAX
from lpse.federation.v1 import link_pb2 as link
from lpse.runtime.clock import ManualClock
from lpse.runtime.sqlite import Database
from lpse.storage.blobs import BlobStore
from lpse.storage.scrub import OWN, Found

MIGRATIONS = Path("central/migrations")
NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
BID = b"sealed bytes of a bid"
DIGEST = sha256(BID).digest()


@dataclass
class Present:
    """Nodes that are connected, and what they were asked; implements the port `Nodes`."""

    nodes: set[str] = field(default_factory=set)
    asked: list[tuple[str, link.BlobsWanted]] = field(default_factory=list)

    def ask(self, node_id: str, wanted: link.BlobsWanted) -> bool:
        if node_id in self.nodes:
            self.asked.append((node_id, wanted))
        return node_id in self.nodes


@dataclass
class Centre:
    """What a test looks at."""

    blobs: BlobStore
    store: CentralScrubStore
    present: Present
    asking: Asking
    clock: ManualClock

    async def step(self) -> int:
        return await self.asking.step(self.clock.wall())

    async def damage(self, found: Found, data: bytes | None) -> None:
        path = self.blobs.path_of(DIGEST)
        path.unlink() if data is None else path.write_bytes(data)
        await self.store.found((DIGEST, len(BID)), OWN, found, self.clock.wall())


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    database = await Database.open(tmp_path / "central.db", MIGRATIONS)
    blobs, clock = BlobStore(tmp_path / "blobs"), ManualClock(NOW)
    store, present = CentralScrubStore(database), Present()
    asking = Asking(store, blobs, present, clock, structlog.get_logger())
    await blobs.put_many("bid", [BID])
    announced = "INSERT INTO upload_blobs (node_id, digest, size_bytes) VALUES (?, ?, ?)"
    held = "INSERT INTO blobs VALUES (?, ?, 'upload', 0)"
    await database.write(lambda tx: tx.run(held, (DIGEST, len(BID))))
    await database.write(lambda tx: tx.run(announced, ("lpse-pacitan", DIGEST, len(BID))))
    yield Centre(blobs, store, present, asking, clock)
    await database.close()


async def test_only_nodes_that_announced_the_blob_are_asked(centre: Centre) -> None:
    """The damaged file is evidence, its own node is asked, and nobody else hears of it."""
    centre.present.nodes = {"lpse-pacitan", "lpse-papua"}
    await centre.damage(Found.CORRUPT, b"sealed bytes of a bit")
    assert await centre.step() == 0
    ((node_id, frame),) = centre.present.asked
    assert node_id == "lpse-pacitan"
    assert [(one.digest, one.found) for one in frame.blobs] == [(DIGEST, "CORRUPT")]
    assert await centre.blobs.size_of(DIGEST) is None, "the receiver must take it in again"
    assert len(list((centre.blobs.folder / "aside").iterdir())) == 1


async def test_copy_counts_as_healed_when_it_was_re_read(centre: Centre) -> None:
    """Invariant 1: other bytes under the name do not close the finding, the right ones do."""
    await centre.damage(Found.MISSING, None)
    await centre.step()
    centre.blobs.path_of(DIGEST).write_bytes(b"x" * len(BID))
    centre.clock.advance(BLOBS_WANTED_AGAIN_SECONDS + 1)
    assert await centre.step() == 0
    await centre.blobs.put_many("again", [BID])
    centre.clock.advance(BLOBS_WANTED_AGAIN_SECONDS + 1)
    assert await centre.step() == 1
    assert (await centre.store.totals()).healed == 1


async def test_absent_node_is_asked_when_it_comes_and_again_when_nothing_came(
    centre: Centre,
) -> None:
    """Invariant 12: asking waits for the node, repeats, and never faster than its limit."""
    await centre.damage(Found.MISSING, None)
    await centre.step()
    assert not centre.present.asked
    centre.present.nodes = {"lpse-pacitan"}
    for _ in range(100):
        centre.clock.advance(BLOBS_WANTED_AGAIN_SECONDS / 10)
        await centre.step()
    assert 8 <= len(centre.present.asked) <= 20


async def test_blob_that_no_node_announced_needs_a_person(centre: Centre) -> None:
    """A release bundle cannot be asked of a node: it is open for a person, and looked at again."""
    bundle = sha256(b"bundle").digest()
    await centre.store.found((bundle, 6), OWN, Found.MISSING, centre.clock.wall())
    await centre.step()
    assert (await centre.store.totals()).person == 1
    await centre.blobs.put_many("bundle", [b"bundle"])
    centre.clock.advance(SCRUB_RETRY_SECONDS_MAX + 1)
    assert await centre.step() == 1
