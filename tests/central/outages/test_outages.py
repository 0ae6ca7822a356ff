"""Declarations at the centre: previewed, approved by a second person, published exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lpse.federation.acts import Deed, verify_act
from lpse.federation.errors import Conflict, Denied, FederationError, NotFound, Refused
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.operator.v1 import calendars_pb2 as calendars_api
from lpse.operator.v1 import outages_pb2 as api
from tests.central.outages.world import KEYS, NODES, Centre, Node, declaration, scheduled


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    """A centre with an operator, an approver and three nodes in three zones."""
    world = await Centre(tmp_path).open()
    yield world
    await world.database.close()


def utc(*when: int) -> datetime:
    """A moment."""
    return datetime(*when, tzinfo=UTC)  # type: ignore[misc,arg-type] # year, month, day, hour, minute


async def test_two_persons_declare_and_every_node_can_check_it(centre: Centre) -> None:
    """The published revision carries the plan's digest and the second person's signature."""
    name, planned = await centre.enact(declaration())
    assert name == "outages/2015-0001" == planned.revision.outage
    assert planned.window_text == "27–30 Mar 2015"
    (published,) = await centre.revisions()
    assert published.revision == 1 and published.plan_digest == planned.plan.digest
    (approval,) = published.approvals
    public = KEYS["bima"].public_key().public_bytes_raw()
    verify_act(approval, public, Deed("lkpp", "plan.approve", published.plan_digest))
    again = await centre.apply(planned.plan)
    assert again == name and len(await centre.revisions()) == 1


async def test_one_person_alone_declares_nothing(centre: Centre) -> None:
    """Without the second person's signature the plan is not applied."""
    planned = await centre.plan(declaration())
    with pytest.raises(Denied, match="FED-3204"):
        await centre.apply(planned.plan)
    assert not await centre.revisions()


async def test_preview_counts_packages_in_each_nodes_own_zone(centre: Centre) -> None:
    """By-day windows are read where the node is: 26 March 23.30 WIB is already the 27th in WIT."""
    stage = (utc(2015, 3, 26, 10), utc(2015, 3, 26, 16, 30))
    for node in NODES:
        await centre.report(node.node_id, scheduled("P1", *stage))
    await centre.report("lpse-pacitan", scheduled("P2", utc(2015, 3, 26), utc(2015, 3, 31, 5)))
    planned = await centre.plan(declaration(validate_only=True))
    counted = {one.node_id: one.packages for one in planned.nodes}
    assert counted == {"lpse-pacitan": 1, "lpse-kalsel": 1, "lpse-papua": 1}
    assert planned.packages == 3 and not planned.plan.name


async def test_changed_world_refuses_the_plan(centre: Centre) -> None:
    """A node more or another declaration meanwhile: the reviewed plan is stale."""
    planned = await centre.plan(declaration())
    await centre.approve(planned.plan)
    centre.nodes = (*NODES, Node("lpse-jakarta", "ID-JK", "Asia/Jakarta"))
    with pytest.raises(Conflict, match="FED-3203"):
        await centre.apply(planned.plan)


async def test_life_of_a_declaration(centre: Centre) -> None:
    """Declared open, closed, corrected, withdrawn; every revision is whole; then nothing more."""
    opened = declaration()
    opened.window.end_date = ""
    name, _ = await centre.enact(opened)
    assert (await centre.get(name)).outage.state == "OPEN"
    closing = api.PlanOutageRequest(
        act=directives.OUTAGE_ACT_CLOSE,
        outage=name,
        reason="pulih",
        window=directives.OutageWindow(end_date="2015-03-31"),
    )
    await centre.enact(closing, "outage.close")
    with pytest.raises(Conflict, match="FED-4211"):
        await centre.plan(closing)
    correction = api.PlanOutageRequest(
        act=directives.OUTAGE_ACT_AMEND,
        outage=name,
        reason="ralat",
        window=directives.OutageWindow(end_date="2015-04-01"),
    )
    await centre.enact(correction, "outage.amend")
    gone = api.PlanOutageRequest(act=directives.OUTAGE_ACT_WITHDRAW, outage=name, reason="keliru")
    await centre.enact(gone, "outage.withdraw")
    told = await centre.get(name)
    assert told.outage.state == "WITHDRAWN"
    assert [one.revision for one in told.revisions] == [1, 2, 3, 4]
    assert [one.window.end_date for one in told.revisions] == [
        "", "2015-03-31", "2015-04-01", "2015-04-01",
    ]  # fmt: skip
    assert all(one.title == "Pemutakhiran SPSE 3.6" for one in told.revisions)
    with pytest.raises(Conflict, match="FED-4211"):
        await centre.plan(correction)


WRONG: dict[str, dict[str, Any]] = {
    "no window": {"window": directives.OutageWindow()},
    "ends before it starts": {
        "window": directives.OutageWindow(start_date="2015-03-31", end_date="2015-03-27")
    },
    "no date": {"window": directives.OutageWindow(start_date="27 Maret")},
    "province without its name": {"scope": directives.OUTAGE_SCOPE_PROVINCE},
    "national with a province": {"province": "ID-JI"},
    "unknown node": {"scope": directives.OUTAGE_SCOPE_NODES, "node_ids": ["lpse-nowhere"]},
    "no cause": {"cause": directives.OUTAGE_CAUSE_UNSPECIFIED},
    "no title": {"title": ""},
    "no reason": {"reason": " "},
    "foreign zone": {"zone": "Europe/Berlin"},
}


