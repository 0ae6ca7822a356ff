"""Every run that the two sides record can be decided again, whatever happened between them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lpse.federation.reconciliation_replay import lines, replay
from lpse.federation.reconciliation_sets import sets_of
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from tests.federation.rig import Authority, Centre, Node, eventually, running

NODE = "lpse-pacitan"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.lock"))


async def _write(node: Node, count: int) -> None:
    await node.journal.append(*(records.HoldEnded(reason=str(one)) for one in range(count)))


async def _checked(node: Node) -> set[str]:
    """Replay every run of the node; the rules that decided in them."""
    rows = await node.runs.store.page(before=1 << 40, limit=1_000)
    rules: set[str] = set()
    for row in rows:
        replayed = replay(row.record)
        assert replayed.complete, (row.record.run, list(lines(replayed)))
        assert sets_of(row.record).closes()
        rules |= {one.rule.partition("/")[0] for one in row.record.entries}
    return rules


async def _found(centre: Centre) -> set[str]:
    """The same for what the centre found out itself."""
    rules: set[str] = set()
    for record in await centre.found():
        assert replay(record).complete, record.run
        rules |= {one.rule.partition("/")[0] for one in record.entries}
    return rules


async def test_absence_and_return_are_decided_again(authority: Authority, tmp_path: Path) -> None:
    """Invariant 9: first contact, a node ahead, a centre ahead, and a demand without difference."""
    centre = Centre(authority, tmp_path / "centre")
    node = Node(authority, tmp_path / "node", NODE, 0)
    async with running(centre):
        node.port = centre.port
        async with running(node):
            await eventually(node.settled)
        await centre.national.publish(*[directives.PolicyPublished()] * 3)
        node.port = 1  # nobody listens there
        async with running(node):
            await _write(node, 20)
        node.port = centre.port
        async with running(node):
            await eventually(node.settled)
            await eventually(lambda: node.national.head == centre.national.head)
            before = len(await node.runs.store.page(before=1 << 40, limit=99))
            assert node.worker.demand_run()

            async def recorded() -> bool:
                rows = await node.runs.store.page(before=1 << 40, limit=99)
                return len([row for row in rows if row.finished]) > before

            await eventually(recorded)
            rules = await _checked(node)
    assert rules >= {
        "R-REGIONAL-AHEAD",
        "R-REGIONAL-EQUAL",
        "R-NATIONAL-BEHIND",
        "R-NATIONAL-EQUAL",
    }


async def test_contradictions_are_decided_again(authority: Authority, tmp_path: Path) -> None:
    """Invariant 9: an old copy, a fork, and what the centre wrote down about them."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            await _write(node, 5)
            await eventually(node.settled)
        for name in ("old", "fork"):
            _copy(tmp_path / "node", tmp_path / name)
        async with running(node):
            await _write(node, 5)
            await eventually(node.settled)
            await _checked(node)
        old = Node(authority, tmp_path / "old", NODE, centre.port)
        async with running(old):
            await eventually(lambda: old.state.session is not None)
        async with running(old):
            assert "R-NODE-REWOUND" in await _checked(old)
        fork = Node(authority, tmp_path / "fork", NODE, 1)  # nobody listens there
        async with running(fork):
            await _write(fork, 40)
        fork.port = centre.port
        async with running(fork):
            await eventually(lambda: fork.state.session is not None)
        async with running(fork):
            assert {"R-REGIONAL-FORKED", "R-CLONE-SUSPECT"} & await _checked(fork)

        async def told() -> bool:
            return "R-NODE-REWOUND" in await _found(centre)

        await eventually(told)


async def test_a_restored_centre_is_decided_again(authority: Authority, tmp_path: Path) -> None:
    """Invariant 9: what the centre lost of both journals stands in the node's run by its rule."""
    centre = Centre(authority, tmp_path / "centre")
    node = Node(authority, tmp_path / "node", NODE, 0)
    async with running(centre):
        node.port = centre.port
        async with running(node):
            await eventually(node.settled)
    centre.copy_database(tmp_path / "restored")
    async with running(centre), running(node):
        await centre.national.publish(directives.PolicyPublished(guard_window_seconds=5))
        await _write(node, 10)
        await eventually(lambda: node.state.stored_size == node.journal.head.size)
        await eventually(lambda: node.national.head == centre.national.head)
    restored = Centre(authority, tmp_path / "restored")
    async with running(restored):
        node.port = restored.port
        async with running(node):
            await eventually(lambda: restored.stored(NODE) >= node.journal.head.size)
        async with running(node):
            rules = await _checked(node)
    assert {"R-CENTRE-REWOUND", "R-LEDGER-RETURNED"} <= rules
