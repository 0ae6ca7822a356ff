"""The link under faults: cut lines, dead parties, poisoned and repeated entries."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.message import Message

from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from tests.federation.rig import Authority, Centre, Node, eventually, running
from tests.federation.severable import SeverableProxy

NODE = "lpse-pacitan"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


def _record(number: int, padding: int = 0) -> Message:
    return records.HoldEnded(package="p", reason=f"{number}{'x' * padding}")


async def test_a_cut_in_the_middle_of_a_frame_loses_and_doubles_nothing(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariants 2 and 3: after cuts at many places the centre has every entry once."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        proxy = SeverableProxy(centre.port)
        await proxy.start()
        node = Node(authority, tmp_path / "node", NODE, proxy.port)
        async with running(node):
            await eventually(node.settled)
            for number in range(6):
                proxy.cut_after(7_000 * (number + 1))
                await node.journal.append(*(_record(one, 500) for one in range(100)))
                await eventually(lambda: proxy.forwarded > 0 and not proxy._whole)
                proxy.mend()
                node.worker.hint()
            await eventually(lambda: node.state.row.applied_size >= 601 and node.settled())
            assert len(await centre.recorder.seen(records.HoldEnded)) == 600
            ours = await node.journal.entries(0, 600)
            theirs = await centre.ledger.received.entries(NODE, node.journal.epoch, 0, 600)
            assert [one.data for one in ours] == [one.data for one in theirs]
        await proxy.stop()


async def test_losing_the_centre_leaves_the_node_working_and_it_comes_back(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 4: while the centre is dead entries are written, and they arrive afterwards."""
    centre = Centre(authority, tmp_path / "centre")
    await centre.start()
    node = Node(authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await eventually(node.settled)
        await centre.stop()
        await eventually(lambda: node.state.session is None)
        await node.journal.append(*(_record(one) for one in range(50)))
        assert node.state.queue_entries >= 50
        async with running(centre):
            await eventually(node.settled)
            assert centre.stored(NODE) == node.journal.head.size


async def test_a_killed_node_goes_on_where_the_centre_stored(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 2: a node that dies and comes back sends the rest and nothing else."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        await node.start()
        await node.journal.append(*(_record(one) for one in range(300)))
        await node.kill()
        async with running(node):
            await node.journal.append(_record(301))
            await eventually(lambda: node.state.row.applied_size >= 302)
            assert len(await centre.recorder.seen(records.HoldEnded)) == 301


async def test_a_poisoned_entry_is_parked_and_the_others_go_on(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 10: one entry that a projection cannot take is parked, listed and replayable."""
    centre = Centre(authority, tmp_path / "centre")
    centre.recorder.poison = lambda one: isinstance(one, records.HoldStarted)
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            await node.journal.append(_record(1), records.HoldStarted(stage="s"), _record(2))
            await eventually(lambda: len(node.state.row.parked) == 1)
            assert len(await centre.recorder.seen(records.HoldEnded)) == 2
            assert not await centre.recorder.seen(records.HoldStarted)
            centre.recorder.poison = lambda _: False
            assert await centre.projector.replay() == (1, 0)
            assert len(await centre.recorder.seen(records.HoldStarted)) == 1
            await eventually(lambda: node.state.row.parked == ())


async def test_national_entries_follow_every_node_with_the_same_bytes(
    authority: Authority, tmp_path: Path
) -> None:
    """One encoded frame serves every caught-up session, and each node ends at the same head."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        nodes = [
            Node(authority, tmp_path / f"node-{one}", f"lpse-{one}", centre.port)
            for one in range(4)
        ]
        async with running(*nodes):
            await eventually(lambda: all(one.settled() for one in nodes))
            size = centre.national.head.size
            await centre.national.publish(directives.PolicyPublished(guard_window_seconds=9))
            await eventually(
                lambda: all(one.national.head == centre.national.head for one in nodes)
            )
            assert await centre.frames.at(size) is await centre.frames.at(size)
            head = centre.national.head

            async def all_witnessed() -> bool:
                found = await centre.parts.store.witnesses(head.epoch, head.size)
                return found == [one.node_id for one in nodes]

            await eventually(all_witnessed)


async def test_every_reconnect_is_one_run_with_equal_heads(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 9: the run names heads that both hold, and its sets close."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        proxy = SeverableProxy(centre.port)
        await proxy.start()
        node = Node(authority, tmp_path / "node", NODE, proxy.port)
        async with running(node):
            await eventually(node.settled)
            proxy.sever()
            await eventually(lambda: node.state.session is None)
            await node.journal.append(*(_record(one) for one in range(20)))
            await centre.national.publish(
                directives.OutageRevised(
                    outage="outages/2015-0001",
                    revision=1,
                    act=directives.OUTAGE_ACT_DECLARE,
                    scope=directives.OUTAGE_SCOPE_NATIONAL,
                )
            )
            proxy.mend()

            async def two_runs() -> bool:
                return len(await centre.recorder.seen(records.ReconciliationRecorded)) == 2

            await eventually(two_runs)
            first, second = await centre.recorder.seen(records.ReconciliationRecorded)
            assert first.trigger == records.RECONCILIATION_TRIGGER_ENROLMENT
            assert second.trigger == records.RECONCILIATION_TRIGGER_RECONNECT
            assert second.heads_equal
            assert second.attempts >= 1
            assert second.entries_sent >= 20
            rules = [one.rule for one in second.entries]
            assert rules[:2] == ["R-REGIONAL-AHEAD/1", "R-NATIONAL-BEHIND/1"]
            assert "R-DIRECTIVE-LATE/1" in rules
            total = second.both_count + second.only_node_count + second.only_centre_count
            union = second.node_head_before.size + second.national_head_before.size
            assert total + second.different_count == union
            await eventually(node.settled)
            assert await two_runs(), "a run's own entry starts no run"
        await proxy.stop()