@pytest.mark.parametrize("problem", WRONG)
async def test_wrong_declarations_are_refused(centre: Centre, problem: str) -> None:
    """Each mistake has a code, and nothing is planned."""
    request = declaration()
    for field, value in WRONG[problem].items():
        request.ClearField(field)  # type: ignore[arg-type] # a name of a field
        request.MergeFrom(api.PlanOutageRequest(**{field: value}))
    with pytest.raises(FederationError, match=r"FED-\d{4}"):
        await centre.plan(request)


async def test_nodes_say_what_became_of_it(centre: Centre) -> None:
    """Who applied, who came late, who is silent; packages are counted, submissions never."""
    name, _ = await centre.enact(declaration())
    index = (await centre.get(name)).outage.national_index
    for node, late in (("lpse-pacitan", False), ("lpse-papua", True)):
        await centre.report(
            node,
            scheduled("P1", utc(2015, 3, 20), utc(2015, 3, 31, 5)),
            records.DirectiveApplied(
                national_index=index,
                directive="outage.revised",
                subject=name,
                outcome="applied",
                late=late,
            ),
            records.CompensationProposed(
                package="P1",
                proposal=1,
                outages=[name],
                adjustments=[records.StageAdjustment(stage="Upload Dokumen Penawaran")],
            ),
        )
    await centre.report(
        "lpse-pacitan",
        records.CompensationDecided(package="P1", proposal=1, decision=records.DECISION_ACCEPT),
    )
    told = await centre.get(name)
    assert (told.outage.nodes, told.outage.nodes_applied, told.outage.nodes_applied_late) == (
        3, 2, 1,
    )  # fmt: skip
    said = {one.node_id: one for one in told.receipts}
    assert said["lpse-kalsel"].outcome == "" and said["lpse-papua"].late
    assert said["lpse-pacitan"].packages_decided == 1
    assert said["lpse-papua"].packages_proposed == 1
    page = await centre.api.ListOutages(api.ListOutagesRequest(state="CLOSED"), None)  # type: ignore[arg-type] # the handler reads no context
    assert [one.name for one in page.outages] == [name]
    with pytest.raises(NotFound, match="FED-4210"):
        await centre.get("outages/2015-0002")


async def test_calendar_is_published_once_and_revised(centre: Centre) -> None:
    """Invariant 3: the same days change nothing; other days are the year's next revision."""

    async def publish(document: bytes) -> calendars_api.ImportCalendarResponse:
        return await centre.calendars.ImportCalendar(
            calendars_api.ImportCalendarRequest(
                year=2015, document=document, citation="SKB 3 Menteri"
            ),
            None,  # type: ignore[arg-type] # the handler reads no context
        )

    first = await publish(b'{"holidays":["2015-04-03"]}')
    same = await publish(b'{"holidays":["2015-04-03"],"collective_leave":[]}')
    other = await publish(b'{"holidays":["2015-04-03","2015-05-01"]}')
    assert (first.changed, same.changed, other.changed) == (True, False, True)
    assert other.calendar.record.revision == 2
    assert other.calendar.record.published_by == "ana"
    listed = await centre.calendars.ListCalendars(calendars_api.ListCalendarsRequest(), None)  # type: ignore[arg-type] # the handler reads no context
    assert [(one.name, one.record.revision) for one in listed.calendars] == [("calendars/2015", 2)]
    with pytest.raises(Refused, match="FED-4301"):
        await publish(b'{"holidays":["2016-01-01"]}')
    centre.caller.name = "bima"
    with pytest.raises(Denied, match="FED-3104"):
        await publish(b'{"holidays":["2015-12-25"]}')


async def test_rule_set_and_policy_reach_the_nation(centre: Centre) -> None:
    """Published once as given; a document that is no rule set is refused."""
    document = (
        b'{"id":"perka-2-2021","citation":"x","counting":"exact","day_kind":"calendar",'
        b'"end_on_working_day":true,"min_usable_hours":24,"compensable_stages":"all"}'
    )
    for changed in (True, False):
        answer = await centre.calendars.PublishRuleSet(
            calendars_api.PublishRuleSetRequest(document=document),
            None,  # type: ignore[arg-type] # the handler reads no context
        )
        assert (answer.name, answer.changed) == ("rule-sets/perka-2-2021", changed)
    policy = directives.PolicyPublished(stage_hold_after_seconds=600)
    for changed in (True, False):
        told = await centre.calendars.PublishPolicy(
            calendars_api.PublishPolicyRequest(policy=policy),
            None,  # type: ignore[arg-type] # the handler reads no context
        )
        assert told.changed is changed and told.policy.published_by == "ana"
    with pytest.raises(Refused, match="FED-400"):
        await centre.calendars.PublishRuleSet(
            calendars_api.PublishRuleSetRequest(document=b"{}"),
            None,  # type: ignore[arg-type] # the handler reads no context
        )
