"""Stage holds: what falls due in a disturbance waits for a Pokja, and uploads go on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import pytest

from lpse.federation.errors import Conflict
from lpse.federation.receipts import Moment
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from regional_node.intake import rules as intake
from regional_node.intake.windows import Opening, Window
from regional_node.outages.rules import Kind, ProbeState
from regional_node.schedule.rules import HOLD_MOVES, HoldEvent, HoldState, move_hold
from tests.regional_node.schedule.world import (
    OPENING,
    UPLOAD,
    World,
    at,
    by_day,
    by_minute,
    package,
)


async def window(world: World, code: str) -> Window:
    """The upload window as intake reads it."""
    return await world.database.read(
        lambda tx: world.effective.submission_window_in(tx, code, None, world.clock.now())
    )


async def opening(world: World, code: str) -> Opening:
    """What guards the bids."""
    return await world.database.read(
        lambda tx: world.effective.opening_in(tx, code, world.clock.now())
    )


async def test_deadline_in_an_open_outage_waits_and_uploads_go_on(world: World) -> None:
    """Invariant 6: no bid is opened while the deadline is held, and the window stays open."""
    await world.load(package("P1", "2015-03-27 10:00"))
    world.national.receive(by_minute(at("2015-03-27 08:00"), None))
    await world.step(at("2015-03-27 09:59"))
    assert not (await window(world, "P1")).held
    await world.step(at("2015-03-27 10:00"))
    held = await window(world, "P1")
    assert held.held and "outages/2015-0001" in held.hold_reason
    assert (await opening(world, "P1")).held
    started = cast(list[records.HoldStarted], await world.entries("hold.started"))
    assert [(one.stage, list(one.outages)) for one in started] == [(UPLOAD, ["outages/2015-0001"])]


async def test_uploads_in_a_hold_are_pending_until_the_decision(world: World) -> None:
    """Invariant 6: intake admits them without a verdict, opens nothing; the new end judges them."""
    await world.load(package("P1", "2015-03-27 10:00"))
    world.national.receive(by_minute(at("2015-03-27 08:00"), at("2015-03-27 12:00")))
    await world.step(at("2015-03-27 11:00"))
    moment = Moment(world.clock.now(), "boot", 0.0, 0.0)
    held = await window(world, "P1")
    assert intake.admit(held, moment) is intake.Admission.ADMITTED
    assert intake.judge(held, moment) == records.VERDICT_PENDING
    assert intake.release(await opening(world, "P1"), moment) is intake.Release.HELD
    await world.step(at("2015-03-27 13:00"))
    await world.decide("P1", records.DECISION_ACCEPT)
    after = await window(world, "P1")
    assert intake.judge_by(after.deadline, moment) == records.VERDICT_ON_TIME
    assert intake.release(await opening(world, "P1"), moment) is intake.Release.NOT_DUE


async def test_hold_counts_before_the_worker_has_written_it(world: World) -> None:
    """Invariant 6: between two steps of the worker the deadline is held all the same."""
    await world.load(package("P1", "2015-03-27 10:00"))
    world.national.receive(by_minute(at("2015-03-27 08:00"), None))
    await world.step(at("2015-03-27 09:59"))
    world.clock.advance(61)
    assert (await window(world, "P1")).held
    assert (await opening(world, "P1")).held


async def test_decision_ends_the_hold_and_gives_the_new_deadline(world: World) -> None:
    """Closed, proposed finally, accepted: the hold ends in the same transaction."""
    await world.load(package("P1", "2015-03-27 10:00"))
    world.national.receive(by_minute(at("2015-03-27 08:00"), None))
    await world.step(at("2015-03-27 12:00"))
    provisional = (await world.case("P1")).last
    assert provisional is not None and provisional.record.provisional
    with pytest.raises(Conflict, match="FED-4112"):
        await world.decide("P1", records.DECISION_ACCEPT)
    world.national.receive(by_minute(at("2015-03-27 08:00"), at("2015-03-30 16:00"), revision=2))
    await world.step(at("2015-03-30 16:30"))
    assert (await window(world, "P1")).held
    await world.decide("P1", records.DECISION_ACCEPT)
    after = await window(world, "P1")
    assert not after.held and after.deadline == at("2015-03-31 10:00") and after.revision == 2
    ended = cast(list[records.HoldEnded], await world.entries("hold.ended"))
    assert {one.reason for one in ended} == {"decided"}


async def test_withdrawn_outage_ends_the_hold_with_the_old_deadline(world: World) -> None:
    """What turned out not to be an outage holds nothing; the deadline is as it was."""
    await world.load(package("P1", "2015-03-27 10:00"))
    world.national.receive(by_minute(at("2015-03-27 08:00"), None))
    await world.step(at("2015-03-27 12:00"))
    gone = by_minute(at("2015-03-27 08:00"), None, revision=2)
    gone.act = directives.OUTAGE_ACT_WITHDRAW
    world.national.receive(gone)
    await world.step(at("2015-03-27 13:00"))
    after = await window(world, "P1")
    assert not after.held and after.deadline == at("2015-03-27 10:00")
    ended = cast(list[records.HoldEnded], await world.entries("hold.ended"))
    assert {one.reason for one in ended} == {"withdrawn"}


async def test_declaration_after_the_deadline_still_protects_the_bids(world: World) -> None:
    """Invariant 6: until the Pokja has decided, nobody opens what a late declaration reopens."""
    await world.load(package("P1", "2015-03-27 10:00"))
    await world.step(at("2015-03-30 09:00"))
    assert not (await opening(world, "P1")).held
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-30 10:00"))
    assert (await opening(world, "P1")).held
    await world.decide("P1", records.DECISION_ACCEPT)
    assert not (await opening(world, "P1")).held


async def test_opened_bids_get_no_new_deadline(world: World) -> None:
    """A declaration that comes after the opening marks the package and moves nothing."""
    await world.load(package("P1", "2015-03-27 10:00"))
    await world.step(at("2015-03-27 11:00"))
    world.opened.add("P1")
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-31 09:00"))
    case = await world.case("P1")
    assert case.last is not None and case.last.record.already_opened
    assert not case.last.record.adjustments and not case.held
    with pytest.raises(Conflict, match="FED-4114"):
        await world.decide("P1", records.DECISION_ACCEPT)
    assert await world.deadline("P1") == at("2015-03-27 10:00")


async def measure(world: World, start: datetime, kind: Kind = Kind.SERVICE) -> ProbeState:
    """An outage that the probes have seen since `start`."""
    return await world.outages.start(kind, ProbeState(3, start, "status 503"))


async def test_long_measured_outage_holds_before_anybody_confirms(world: World) -> None:
    """A service that is away for longer than the policy says holds the deadline it covers."""
    await world.load(package("P1", "2015-03-27 10:00"))
    state = await measure(world, at("2015-03-27 09:55"))
    await world.step(at("2015-03-27 10:01"))
    assert not (await window(world, "P1")).held, "not yet longer than a quarter of an hour"
    await world.step(at("2015-03-27 10:11"))
    assert (await window(world, "P1")).held
    assert state.open_number is not None
    await world.outages.end(state.open_number, state, at("2015-03-27 10:30"))
    await world.step(at("2015-03-27 10:31"))
    assert (await window(world, "P1")).held, "a Pokja decides, not the probes"
    assert (await world.case("P1")).last is None, "nothing counts before an officer confirms"


async def test_hold_without_proposal_is_decided_as_it_stands(world: World) -> None:
    """Where nothing is proposed, the Pokja gives an own end, or lets the old one stand."""
    await world.load(package("P1", "2015-03-27 10:00"))
    state = await measure(world, at("2015-03-27 09:30"))
    await world.step(at("2015-03-27 10:01"))
    assert state.open_number is not None
    await world.outages.end(state.open_number, state, at("2015-03-27 10:30"))
    await world.step(at("2015-03-27 10:31"))
    await world.decide(
        "P1", records.DECISION_CHANGE, proposal=0, changes={UPLOAD: at("2015-03-27 16:00")}
    )
    after = await window(world, "P1")
    assert not after.held and after.deadline == at("2015-03-27 16:00")
    stages = {one.name: one for one in (await world.case("P1")).package.stages}
    assert stages[OPENING].start == at("2015-03-27 16:01"), "the opening keeps its gap"
    await world.step()
    assert (await world.case("P1")).last is None


async def test_deadline_that_a_pokja_let_stand_waits_no_more_for_the_same_outage(
    world: World,
) -> None:
    """A decision settles what the hold waited for, also where it moves nothing."""
    await world.load(package("P1", "2015-03-27 10:00"))
    state = await measure(world, at("2015-03-27 09:30"))
    await world.step(at("2015-03-27 10:01"))
    assert state.open_number is not None
    await world.outages.end(state.open_number, state, at("2015-03-27 10:30"))
    await world.step(at("2015-03-27 10:31"))
    await world.decide("P1", records.DECISION_ACCEPT, proposal=0)
    await world.step(at("2015-03-27 10:32"))
    after = await window(world, "P1")
    assert not after.held and after.deadline == at("2015-03-27 10:00")
    assert not (await opening(world, "P1")).held


async def test_outage_that_is_corrected_away_and_back_holds_again(world: World) -> None:
    """Invariant 6: only a decision settles a hold; what a correction ended can begin anew."""
    await world.load(package("P1", "2015-03-27 10:00"))
    covering = (at("2015-03-27 08:00"), at("2015-03-27 11:00"))
    world.national.receive(by_minute(*covering))
    await world.step(at("2015-03-27 10:30"))
    world.national.receive(by_minute(at("2015-03-26 08:00"), at("2015-03-26 09:00"), revision=2))
    await world.step(at("2015-03-27 10:40"))
    moved = await world.entries("hold.ended")
    world.national.receive(by_minute(*covering, revision=3))
    await world.step(at("2015-03-27 10:50"))
    assert {one.stage for one in (await world.case("P1")).holds if one.end is None} == {
        UPLOAD,
        OPENING,
    }
    assert OPENING in {one.stage for one in cast(list[records.HoldEnded], moved)}


async def test_opening_that_falls_due_in_an_outage_of_its_own_waits(world: World) -> None:
    """Invariant 6: the deadline passed in peace, the opening did not; no bid is handed over."""
    await world.load(package("P1", "2015-03-27 10:00"))
    world.national.receive(by_minute(at("2015-03-27 10:00"), at("2015-03-27 11:00")))
    await world.step(at("2015-03-27 10:30"))
    assert not (await window(world, "P1")).held
    assert (await opening(world, "P1")).held


async def test_link_outage_holds_and_counts_nothing(world: World) -> None:
    """Uploads go on while the centre is away, so nothing is owed and nothing waits."""
    await world.load(package("P1", "2015-03-27 10:00"))
    await measure(world, at("2015-03-27 08:00"), Kind.LINK)
    await world.step(at("2015-03-27 12:00"))
    assert not (await window(world, "P1")).held
    assert (await world.case("P1")).last is None


async def test_confirmed_measurement_counts(world: World) -> None:
    """An officer's signed word makes measured time count, by the rules of the package."""
    await world.load(package("P1", "2015-03-27 10:00"))
    state = await measure(world, at("2015-03-27 09:00"))
    assert state.open_number is not None
    await world.outages.end(state.open_number, state, at("2015-03-27 11:00"))
    statement = records.OutageConfirmed(
        outage="measured/1",
        cause=directives.OUTAGE_CAUSE_POWER,
        attribution=directives.OUTAGE_ATTRIBUTION_REGION,
        reason="genset gagal",
    )
    await world.outages.confirm(statement, at("2015-03-27 11:30"))
    await world.step(at("2015-03-27 12:00"))
    last = (await world.case("P1")).last
    assert last is not None and list(last.record.outages) == ["measured/1"]
    moved = last.record.adjustments[0]
    assert moved.new_end_time.ToDatetime() == at("2015-03-30 10:00").replace(tzinfo=None)


