"""A centre that lost the bundle of a published release gets it back from a node that holds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from central.blobs.receiving import Wanted
from central.national.rules import Gate
from central.releases import lost_rules
from central.releases.lost_rules import Search
from lpse.federation.errors import FederationError
from lpse.federation.limits import BUNDLES_WANTED_MAX, KIB, MIB
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1.directives_pb2 import ReleaseWithdrawn
from lpse.storage.scrub import OWN
from regional_node.transfer.fetching import BundleFetcher
from regional_node.transfer.order import LAST
from regional_node.transfer.road import Interrupted, Road
from regional_node.transfer.sending import Sender, Way
from regional_node.transfer.windows import Plan
from regional_node.witness.bundles import GivingBundles, Shelf, _One
from tests.federation.bundles import VERSION, BundleCentre, BundleNode
from tests.federation.rig import CLOCK, LOG, Authority, eventually, running

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
        kept = [one.read_bytes() for one in (centre.folder / "blobs").rglob("*") if one.is_file()]
        assert bundle[:-1] + b"x" in kept, "the bad copy stays as evidence"
        finding = await centre.scrub.get(digest, OWN)
        assert finding is not None and finding.state == "HEALED"
        await eventually(lambda: _told(centre, 2))
        missing = (await centre.found())[0].entries[0]
        assert VERSION in missing.reason and b"CORRUPT" in missing.centre_evidence


async def test_a_node_that_brings_other_bytes_changes_nothing(
    centre: BundleCentre, tmp_path: Path
) -> None:
    """Invariant 1: what counts is the digest read from the disk; the liar is told of, not believed.

    The liar says that it runs the release, so that it is asked first.
    """
    bundle, liar = content(LARGE), Lying(centre.authority, tmp_path / HOLDER, HOLDER, centre)
    honest = _node(centre, tmp_path, OTHER)
    liar.put(content(LARGE, 8))
    honest.put(bundle)
    centre.running = {HOLDER: VERSION}
    digest = await centre.publish(bundle)
    await centre.forget(digest)
    async with running(liar):
        await eventually(_present(centre, liar))
        await centre.lost.step()
        await eventually(lambda: HOLDER in _search(centre, digest).tried)
        assert not centre.blobs.path_of(digest).exists()
        assert not centre.blobs.part_path(_part(digest)).exists()
        assert await centre.rows.size_of(digest) is None
        assert await centre.lost.step() == 1 and centre.asked == [HOLDER]
        assert not _search(centre, digest).may_be_asked(HOLDER, now=1e12)
        async with running(honest):
            await eventually(_present(centre, liar, honest))
            await eventually(_looked(centre, bundle))
            await eventually(lambda: _told(centre, 2))
            assert (await centre.rules())[-1] == (OTHER, "R-BUNDLE-RETURNED/1")
            assert centre.asked == [HOLDER, OTHER]


async def test_one_node_is_asked_at_a_time_and_one_without_it_says_so(
    centre: BundleCentre, tmp_path: Path
) -> None:
    """Nodes that have none answer at once, so that the one that has it is reached without waits."""
    bundle, names = content(LARGE), sorted((HOLDER, OTHER, THIRD))
    nodes = [_node(centre, tmp_path, name) for name in names]
    nodes[-1].put(bundle)
    nodes[0].put(content(LARGE, 9), name=sha256(bundle).digest())  # its disk has rotted
    digest = await centre.publish(bundle)
    await centre.forget(digest)
    async with running(*nodes):
        await eventually(_present(centre, *nodes))
        await eventually(_looked(centre, bundle))
        assert centre.asked == names


async def test_a_broken_stream_goes_on_where_it_stopped_from_another_node(
    centre: BundleCentre, tmp_path: Path
) -> None:
    """All continue one part: nothing travels twice, and no more than one bundle is on the disk."""
    bundle, slow = content(4 * MIB), _node(centre, tmp_path, HOLDER)
    other = _node(centre, tmp_path, OTHER)
    slow.put(bundle)
    other.put(bundle)
    slow.road = Breaking(2 * MIB)
    other.road = counted = Breaking(1 << 40)
    digest = await centre.publish(bundle)
    await centre.forget(digest)
    async with running(slow):
        await eventually(_present(centre, slow))
        await centre.lost.step()
        await eventually(lambda: HOLDER in _search(centre, digest).tried)
        assert _search(centre, digest).brought_by == {HOLDER}
    async with running(other):
        await eventually(_present(centre, other))
        await eventually(_looked(centre, bundle))
        assert centre.asked == [HOLDER, OTHER]
        assert counted.paid < 3 * MIB


async def test_bytes_of_two_nodes_that_do_not_fit_blame_nobody(
    centre: BundleCentre, tmp_path: Path
) -> None:
    """A liar that stops half-way cannot make the honest node that goes on look like one."""
    bundle, liar = content(4 * MIB), Lying(centre.authority, tmp_path / HOLDER, HOLDER, centre)
    honest = _node(centre, tmp_path, OTHER)
    liar.put(content(4 * MIB, 8))
    honest.put(bundle)
    liar.road = Breaking(2 * MIB)
    digest = await centre.publish(bundle)
    await centre.forget(digest)
    async with running(liar):
        await eventually(_present(centre, liar))
        await centre.lost.step()
        await eventually(lambda: HOLDER in _search(centre, digest).tried)
    async with running(honest):
        await eventually(_present(centre, honest))
        await eventually(_looked(centre, bundle))
        assert centre.asked == [HOLDER, OTHER, OTHER]


async def test_bytes_from_before_a_restart_blame_nobody(
    centre: BundleCentre, tmp_path: Path
) -> None:
    """A centre that no longer knows who brought the first half asks the honest node once more."""
    bundle, liar = content(4 * MIB), Lying(centre.authority, tmp_path / HOLDER, HOLDER, centre)
    honest = _node(centre, tmp_path, OTHER)
    liar.put(content(4 * MIB, 8))
    honest.put(bundle)
    liar.road = Breaking(2 * MIB)
    digest = await centre.publish(bundle)
    await centre.forget(digest)
    async with running(liar):
        await eventually(_present(centre, liar))
        await centre.lost.step()
        await eventually(lambda: HOLDER in _search(centre, digest).tried)
    await centre.stop()
    await centre.start()
    async with running(honest):
        await eventually(_present(centre, honest))
        await eventually(_looked(centre, bundle))
        assert centre.asked == [HOLDER, OTHER, OTHER]


async def test_another_size_than_the_published_one_is_refused_at_once(
    centre: BundleCentre, tmp_path: Path
) -> None:
    """Invariant 12: not a byte is taken, and what is here of it stays for others."""
    bundle, node = content(LARGE), _node(centre, tmp_path, HOLDER)
    digest = await centre.publish(bundle)
    node.put(bundle + b"more", name=digest)
    await centre.forget(digest)
    async with running(node):
        await eventually(_present(centre, node))
        node.bundles_task.cancel()
        await centre.lost.step()
        with pytest.raises(FederationError) as refused:
            await _sent(node, digest)
        assert refused.value.code == "FED-2304"
        assert not _search(centre, digest).brought_by


async def test_questions_that_wait_at_a_node_are_bounded(
    centre: BundleCentre, tmp_path: Path
) -> None:
    """Invariant 12: one too many is passed over, and so is what can be no digest."""
    node = _node(centre, tmp_path, HOLDER)
    giving = GivingBundles(node.shelf(), node, node.road, CLOCK, LOG)
    for number in range(BUNDLES_WANTED_MAX + 1):
        giving.wanted(link.BundleWanted(digest=bytes([number]) * 32, size_bytes=1))
    giving.wanted(link.BundleWanted(digest=b"short", size_bytes=1))
    giving.wanted(link.BundleWanted(digest=bytes(32), size_bytes=2))
    assert list(giving._asked) == [bytes([one]) * 32 for one in range(BUNDLES_WANTED_MAX)]
    assert giving._asked[bytes(32)] == 2, "what waits already is asked again"


async def test_a_rotten_fetched_bundle_hides_no_good_one(tmp_path: Path) -> None:
    """A node looks at every place where the bundle may lie before it says that it has none."""
    bundle = content(SMALL)
    digest = sha256(bundle).digest()
    (tmp_path / f"{digest.hex()}.bundle").write_bytes(content(SMALL, 8))
    (tmp_path / "installed.tar").write_bytes(bundle)
    shelf = Shelf(tmp_path, [tmp_path / "absent.tar", tmp_path / "installed.tar"])
    assert shelf.find(digest, SMALL) == tmp_path / "installed.tar"
    assert Shelf(tmp_path, []).find(digest, SMALL) is None


async def test_nobody_may_bring_what_he_was_not_asked_for(
    centre: BundleCentre, tmp_path: Path
) -> None:
    """Invariant 12: knowing a digest is no right to fill the centre's disk."""
    bundle, asked = content(LARGE), _node(centre, tmp_path, HOLDER)
    pushing = _node(centre, tmp_path, OTHER)
    asked.answering = False  # an older program: it passes over the question
    for one in (asked, pushing):
        one.put(bundle)
    centre.running = {HOLDER: VERSION}
    digest = await centre.publish(bundle)
    await centre.forget(digest)
    async with running(asked, pushing):
        await eventually(_present(centre, asked, pushing))
        await centre.lost.step()
        assert centre.asked == [HOLDER]
        with pytest.raises(FederationError) as refused:
            await pushing.giving_bundles._answer(digest, LARGE)
        assert refused.value.code == "FED-2301"
        assert not centre.blobs.path_of(digest).exists()


