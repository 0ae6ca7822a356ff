"""Histories that contradict each other are recognised at the first hello, and nothing is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from central.link.store import QuarantineRow
from central.national.rules import Gate
from lpse.federation.errors import Conflict, NotFound, Unavailable
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database
from tests.federation.rig import NODE_MIGRATIONS, Authority, Centre, Node, eventually, running

NODE = "lpse-pacitan"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.lock"))


async def _write(node: Node, count: int) -> None:
    await node.journal.append(*(records.HoldEnded(reason=str(one)) for one in range(count)))


def _quarantine(node: Node) -> str:
    return node.state.session.quarantine_code if node.state.session else ""


async def _first_life(authority: Authority, tmp_path: Path, centre: Centre) -> Node:
    """A node that handed five entries over, left a backup, and then handed over five more."""
    node = Node(authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await _write(node, 5)
        await eventually(node.settled)
    _copy(tmp_path / "node", tmp_path / "backup")
    async with running(node):
        await _write(node, 5)
        await eventually(node.settled)
    return node


async def test_a_node_restored_from_an_old_copy_is_quarantined(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: the rewound node is recognised, its copy here stays, its intake goes on."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await _first_life(authority, tmp_path, centre)
        before = centre.ledger.current(NODE)
        old = Node(authority, tmp_path / "backup", NODE, centre.port)
        async with running(old):
            await eventually(lambda: _quarantine(old) == "FED-2212")
            await _write(old, 3)
            assert centre.ledger.current(NODE) == before
            run = (await old.runs.store.page(before=1 << 40, limit=1))[0]
            assert run.record.entries[0].rule == "R-NODE-REWOUND/2"
            assert not run.record.heads_equal


async def test_a_restored_node_that_opens_a_new_epoch_goes_on(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: a new epoch names the old head; both epochs are kept and entries flow."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        first = await _first_life(authority, tmp_path, centre)
        restored = Node(authority, tmp_path / "backup", NODE, centre.port)
        restored.restored = True
        async with running(restored):
            await _write(restored, 2)
            await eventually(restored.settled)
            assert len(centre.ledger.positions(NODE)) == 2
            run = (await restored.runs.store.page(before=1 << 40, limit=1))[0]
            assert run.record.trigger == records.RECONCILIATION_TRIGGER_RESTORE
            assert "R-EPOCH-NEW/1" in [one.rule for one in run.record.entries]
        async with running(first):  # the machine that was thought dead comes back
            await eventually(lambda: _quarantine(first) == "FED-2243")
            assert first.state.session is not None
            assert first.state.session.relation == wire.HEAD_RELATION_OLD_EPOCH


@pytest.mark.parametrize("sent_before_the_loss", [False, True])
async def test_a_restored_node_carries_its_unsent_entries_over(
    authority: Authority, tmp_path: Path, sent_before_the_loss: bool
) -> None:
    """Invariants 2 and 3: what a backup holds unsent reaches the centre, and counts once there."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            await _write(node, 5)
            await eventually(node.settled)
        node.port = 1  # nobody listens there
        async with running(node):
            await _write(node, 700)
        _copy(tmp_path / "node", tmp_path / "backup")
        if sent_before_the_loss:
            node.port = centre.port
            async with running(node):
                await eventually(node.settled)
        restored = Node(authority, tmp_path / "backup", NODE, centre.port)
        restored.restored = True
        async with running(restored):
            await _write(restored, 2)
            await eventually(lambda: restored.settled() and _projected(restored))
            assert len(await centre.recorder.seen(records.HoldEnded)) == 707
            assert restored.state.row.parked == ()


def _projected(node: Node) -> bool:
    return node.state.row.applied_size == node.journal.head.size