async def test_restart_in_a_hold_goes_on_holding(world: World) -> None:
    """Invariant 3: what waited before the restart waits afterwards, and is written once."""
    await world.load(package("P1", "2015-03-27 10:00"))
    world.national.receive(by_minute(at("2015-03-27 08:00"), None))
    await world.step(at("2015-03-27 10:30"))
    await world.close()
    await world.open(seed=7)
    assert (await window(world, "P1")).held
    await world.step(at("2015-03-27 10:31"))
    assert len(await world.entries("hold.started")) == 2, "the deadline and the opening"


async def test_upgrades_keep_away_from_ends_and_holds(world: World) -> None:
    """Invariant 7: the guard knows effective ends, proposed ends, and a hold above all."""
    await world.load(package("P3", "2015-03-31 12:00"))
    assert await world.effective.next_guarded_end(at("2015-03-30 09:00")) == at("2015-03-31 12:00")
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-30 09:00"))
    late = at("2015-03-31 23:00")
    assert await world.effective.next_guarded_end(late) == at("2015-03-31 12:00"), "it is held"
    await world.step(at("2015-03-31 13:00"))
    assert await world.effective.next_guarded_end(world.clock.now()) == at("2015-03-31 12:00")
    await world.decide("P3", records.DECISION_CANCEL)
    assert await world.effective.next_guarded_end(world.clock.now()) is None