async def test_a_node_that_does_not_answer_is_passed_over(
    centre: BundleCentre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node of an older version ignores the question; after its time another one is asked."""
    bundle, older = content(LARGE), _node(centre, tmp_path, HOLDER)
    newer = _node(centre, tmp_path, OTHER)
    older.answering = False
    newer.put(bundle)
    centre.running = {HOLDER: VERSION}
    digest = await centre.publish(bundle)
    await centre.forget(digest)
    async with running(older, newer):
        await eventually(_present(centre, older, newer))
        await centre.lost.step()
        await centre.lost.step()
        assert centre.asked == [HOLDER], "it still has time"
        search = _search(centre, digest)
        monkeypatch.setattr(lost_rules, "BUNDLE_ANSWER_SECONDS", 0.0)
        await centre.lost.step()
        assert HOLDER in search.tried, "it is not asked again at once"
        monkeypatch.undo()
        assert centre.asked == [HOLDER, OTHER]
        await eventually(_looked(centre, bundle))


async def test_a_stream_that_never_ends_keeps_the_bundle_from_nobody(
    centre: BundleCentre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: a node that trickles has half a day; then its stream is fenced off."""
    bundle, endless = content(4 * MIB), _node(centre, tmp_path, HOLDER)
    other = _node(centre, tmp_path, OTHER)
    for one in (endless, other):
        one.put(bundle)
    endless.road = road = Silent(2 * MIB)
    centre.running = {HOLDER: VERSION}
    digest = await centre.publish(bundle)
    await centre.forget(digest)
    async with running(endless, other):
        await eventually(_present(centre, endless, other))
        await centre.lost.step()
        await road.silent.wait()
        await eventually(lambda: _search(centre, digest).brought_by == {HOLDER})
        await centre.lost.step()
        assert centre.asked == [HOLDER], "it still has time"
        monkeypatch.setattr(lost_rules, "BUNDLE_BRINGING_SECONDS_MAX", 0.0)
        await centre.lost.step()
        monkeypatch.undo()
        assert centre.asked == [HOLDER, OTHER]
        await eventually(_looked(centre, bundle))


async def test_an_operator_may_still_bring_it(centre: BundleCentre, tmp_path: Path) -> None:
    """Nobody has the bundle: the question stays open until the same file is added again."""
    bundle, node = content(LARGE), _node(centre, tmp_path, HOLDER)
    digest = await centre.publish(bundle)
    await centre.forget(digest)
    async with running(node):
        await eventually(_present(centre, node))
        await centre.lost.step()
        await eventually(lambda: HOLDER in _search(centre, digest).tried)
        await centre.publish(bundle)
        assert await centre.lost.step() == 0
    assert [rule for _, rule in await centre.rules()] == [
        "R-BUNDLE-MISSING/2",
        "R-BUNDLE-WHOLE/1",
    ]


async def test_a_withdrawn_release_misses_nothing(centre: BundleCentre) -> None:
    """Nobody is asked for what nobody may install."""
    digest = await centre.publish(content(SMALL))
    await centre.forget(digest)
    gone = ReleaseWithdrawn(version=VERSION, reason="broken", withdrawn_by="ani")
    await centre.releases.withdraw(VERSION, gone, CLOCK.wall(), validate_only=False)
    assert await centre.lost.step() == 0
    assert not await centre.rules()


async def test_a_full_disk_takes_no_bundle_and_loses_none(
    centre: BundleCentre, tmp_path: Path
) -> None:
    """The reserve stays for entries and receipts; the node is asked again when there is room."""
    bundle, node = content(LARGE), _node(centre, tmp_path, HOLDER)
    node.put(bundle)
    digest = await centre.publish(bundle)
    await centre.forget(digest)
    reserve, centre.blobs._reserve_bytes = centre.blobs._reserve_bytes, 1 << 60
    async with running(node):
        await eventually(_present(centre, node))
        with pytest.raises(FederationError) as refused:
            await _asked_directly(centre, node, digest)
        assert refused.value.code == "FED-1101"
        centre.blobs._reserve_bytes = reserve
        assert await node.giving_bundles._answer(digest, LARGE)
        assert await centre.holds(bundle)


async def _asked_directly(centre: BundleCentre, node: BundleNode, digest: bytes) -> None:
    """Asked, and answered by the test instead of the worker, so that its refusal is seen."""
    node.bundles_task.cancel()
    await centre.lost.step()
    await node.giving_bundles._answer(digest, LARGE)


async def _sent(node: BundleNode, digest: bytes) -> None:
    """The file of that name goes, whatever it holds, with the size that it has."""
    path = node.folder / "bundles" / f"{digest.hex()}.bundle"
    async with node.connect() as channel:
        sender = Sender(_One(path), node.road, CLOCK)
        node.road.begin("bundle", LAST)
        await sender.send(channel, digest, path.stat().st_size, Way("bundle", lambda _: None))


def _search(centre: BundleCentre, digest: bytes) -> Search:
    return centre.lost._searches[digest]


def _part(digest: bytes) -> str:
    return Wanted("lost bundle", digest, 0, "").transfer


class Lying(BundleNode):
    """Gives whatever lies in its folder for what it is asked for."""

    def shelf(self) -> Shelf:
        folder = self.folder / "bundles"

        class Any(Shelf):
            def find(self, digest: bytes, size: int) -> Path | None:
                return next(folder.iterdir())

        return Any(folder, [])


class Silent(Road):
    """A road on which nothing more goes after so many bytes, and nothing ends."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(Plan(), ZoneInfo("UTC"), CLOCK)
        self.silent = asyncio.Event()
        self._left = bytes_max

    async def pay(self, size: int) -> None:
        """For ever beyond the bytes."""
        self._left -= size
        if self._left < 0:
            self.silent.set()
            await asyncio.Event().wait()


class Breaking(Road):
    """A road whose window closes after so many bytes."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(Plan(), ZoneInfo("UTC"), CLOCK)
        self.paid = 0
        self._bytes_max = bytes_max

    async def pay(self, size: int) -> None:
        """Interrupted beyond the bytes."""
        if self.paid + size > self._bytes_max:
            raise Interrupted
        self.paid += size
