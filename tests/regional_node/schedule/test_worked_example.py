"""The worked example of March 2015 through a node's real store, journal and fold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from lpse.federation.desired_state import NodeFacts
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from regional_node.schedule.proposals import ProposalState
from tests.regional_node.schedule.world import (
    OPENING,
    UPLOAD,
    World,
    at,
    by_day,
    holidays,
    package,
)

ROWS = {
    "P1": ("2015-03-27 10:00", "2015-03-31 10:00"),
    "P2": ("2015-03-30 10:00", "2015-04-06 10:00"),
    "P3": ("2015-03-31 12:00", "2015-04-06 12:00"),
    "P4": ("2015-04-01 16:00", "2015-04-06 16:00"),
    "P5": ("2015-03-26 15:00", None),
}


async def test_every_row_of_the_worked_example(world: World) -> None:
    """Declared after the fact, the outage gives each package exactly what the rules owe it."""
    await world.load(*(package(code, old) for code, (old, _) in ROWS.items()))
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-31 09:00"))
    for code, (old, new) in ROWS.items():
        case = await world.case(code)
        assert await world.deadline(code) == at(old), "a proposal moves nothing"
        if new is None:
            assert case.last is None
            continue
        assert case.last is not None
        moved = {one.stage: one for one in case.last.record.adjustments}
        assert moved[UPLOAD].new_end_time.ToDatetime() == at(new).replace(tzinfo=None)
        assert moved[UPLOAD].days == 4
        assert OPENING in moved, "the opening follows the upload"
        assert not case.last.record.provisional


async def test_acceptance_moves_the_schedule_and_prints_why(world: World) -> None:
    """Only the Pokja's acceptance makes the revision, with arithmetic that people can read."""
    await world.load(package("P3", "2015-03-31 12:00"))
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-31 09:00"))
    decided = await world.decide("P3", records.DECISION_ACCEPT)
    assert decided.revision == 2
    assert await world.deadline("P3") == at("2015-04-06 12:00")
    last = decided.case.last
    assert last is not None and last.state is ProposalState.ACCEPTED
    steps = json.loads(last.record.arithmetic)["stages"][0]["steps"]
    assert any("Sat, 4 Apr 2015 (weekend)" in step["en"] for step in steps)
    await world.step()
    assert (await world.case("P3")).last == last, "nothing more is owed"
    scheduled = cast(list[records.PackageScheduled], await world.entries("package.scheduled"))
    assert [one.origin for one in scheduled] == ["import", "decision 1"]


async def test_directive_is_journalled_once_and_late(world: World) -> None:
    """Invariant 3: a revision is applied once, also after a restart, and says that it came late."""
    world.national.connected_size = 10
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-31 09:00"))
    await world.close()
    await world.open(seed=2)
    await world.step()
    applied = cast(list[records.DirectiveApplied], await world.entries("directive.applied"))
    assert [(one.subject, one.outcome, one.late) for one in applied] == [
        ("outages/2015-0001", "applied", True)
    ]


async def test_same_inputs_give_no_second_proposal(world: World) -> None:
    """Invariant 3: what was proposed is not proposed again, neither later nor after a restart."""
    await world.load(package("P3", "2015-03-31 12:00"))
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-31 09:00"))
    world.national.receive(holidays("2015-12-25", year=2016))
    await world.step(at("2015-03-31 10:00"))
    await world.close()
    await world.open(seed=2)
    await world.step()
    assert len(await world.entries("compensation.proposed")) == 1


async def test_amended_end_reopens_the_proposal(world: World) -> None:
    """A correction is counted from the base again, and never shortens what was decided."""
    await world.load(package("P1", "2015-03-27 10:00"))
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-31 08:00"))
    await world.decide("P1", records.DECISION_ACCEPT)
    assert await world.deadline("P1") == at("2015-03-31 10:00")
    world.national.receive(by_day("2015-03-27", "2015-04-01", revision=2))
    await world.step(at("2015-03-31 08:30"))
    case = await world.case("P1")
    assert case.last is not None and case.last.state is ProposalState.OPEN
    (moved, _) = case.last.record.adjustments
    assert moved.old_end_time.ToDatetime() == at("2015-03-31 10:00").replace(tzinfo=None)
    assert moved.new_end_time.ToDatetime() == at("2015-04-01 10:00").replace(tzinfo=None)
    await world.decide("P1", records.DECISION_ACCEPT)
    world.national.receive(by_day("2015-03-27", "2015-03-28", revision=3))
    await world.step(at("2015-03-31 09:00"))
    assert await world.deadline("P1") == at("2015-04-01 10:00")


async def test_withdrawal_takes_the_proposal_back(world: World) -> None:
    """A withdrawn declaration counts for nothing; the undecided proposal ends and says so."""
    await world.load(package("P3", "2015-03-31 12:00"))
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-30 09:00"))
    gone = by_day("2015-03-27", "2015-03-31", revision=2)
    gone.act = directives.OUTAGE_ACT_WITHDRAW
    world.national.receive(gone)
    await world.step(at("2015-03-30 10:00"))
    case = await world.case("P3")
    assert case.last is not None and case.last.state is ProposalState.WITHDRAWN
    assert await world.deadline("P3") == at("2015-03-31 12:00")


@pytest.mark.parametrize(
    ("zone", "province"), [("Asia/Makassar", "ID-KS"), ("Asia/Jayapura", "ID-PA")]
)
async def test_days_are_read_in_the_nodes_own_zone(
    tmp_path: Path, zone: str, province: str
) -> None:
    """Civil dates begin at local midnight: 27 March in WITA and WIT is not the one of WIB."""
    node = World(tmp_path, NodeFacts("lpse-timur", province, zone), at("2015-03-26 08:00"))
    await node.open()
    try:
        await node.load(package("P1", "2015-03-27 00:00", zone=zone))
        await node.load(package("P2", "2015-03-27 00:01", zone=zone))
        node.national.receive(by_day("2015-03-27", "2015-03-31"))
        await node.step(at("2015-03-31 09:00"))
        first, second = (await node.case("P1")).last, (await node.case("P2")).last
        assert first is not None and second is not None
        assert [one.stage for one in first.record.adjustments] == [OPENING], (
            "the upload had ended when the outage began"
        )
        assert [one.stage for one in second.record.adjustments] == [UPLOAD, OPENING]
        assert second.record.adjustments[0].days == 4
    finally:
        await node.close()
