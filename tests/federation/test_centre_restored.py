"""A centre restored from a backup gets its national entries back from the nodes that hold them."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from central.national.national import National
from central.national.rules import Gate
from central.witness.rules import Part
from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import link_pb2 as link
from regional_node.witness.giving_back import RESTORE
from regional_node.witness.store import WitnessStore
from tests.federation.restored import LosingCentre, WitnessNode, policy
from tests.federation.rig import Authority, Node, eventually, running

NODE, OTHER = "lpse-pacitan", "lpse-kalsel"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


async def _lost(
    authority: Authority,
    tmp_path: Path,
    nodes: list[WitnessNode],
    count: int,
) -> LosingCentre:
    """A centre opened from a copy that lacks `count` entries which all `nodes` hold."""
    centre = LosingCentre(authority, tmp_path / "centre")
    async with running(centre):
        for node in nodes:
            node.port = centre.port
        async with running(*nodes):
            await eventually(lambda: centre.national.gate is Gate.OPEN)
            await centre.national.publish(policy(1))
    centre.copy_database(tmp_path / "old")
    async with running(centre):
        for node in nodes:
            node.port = centre.port
        async with running(*nodes):
            await centre.national.publish(*(policy(100 + one) for one in range(count)))
            for node in nodes:
                await eventually(_holding(node, centre))
    return LosingCentre(authority, tmp_path / "old")


def _holding(node: WitnessNode, centre: LosingCentre) -> Callable[[], bool]:
    return lambda: node.holds(centre.journal.head)


async def test_a_restored_centre_gets_its_national_entries_back(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: nobody does anything, and the same entries stand at the same indexes again."""
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = await _lost(authority, tmp_path, [node], 300)
    async with running(centre):
        node.port = centre.port
        lost = centre.journal.head.size
        async with running(node):
            held = node.national.head
            assert held is not None
            # An open gate lets the centre publish its own findings behind what came back.
            await eventually(lambda: centre.national.gate is Gate.OPEN)
            assert await centre.national.signed_at(held.epoch, held.size) == held
            await eventually(lambda: node.state.row.contradiction is None and node.settled())
            await centre.national.publish(policy(7))
            await eventually(lambda: node.national.state.policy.guard_window_seconds == 7)
            rows = await centre.database.read(lambda tx: tx.execute("SELECT record FROM policies"))
            assert directives.PolicyPublished.FromString(rows[0][0]).guard_window_seconds == 399
            await eventually(lambda: bool(centre.runs_told))
            [(told, entries)] = centre.runs_told
            assert (told, entries[0].rule) == (NODE, "R-NATIONAL-RETURNED/1")
            assert entries[0].count == held.size - lost
            await eventually(lambda: _told(node, "R-NATIONAL-RETURNED/1"))