async def test_upgrades_keep_away_from_a_proposed_end_whose_old_one_has_passed(
    world: World,
) -> None:
    """Invariant 7: a stage without bids does not wait, and its proposed end is guarded."""
    given = package("P4", "2015-03-20 10:00", start="2015-03-16 08:00")
    objection = {
        "name": "Masa Sanggah",
        "start": at("2015-03-25 08:00").isoformat(),
        "end": at("2015-03-31 12:00").isoformat(),
    }
    await world.load({**given, "stages": [*cast(list[object], given["stages"]), objection]})
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-31 13:00"))
    assert await world.effective.next_guarded_end(world.clock.now()) == at("2015-04-06 12:00")


async def test_upgrade_does_not_slip_in_between_end_and_hold(world: World) -> None:
    """Invariant 7: an end that fell due in an outage guards before its hold is journalled."""
    await world.load(package("P1", "2015-03-27 10:00"))
    world.national.receive(by_minute(at("2015-03-27 08:00"), None))
    await world.step(at("2015-03-27 09:59"))
    await world.effective.next_guarded_end(world.clock.now())
    world.clock.advance(61)
    assert await world.effective.next_guarded_end(world.clock.now()) == at("2015-03-27 10:00")


async def test_poisoned_package_blocks_no_other(world: World) -> None:
    """Invariant 10: a package that cannot be computed is marked; its neighbours go on."""
    everything = directives.CalendarPublished(
        year=2015,
        revision=2,
        holidays=[
            (datetime(2015, 3, 1) + timedelta(days=n)).date().isoformat() for n in range(800)
        ],
        citation="rusak",
    )
    rules = package("P0", "2015-03-27 10:00")
    await world.load(rules, package("P9", "2015-03-26 09:00", start="2015-03-25 08:00"))
    world.national.receive(everything)
    world.national.receive(by_minute(at("2015-03-27 08:00"), at("2015-03-27 09:00")))
    await world.step(at("2015-03-27 09:30"))
    broken = await world.case("P0")
    assert broken.package.problem.startswith("FED-4030")
    assert (await world.case("P9")).package.problem == ""
    assert [str(one.subject) for one in await world.entries("directive.applied")]  # type: ignore[attr-defined] # every record of this kind has it


def test_every_move_of_a_hold_stands_in_one_table() -> None:
    """A move that the table does not have raises."""
    for state in HoldState:
        for event in HoldEvent:
            if (state, event) in HOLD_MOVES:
                assert move_hold(state, event) is HOLD_MOVES[state, event]
            else:
                with pytest.raises(Conflict, match="FED-4108"):
                    move_hold(state, event)
