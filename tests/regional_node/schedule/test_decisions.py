"""Decisions of a Pokja: signed, never shortening, never about something that was not read."""

from __future__ import annotations

import pytest

from lpse.federation.errors import Conflict, Denied, Refused
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import compensations_pb2 as api
from regional_node.schedule.decisions import DECIDE, Wish
from regional_node.schedule.proposals import ProposalState
from regional_node.schedule.service import CompensationsService
from tests.regional_node.schedule.world import (
    OPENING,
    UPLOAD,
    OfficersStandIn,
    World,
    at,
    by_day,
    by_minute,
    package,
)


async def proposed(world: World, code: str = "P3", end: str = "2015-03-31 12:00") -> None:
    """A package with an undecided proposal, seen on 31 March."""
    await world.load(package(code, end))
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-31 09:00"))


async def test_changed_end_takes_the_following_stages_along(world: World) -> None:
    """The committee's own end counts; the opening keeps its minute after it."""
    await proposed(world)
    await world.decide("P3", records.DECISION_CHANGE, changes={UPLOAD: at("2015-04-08 12:00")})
    stages = {one.name: one for one in (await world.case("P3")).package.stages}
    assert stages[UPLOAD].end == at("2015-04-08 12:00")
    assert stages[OPENING].start == at("2015-04-08 12:01")
    await world.step()
    case = await world.case("P3")
    assert case.last is not None and case.last.state is ProposalState.CHANGED


async def test_nothing_is_shortened(world: World) -> None:
    """Monotone: an end before the published one is refused, and nothing is written."""
    await proposed(world)
    with pytest.raises(Refused, match="FED-4116"):
        await world.decide("P3", records.DECISION_CHANGE, changes={UPLOAD: at("2015-03-31 11:00")})
    assert "compensation.decided" not in await world.kinds()


async def test_decided_time_is_not_counted_twice(world: World) -> None:
    """After an own schedule of the committee only new disturbances count, on that schedule."""
    await proposed(world)
    await world.decide("P3", records.DECISION_CHANGE, changes={UPLOAD: at("2015-04-08 12:00")})
    again = by_minute(at("2015-04-07 09:00"), at("2015-04-07 11:00"), name="outages/2015-0002")
    world.national.receive(again)
    await world.step(at("2015-04-07 12:00"))
    last = (await world.case("P3")).last
    assert last is not None and list(last.record.outages) == ["outages/2015-0002"]
    moved = last.record.adjustments[0]
    assert (moved.days, moved.new_end_time.ToDatetime()) == (
        1,
        at("2015-04-09 12:00").replace(tzinfo=None),
    )


async def test_stale_proposal_is_a_conflict(world: World) -> None:
    """Who read the first proposal does not decide the second one unseen."""
    await proposed(world)
    world.national.receive(by_day("2015-03-27", "2015-04-01", revision=2))
    await world.step(at("2015-03-31 10:00"))
    with pytest.raises(Conflict, match="FED-4111"):
        await world.decide("P3", records.DECISION_ACCEPT, proposal=1)


async def test_repeated_decision_changes_nothing(world: World) -> None:
    """Invariant 3: the same decision again is the same decision."""
    await proposed(world)
    first = await world.decide("P3", records.DECISION_ACCEPT)
    second = await world.decide("P3", records.DECISION_ACCEPT, proposal=1)
    assert (first.revision, second.revision) == (2, 2)
    assert (await world.kinds()).count("compensation.decided") == 1


async def test_cancelled_selection_stays_cancelled(world: World) -> None:
    """Cancelling ends proposals and imports; the window says so."""
    await proposed(world)
    await world.decide("P3", records.DECISION_CANCEL)
    window = await world.database.read(
        lambda tx: world.effective.submission_window_in(tx, "P3", None, world.clock.now())
    )
    assert window.cancelled
    with pytest.raises(Conflict, match="FED-4105"):
        await world.load(package("P3", "2015-04-20 12:00"))


def request(world: World, wish: Wish, role: str = "pokja") -> api.DecideCompensationRequest:
    """A decision as the command sends it."""
    return api.DecideCompensationRequest(
        name=f"compensations/{wish.package}/{wish.proposal}",
        decision=wish.decision,
        reason=wish.reason,
        act=world.signed(wish, role),
    )


async def test_only_a_pokja_officer_decides(world: World) -> None:
    """Another role, or a signature under another decision, moves nothing; the right one does."""
    await proposed(world)
    service = CompensationsService(world.proposals, OfficersStandIn(), world.clock)
    wish = Wish("P3", 1, records.DECISION_ACCEPT, "sesuai", {}, b"")
    with pytest.raises(Denied, match="FED-3104"):
        await service.DecideCompensation(request(world, wish, "admin"), None)  # type: ignore[arg-type] # the handler reads no context
    altered = request(world, wish)
    altered.decision = records.DECISION_CANCEL
    with pytest.raises(Denied, match="FED-3101"):
        await service.DecideCompensation(altered, None)  # type: ignore[arg-type] # the handler reads no context
    answer = await service.DecideCompensation(request(world, wish), None)  # type: ignore[arg-type] # the handler reads no context
    assert answer.schedule_revision == 2
    assert answer.compensation.state == api.COMPENSATION_STATE_ACCEPTED
    assert answer.compensation.decided_by == "budi"
    (entry,) = await world.entries("compensation.decided")
    assert isinstance(entry, records.CompensationDecided)
    assert entry.act.act == DECIDE and entry.act.signature, "the signature is in the entry"


async def test_decision_without_reason_is_refused(world: World) -> None:
    """The committee says why, or nothing happens."""
    await proposed(world)
    service = CompensationsService(world.proposals, OfficersStandIn(), world.clock)
    silent = Wish("P3", 1, records.DECISION_ACCEPT, " ", {}, b"")
    with pytest.raises(Refused, match="FED-4110"):
        await service.DecideCompensation(request(world, silent), None)  # type: ignore[arg-type] # the handler reads no context