async def test_two_nodes_that_return_at_once_bring_everything_once(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 3: what both give back stands there once, and the gate opens by its rule."""
    nodes = [WitnessNode(authority, tmp_path / one, one, 0) for one in (NODE, OTHER)]
    centre = await _lost(authority, tmp_path, nodes, 20)
    async with running(centre):
        for node in nodes:
            node.port = centre.port
        async with running(*nodes):
            await eventually(lambda: all(node.holds(centre.journal.head) for node in nodes))
            await eventually(lambda: centre.national.gate is Gate.OPEN)
            assert centre.national.evidence.witnesses == {NODE, OTHER}


async def test_a_session_that_was_judged_before_another_node_gave_back_is_begun_anew(
    authority: Authority, tmp_path: Path
) -> None:
    """Over it nothing national would come, although by now the centre holds everything."""
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = LosingCentre(authority, tmp_path / "centre")
    async with running(centre):
        node.port = centre.port
        async with running(node):
            await eventually(lambda: node.settled() and node.holds(centre.journal.head))
            judged = node.state.session
            assert judged is not None and node.state.row.contradiction is None
            judged.relation = link.HEAD_RELATION_CENTRE_REWOUND
            node.giving.wake()
            await eventually(lambda: node.state.session not in (None, judged))


async def test_a_return_that_breaks_off_is_taken_up_again(
    authority: Authority, tmp_path: Path
) -> None:
    """What came back durably stays; the next attempt goes on from there."""
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = await _lost(authority, tmp_path, [node], 700)
    async with running(centre):
        first = await _first_part(node, centre)
        assert 0 < first < 700
    async with running(centre):
        node.port = centre.port
        async with running(node):
            await eventually(lambda: node.holds(centre.journal.head))
            await eventually(lambda: centre.national.gate is Gate.OPEN)


async def _first_part(node: WitnessNode, centre: LosingCentre) -> int:
    """Give back one part and then break the stream."""
    node.port = 1
    async with running(node):
        head = node.national.head
        assert head is not None
        before = centre.journal.head.size

        async def parts() -> AsyncIterator[Part]:
            async for one in node.giving._parts(_wire_part, before, head):
                yield one
                raise ConnectionError

        with pytest.raises(ConnectionError):
            await centre.returning.take(NODE, parts())
        return centre.journal.head.size - before


def _wire_part(**fields: Any) -> Part:
    return Part(**fields | {"head": Head.of(fields["head"])})


async def _two_histories(
    authority: Authority, tmp_path: Path, node: WitnessNode, own: int, theirs: int
) -> LosingCentre:
    """A restored centre that an operator asserted and that published while nobody was there."""
    centre = await _lost(authority, tmp_path, [node], theirs)
    async with running(centre):
        size = centre.national.head.size
        await centre.national.assert_complete(expect_size=size, reason="nobody answers", by="ani")
        await centre.national.publish(*(policy(900 + one) for one in range(own - 1)))
    return centre


@pytest.mark.parametrize(("own", "theirs"), [(5, 40), (40, 5), (20, 20)])
async def test_an_index_that_a_node_has_seen_otherwise_is_never_used_again(
    authority: Authority, tmp_path: Path, own: int, theirs: int
) -> None:
    """Invariant 5: asserted and published while nobody was there; the evidence of both stays."""
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = await _two_histories(authority, tmp_path, node, own, theirs)
    async with running(centre):
        assert centre.national.gate is Gate.OPEN, "a plain restart of what it published"
        head = centre.journal.head
        node.port = centre.port
        async with running(node):
            held = node.national.head
            assert held is not None
            await eventually(lambda: centre.national.gate is Gate.CONTRADICTED)
            with pytest.raises(FederationError):
                await centre.national.publish(policy(1))
            await eventually(lambda: bool(centre.runs_told))
            assert (centre.journal.head, node.national.head) == (head, held)
            [branch] = await centre.kept.branches()
            await eventually(lambda: _whole(centre, held.size))
            assert (branch.head.root, branch.own_head.root) == (held.root, head.root)
            kept = await centre.kept.branch_entries(branch.number)
            assert [index for index, _ in kept] == list(range(branch.common_size, held.size))
            [(_, [entry])] = centre.runs_told
            assert entry.rule == "R-NATIONAL-FORKED/1"
            await eventually(lambda: _told(node, "R-NATIONAL-FORKED/1"))
            [evidence] = await WitnessStore(node.database).findings()
            assert (evidence.held, evidence.head) == (held, head)
        async with running(node):  # a restart tells it again to nobody
            await eventually(lambda: not node.giving.wanted() and node.state.session is not None)
            assert len(await WitnessStore(node.database).findings()) == 1
            assert (await _rules(node)).count("R-NATIONAL-FORKED/1") == 1


async def test_a_contradiction_outlives_a_restart_of_the_centre(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: before any node speaks again the gate is shut, and says why."""
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = await _two_histories(authority, tmp_path, node, 5, 40)
    async with running(centre):
        node.port = centre.port
        async with running(node):
            await eventually(lambda: centre.national.gate is Gate.CONTRADICTED)
    async with running(centre):
        assert centre.national.gate is Gate.CONTRADICTED
        assert centre.national.evidence.contradicting == {NODE}
        with pytest.raises(FederationError) as refused:
            await centre.national.publish(policy(1))
        assert refused.value.code == "FED-2220"


async def _whole(centre: LosingCentre, size: int) -> bool:
    return (await centre.kept.branches())[0].kept == size


async def _told(node: Node, rule: str) -> bool:
    return rule in await _rules(node)


async def _rules(node: Node) -> list[str]:
    """Of the runs that were no link's."""
    runs = await node.runs.store.page(before=1 << 40, limit=20)
    listed = [run.record for run in runs if run.record.trigger == RESTORE]
    return [one.rule for run in listed for one in run.entries]


async def test_a_branch_that_is_none_is_refused(authority: Authority, tmp_path: Path) -> None:
    """A node cannot fill the centre's disk with entries that the journal has anyway."""
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = await _lost(authority, tmp_path, [node], 3)
    async with running(centre):
        node.port = 1
        async with running(node):
            head = node.national.head
            assert head is not None

            async def parts() -> AsyncIterator[Part]:
                async for one in node.giving._parts(_wire_part, 0, head):
                    yield one

            with pytest.raises(FederationError) as caught:
                await centre.returning.keep(NODE, parts())
            assert caught.value.code == "FED-2453"
            assert not await centre.kept.branches()


async def test_a_returned_entry_that_was_changed_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 2: what does not lead to the centre's own signed head changes nothing."""
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = await _lost(authority, tmp_path, [node], 3)
    async with running(centre):
        node.port = 1
        async with running(node):
            head, before = node.national.head, centre.journal.head
            assert head is not None

            async def parts() -> AsyncIterator[Part]:
                async for one in node.giving._parts(_wire_part, before.size, head):
                    yield Part(one.first_index, [*one.entries[:-1], b"forged"], head, one.proof)

            with pytest.raises(FederationError) as caught:
                await centre.returning.take(NODE, parts())
            assert caught.value.code == "FED-2452"
            assert centre.journal.head == before


@pytest.mark.parametrize("same_boot", [True, False])
async def test_the_head_file_tells_when_everything_is_back(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, same_boot: bool
) -> None:
    """One node is enough where the file names the last visible head, and is of this boot.

    A file of an earlier boot may be older than what was visible, so three must still agree. What
    came back is filed, unproven, before it is judged: what counts is the file that was found.
    """
    monkeypatch.setattr(National, "reconsider", _after_filing(National.reconsider))
    for name in ("lpse-a", "lpse-b", "lpse-c"):  # three words would be needed without the file
        authority.node(name)
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = LosingCentre(authority, tmp_path / "centre")
    async with running(centre):
        size = centre.national.head.size
        await centre.national.assert_complete(expect_size=size, reason="a new centre", by="ani")
    centre.copy_database(tmp_path / "backup")
    async with running(centre):
        node.port = centre.port
        async with running(node):
            await centre.national.publish(*(policy(one) for one in range(9)))
            await eventually(lambda: node.holds(centre.journal.head))
    for path in centre.folder.glob("central.db*"):
        path.unlink()
    for path in (tmp_path / "backup").glob("central.db*"):
        path.rename(centre.folder / path.name)
    filed = centre.folder / "national.head"
    if not same_boot:
        filed.write_text(json.dumps({**json.loads(filed.read_text()), "boot": "an earlier one"}))
    async with running(centre):
        assert centre.national.evidence.start.value == "restored"
        node.port = centre.port
        async with running(node):
            await eventually(lambda: _judged(centre))
            assert centre.national.witnesses_needed == 3
            told = centre.national.evidence.start.value, centre.national.gate
            assert told == (
                ("plain restart", Gate.OPEN) if same_boot else ("unproven", Gate.WAITING)
            )


def _judged(centre: LosingCentre) -> bool:
    """Everything is back, and no node contradicts."""
    started, gate = centre.national.evidence.start.value, centre.national.gate
    return started != "restored" and gate is not Gate.CONTRADICTED


def _after_filing(
    reconsider: Callable[[National], Awaitable[None]],
) -> Callable[[National], Awaitable[None]]:
    async def late(national: National) -> None:
        await national._show_newest()
        await reconsider(national)

    return late


async def test_the_same_backup_restored_once_more_ends_two_histories(
    authority: Authority, tmp_path: Path
) -> None:
    """The way out where nobody saw what was published by mistake: restore again, and wait."""
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = await _lost(authority, tmp_path, [node], 8)
    shutil.copytree(centre.folder, tmp_path / "kept")
    async with running(centre):
        size = centre.national.head.size
        await centre.national.assert_complete(expect_size=size, reason="in a hurry", by="ani")
        node.port = centre.port
        async with running(node):
            await eventually(lambda: centre.national.gate is Gate.CONTRADICTED)
    again = LosingCentre(authority, tmp_path / "kept")
    async with running(again):
        node.port = again.port
        async with running(node):
            await eventually(lambda: node.holds(again.journal.head))
            await eventually(lambda: again.national.gate is Gate.OPEN)
            await again.national.publish(policy(77))
            await eventually(lambda: node.national.state.policy.guard_window_seconds == 77)
