"""Steps are written ahead, with their journal entries, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpse.federation.errors import Conflict
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.versions import parse_version
from regional_node.upgrades.rules import Reason, State, WantedRelease, wanted_release
from regional_node.upgrades.store import Step
from tests.regional_node.upgrades.world import NOW, World


def wanted(world: World, bundles: dict[str, Path]) -> WantedRelease:
    world.want(bundles["3.6"], "3.6", "3.0")
    release = wanted_release(world.desired)
    assert release is not None
    return release


async def test_illegal_move_writes_nothing(world: World, bundles: dict[str, Path]) -> None:
    """A step that the table does not have leaves row, history and journal as they were."""
    begun = await world.store.begin(wanted(world, bundles), parse_version("3.0"), "slot", NOW)
    size = world.journal.head.size
    with pytest.raises(Conflict):
        await world.store.move(begun, Step(State.APPLIED), NOW)
    assert await world.store.active() == begun
    assert len(await world.store.steps(begun.attempt)) == 1
    assert world.journal.head.size == size


async def test_stale_step_is_refused(world: World, bundles: dict[str, Path]) -> None:
    """Whoever acts on an old picture of the attempt is told so."""
    begun = await world.store.begin(wanted(world, bundles), parse_version("3.0"), "slot", NOW)
    await world.store.move(begun, Step(State.DOWNLOADING), NOW)
    with pytest.raises(Conflict) as caught:
        await world.store.move(begun, Step(State.DOWNLOADING), NOW)
    assert caught.value.code == "FED-6102"


async def test_each_step_knows_its_journal_entry(world: World, bundles: dict[str, Path]) -> None:
    """History and journal say the same, in the same order, for every step."""
    attempt = await world.store.begin(wanted(world, bundles), parse_version("3.0"), "slot", NOW)
    until = world.later(hours=3)
    attempt = await world.store.move(attempt, Step(State.HELD, Reason.DEADLINE, "why", until), NOW)
    attempt = await world.store.move(attempt, Step(State.WITHDRAWN), NOW)
    steps = await world.store.steps(attempt.attempt)
    assert [step.state for step in steps] == [State.RECEIVED, State.HELD, State.WITHDRAWN]
    entries = await world.journalled()
    assert [entry.state for entry in entries[-3:]] == [
        records.UPGRADE_STATE_RECEIVED,
        records.UPGRADE_STATE_HELD,
        records.UPGRADE_STATE_WITHDRAWN,
    ]
    held = entries[-2]
    assert held.hold_reason == records.HOLD_REASON_DEADLINE
    assert held.hold_until_time.ToDatetime(tzinfo=until.tzinfo) == until == steps[1].hold_until
    assert await world.store.active() is None


async def test_one_attempt_at_a_time(world: World, bundles: dict[str, Path]) -> None:
    """The database itself refuses a second attempt beside an unfinished one."""
    await world.store.begin(wanted(world, bundles), parse_version("3.0"), "slot", NOW)
    with pytest.raises(Exception, match="UNIQUE"):
        await world.store.begin(wanted(world, bundles), parse_version("3.0"), "slot", NOW)