async def test_a_clone_with_an_old_token_does_not_push_the_node_out(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: a copy with an old token stands beside the sound session, quarantined."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            await eventually(node.settled)
        _copy(tmp_path / "node", tmp_path / "clone")
        async with running(node):

            async def confirmed() -> bool:
                state = await centre.parts.store.tokens(NODE)
                return state.confirmed is not None and state.confirmed.number == 2

            await eventually(confirmed)
            await eventually(node.settled)
            clone = Node(authority, tmp_path / "clone", NODE, centre.port)
            async with running(clone):
                await eventually(lambda: _quarantine(clone) == "FED-2214")
                assert node.settled() and not _quarantine(node)


async def test_a_fork_is_quarantined_and_both_histories_are_kept(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: the same index with another root stops the entries of that node."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await _first_life(authority, tmp_path, centre)
        before = centre.ledger.current(NODE)
        fork = Node(authority, tmp_path / "backup", NODE, 1)  # nobody listens there
        async with running(fork):
            await _write(fork, 40)
        fork.port = centre.port
        async with running(fork):
            await eventually(lambda: _quarantine(fork) != "" or fork.state.cause != "")
            await eventually(lambda: _quarantine(fork) in ("FED-2213", "FED-2214"))
            assert centre.ledger.current(NODE) == before


async def test_a_centre_restored_from_an_older_copy_overwrites_nothing(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: the node keeps its copy and reports once; its entries heal the centre."""
    centre = Centre(authority, tmp_path / "centre")
    node = Node(authority, tmp_path / "node", NODE, 0)
    async with running(centre):
        node.port = centre.port
        async with running(node):
            await eventually(node.settled)
    centre.copy_database(tmp_path / "old")
    async with running(centre), running(node):
        await centre.national.publish(directives.PolicyPublished(guard_window_seconds=5))
        await _write(node, 10)
        await eventually(lambda: node.settled() and node.national.head == centre.national.head)
    held = node.national.head
    old = Centre(authority, tmp_path / "old")
    async with running(old):
        assert old.national.gate is Gate.WAITING
        with pytest.raises(Unavailable):
            await old.national.publish(directives.PolicyPublished())
        node.port = old.port
        async with running(node):
            await eventually(lambda: old.national.gate is Gate.CONTRADICTED)
            await eventually(lambda: node.state.row.contradiction is not None)
            await eventually(lambda: old.stored(NODE) == node.journal.head.size)
            with pytest.raises(Conflict):
                await old.national.assert_complete(
                    expect_size=old.national.head.size, reason="x", by="ani"
                )
            assert node.national.head == held
        async with running(node):
            await eventually(lambda: node.state.session is not None)
            told = [
                one
                for one in await node.journal.entries(0, 1_000)
                if one.kind == "centre.contradicted"
            ]
            assert len(told) == 1, "one contradiction is journalled once"


async def test_a_restored_centre_publishes_after_its_nodes_have_shown_their_heads(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: a copy that misses nothing national opens its gate by the nodes' word."""
    centre = Centre(authority, tmp_path / "centre")
    node = Node(authority, tmp_path / "node", NODE, 0)
    async with running(centre):
        node.port = centre.port
        async with running(node):
            await eventually(node.settled)
    centre.copy_database(tmp_path / "copy")
    copy = Centre(authority, tmp_path / "copy")
    async with running(copy):
        assert copy.national.gate is Gate.WAITING
        node.port = copy.port
        async with running(node):
            await eventually(lambda: copy.national.gate is Gate.OPEN)
            await copy.national.publish(directives.PolicyPublished(guard_window_seconds=3))
            await eventually(lambda: node.national.state.policy.guard_window_seconds == 3)


async def test_a_plain_restart_publishes_at_once(authority: Authority, tmp_path: Path) -> None:
    """The head file beside the database proves that nothing visible was lost."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await centre.national.publish(directives.PolicyPublished())
    authority.node(NODE)
    async with running(centre):
        assert centre.national.gate is Gate.OPEN
        await centre.national.publish(directives.PolicyPublished())


async def test_an_operator_releases_a_clone_suspect_but_not_a_fork(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: a person may vouch for a token, never for a contradicting history."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            await eventually(node.settled)
        await node_forgets_its_token(tmp_path / "node")
        async with running(node):
            await eventually(lambda: _quarantine(node) == "FED-2214")
            await centre.sessions.release(NODE, "the disk was exchanged")
            await eventually(lambda: node.settled() and not _quarantine(node))
            with pytest.raises(NotFound):
                await centre.sessions.release(NODE, "again")
        row = QuarantineRow(NODE, wire.HEAD_RELATION_FORKED, "FED-2213", "two", "2015-03-27")
        await centre.parts.store.quarantine_begins(row, None)
        with pytest.raises(Conflict):
            await centre.sessions.release(NODE, "never mind")


async def node_forgets_its_token(folder: Path) -> None:
    """As if the token alone had been lost."""
    database = await Database.open(folder / "node.db", NODE_MIGRATIONS)
    await database.write(lambda tx: tx.run("UPDATE link_state SET token_number = 0"))
    await database.close()
