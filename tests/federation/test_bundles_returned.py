"""A centre that lost the bundle of a published release gets it back from a node that holds it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from central.national.rules import Gate
from lpse.federation.limits import KIB
from lpse.storage.scrub import OWN
from regional_node.transfer.fetching import BundleFetcher
from tests.federation.bundles import VERSION, BundleCentre, BundleNode
from tests.federation.rig import CLOCK, Authority, eventually, running

HOLDER, OTHER, THIRD = "lpse-pacitan", "lpse-kalsel", "lpse-aceh"
SMALL, LARGE = 30 * KIB, 700 * KIB  # taken in whole, and in parts that can be resumed


def content(size: int, seed: int = 7) -> bytes:
    """Bytes that no other seed gives."""
    return Random(seed).randbytes(size)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[BundleCentre]:
    found = BundleCentre(Authority(tmp_path / "keys"), tmp_path / "centre")
    async with running(found):
        size = found.national.head.size
        await found.national.assert_complete(expect_size=size, reason="a new centre", by="ani")
        await eventually(lambda: found.national.gate is Gate.OPEN)
        yield found


def _node(centre: BundleCentre, tmp_path: Path, name: str) -> BundleNode:
    return BundleNode(centre.authority, tmp_path / name, name, centre)


def _present(centre: BundleCentre, *nodes: BundleNode) -> Callable[[], bool]:
    names = sorted(node.node_id for node in nodes)
    return lambda: centre.sessions.sound() == names


def _looked(centre: BundleCentre, bundle: bytes) -> Callable[[], Awaitable[bool]]:
    """Look once more, as the centre does by itself every few seconds; whether it is back."""

    async def look() -> bool:
        return await centre.lost.step() == 0 and await centre.holds(bundle)

    return look


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_lost_bundle_comes_back_and_can_be_fetched_again(
    centre: BundleCentre, tmp_path: Path, size: int
) -> None:
    """Nobody does anything: the release that a restored centre only knew by name is whole again."""
    bundle, node = content(size), _node(centre, tmp_path, HOLDER)
    digest = await centre.publish(bundle)
    node.put(bundle)
    await centre.forget(digest)
    async with running(node):
        await eventually(_present(centre, node))
        await eventually(_looked(centre, bundle))
        await eventually(lambda: _told(centre, 2))
        assert await centre.rules() == [
            ("", "R-BUNDLE-MISSING/2"),
            (HOLDER, "R-BUNDLE-RETURNED/1"),
        ]
        assert await centre.lost.step() == 0
        other = BundleFetcher(tmp_path / "fetched", node, reserve_bytes=0)
        assert (await other.fetch(digest, size)).read_bytes() == bundle


async def _told(centre: BundleCentre, count: int) -> bool:
    return len(await centre.rules()) == count


async def test_a_damaged_bundle_is_replaced_and_its_finding_closed(
    centre: BundleCentre, tmp_path: Path
) -> None:
    """The entries are complete and only the file is bad: found by the scrub, healed by a node."""
    bundle, node = content(LARGE), _node(centre, tmp_path, HOLDER)
    digest = await centre.publish(bundle)
    node.put(bundle)
    centre.blobs.path_of(digest).write_bytes(bundle[:-1] + b"x")
    await centre.scrub.found((digest, LARGE), OWN, "CORRUPT", CLOCK.wall())
    async with running(node):
        await eventually(_present(centre, node))
        await eventually(_looked(centre, bundle))
        finding = await centre.scrub.get(digest, OWN)
        assert finding is not None and finding.state == "HEALED"
        await eventually(lambda: _told(centre, 2))
        missing = (await centre.found())[0].entries[0]
        assert VERSION in missing.reason and "CORRUPT" in missing.reason
