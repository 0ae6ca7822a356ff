"""A restored centre that lost the end of an epoch, or epochs, which its node has left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lpse.intake.v1 import node_pb2 as api
from regional_node.recovery.status import Told
from tests.federation.rig import CLOCK, Authority, Centre, Node, eventually, running
from tests.federation.test_recovery_rewound import (
    NODE,
    Recovering,
    reasons,
    recovering,
    runs_of,
    sound,
    write,
)


async def _restarted(node: Node, words: str) -> None:
    """The node comes up from its own copy in a new epoch, and hands over what it writes."""
    node.restored = True
    async with running(node):
        await write(node, 3, words)
        await eventually(node.settled)
    node.restored = False


def _restore(centre: Centre, backup: Path) -> None:
    for path in centre.folder.glob("central.db*"):
        path.unlink()
    for path in backup.iterdir():
        shutil.copy(path, centre.folder / path.name)


@pytest.mark.parametrize("epochs", [1, 2])
async def test_what_ended_epochs_held_comes_back_once(tmp_path: Path, epochs: int) -> None:
    """Invariants 2 and 3: the link sends the present epoch only; no entry stays at its node."""
    centre = Centre(Authority(tmp_path / "keys"), tmp_path / "centre")
    await centre.start()
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await write(node, 2, "kept ")
        await eventually(node.settled)
    await centre.stop()
    centre.copy_database(tmp_path / "backup")
    async with running(centre):
        async with running(node):
            await write(node, 4, "lost ")
            await eventually(node.settled)
        for number in range(epochs):
            await _restarted(node, f"epoch {number} ")
        wanted = await reasons(centre)
    assert len(wanted) == 2 + 4 + 3 * epochs
    _restore(centre, tmp_path / "backup")
    async with running(centre), recovering(node) as recovery:

        async def whole() -> bool:
            await recovery.worker.step(CLOCK.wall())
            return await reasons(centre) == wanted

        await eventually(whole)
        await eventually(lambda: _over(recovery))
        rules = [entry.rule for run in await runs_of(node) for entry in run.entries]
        assert "R-EPOCH-RETURNED/1" in rules and "R-BRANCH-REIMPORTED/1" not in rules
        answer = api.GetNodeStatusResponse()
        await Told(node.database).fill(answer)
        assert not answer.HasField("last_recovery"), "the centre was restored, not this node"
        await sound(node)
        await _is_still(node, recovery)
        assert await reasons(centre) == wanted


async def _over(recovery: Recovering) -> bool:
    """One step; whether recovery is over and handed over. Nobody gives national entries back here.

    So the run of the link goes on, and the node is never settled.
    """
    await recovery.worker.step(CLOCK.wall())
    over = recovery.table.told > 0 and not (await recovery.store.state()).cause
    return over and recovery.node.holds_nothing_back()


async def _is_still(node: Node, recovery: Recovering) -> None:
    """Nothing is left to do: no epoch is opened again, in this session or in the next."""
    present = node.journal.epoch
    for _ in range(3):
        await recovery.worker.step(CLOCK.wall())
    assert not await recovery.engine.lost_there(
        await recovery.engine.agreed(await recovery.engine.listed())
    )
    assert node.journal.epoch == present


async def test_a_centre_that_lost_every_epoch_of_a_node_gets_all_of_them(tmp_path: Path) -> None:
    """Invariant 2: the backup is older than the node's first contact; nothing stays at the node."""
    centre = Centre(Authority(tmp_path / "keys"), tmp_path / "centre")
    await centre.start()
    await centre.stop()
    centre.copy_database(tmp_path / "backup")
    await centre.start()
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await write(node, 4, "first ")
        await eventually(node.settled)
    for number in range(2):
        await _restarted(node, f"epoch {number} ")
    wanted = await reasons(centre)
    assert len(wanted) == 4 + 3 * 2
    await centre.stop()
    _restore(centre, tmp_path / "backup")
    async with running(centre), recovering(node) as recovery:
        assert await reasons(centre) == []

        async def whole() -> bool:
            await recovery.worker.step(CLOCK.wall())
            return await reasons(centre) == wanted

        await eventually(whole)
        await eventually(lambda: _over(recovery))
        await sound(node)
        await _is_still(node, recovery)
        assert await reasons(centre) == wanted
