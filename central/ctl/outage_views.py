"""What the commands of `outage` ask of the centre, and how they show it.

Owns the reading of windows: dates by day, local or RFC 3339 times by the minute. Leaves out the
flags (`outage`) and the approval of plans (`planning`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import typer

from central.ctl import planning, session
from lpse.federation.compensation_words import ENGLISH, INDONESIAN
from lpse.federation.documents import as_date, as_time
from lpse.federation.intervals import indonesian_zone
from lpse.federation.outage_windows import window_text
from lpse.federation.v1 import directives_pb2 as directives
from lpse.operator.v1 import outages_pb2 as api
from lpse.operator.v1.outages_pb2_grpc import OutagesStub
from lpse.terminal.output import Column, Output, note, show, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import language, say, when

_ACTS: Final = {
    "AMEND": "outage.amend",
    "CLOSE": "outage.close",
    "WITHDRAW": "outage.withdraw",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What the flags said; empty means unsaid."""

    act: str
    reason: str
    name: str = ""
    scope: str = ""
    province: str = ""
    nodes: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    precision: str = "day"
    zone: str = ""
    cause: str = ""
    attribution: str = ""
    title: str = ""


async def plan(said: Said, preview: bool, output: Output) -> None:
    """Make a plan, show what it would touch; the plan itself is the result."""
    request = _request(said)
    request.validate_only = preview
    async with session.connect() as opened:
        answer = await OutagesStub(opened.channel).PlanOutage(request)
    _show_preview(answer, output)


async def plan_or_apply(
    said: Said, name: str | None, sure: tuple[bool, int | None], output: Output
) -> None:
    """With a plan: apply it. Without: make one."""
    if name is None:
        if not said.name or not said.reason:
            raise typer.BadParameter("give NAME and --reason to plan, or --plan to apply")
        await plan(said, False, output)
        return
    async with session.connect() as opened:
        applied = await planning.apply(
            opened, name, act=_ACTS[said.act], yes=sure[0], expect_nodes=sure[1]
        )
    planning.show_plan(applied, output)


async def show_all(state: str, columns: Sequence[Column], output: Output) -> None:
    """`outage list`."""
    found: list[api.Outage] = []
    request = api.ListOutagesRequest(state=state)
    async with session.connect() as opened:
        while True:
            answer = await OutagesStub(opened.channel).ListOutages(request)
            found.extend(answer.outages)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    show_list([_row(one) for one in found], columns, output)


async def show_one(name: str, columns: Sequence[Column], output: Output) -> None:
    """`outage get`."""
    async with session.connect() as opened:
        answer = await OutagesStub(opened.channel).GetOutage(api.GetOutageRequest(name=name))
    row = _row(answer.outage)
    row["revisions"] = [plain(one) for one in answer.revisions]
    row["receipts"] = [plain(one) for one in answer.receipts]
    if output is not Output.TABLE:
        show(row, (), output)
        return
    show(row, columns)
    print()
    show_list(row["revisions"], _REVISION)
    print()
    show_list(row["receipts"], _receipt(answer.outage.revision.zone))


_REVISION: Final = (
    Column("revision", "Revision", right=True),
    Column("act", "Act", say),
    Column("reason", "Reason"),
    Column("approvals", "Approvals", lambda acts: ", ".join(act["actor"] for act in acts)),
)


def _receipt(zone: str) -> tuple[Column, ...]:
    return (
        Column("node_id", "Node"),
        Column("revision", "Revision", right=True),
        Column("outcome", "Outcome", say),
        Column("late", "Came late"),
        Column("apply_time", "Applied", when(zone or "Asia/Jakarta")),
        Column("packages_proposed", "Packages", right=True),
        Column("packages_decided", "Decided", right=True),
        Column("packages_already_opened", "Already opened", right=True),
    )


def _request(said: Said) -> api.PlanOutageRequest:
    return api.PlanOutageRequest(
        act=directives.OutageAct.Value(f"OUTAGE_ACT_{said.act}"),
        outage=said.name,
        scope=directives.OutageScope.Value(f"OUTAGE_SCOPE_{said.scope or 'UNSPECIFIED'}"),
        province=said.province,
        node_ids=said.nodes,
        services=said.services,
        window=_window(said),
        cause=directives.OutageCause.Value(f"OUTAGE_CAUSE_{said.cause or 'UNSPECIFIED'}"),
        attribution=directives.OutageAttribution.Value(
            f"OUTAGE_ATTRIBUTION_{said.attribution or 'UNSPECIFIED'}"
        ),
        title=said.title,
        reason=said.reason,
        zone=said.zone,
    )


def _window(said: Said) -> directives.OutageWindow:
    window = directives.OutageWindow()
    if said.precision == "day":
        window.start_date = as_date(said.start, "--start").isoformat() if said.start else ""
        window.end_date = as_date(said.end, "--end").isoformat() if said.end else ""
        return window
    zone = said.zone or "Asia/Jakarta"
    if said.start:
        window.start_time.FromDatetime(_time(said.start, "--start", zone))
    if said.end:
        window.end_time.FromDatetime(_time(said.end, "--end", zone))
    return window


def _time(text: str, flag: str, zone: str) -> datetime:
    """A local time in `zone`, or one with its own offset."""
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        naive = None
    if naive is not None and naive.tzinfo is None and len(text) > 10:
        return naive.replace(tzinfo=indonesian_zone(zone)).astimezone(UTC)
    return as_time(text, flag)


def _show_preview(answer: api.PlanOutageResponse, output: Output) -> None:
    touched = [one for one in answer.nodes if one.packages]
    note(f"{say('When')}: {_text(answer.revision)}")
    note(f"{say('Nodes')}: {len(answer.nodes)}")
    note(f"{say('Affected packages')}: {answer.packages}")
    for one in touched:
        note(f"  {one.node_id}: {one.packages}")
    if not answer.plan.name:
        show(answer, (), output)
        return
    row: dict[str, Any] = planning.plan_row(answer.plan)
    row["affected"] = [plain(one) for one in answer.nodes]
    row["packages"] = answer.packages
    row["outage"] = answer.revision.outage
    columns = (*planning.COLUMNS, Column("outage", "Outage"))
    show(row, columns if output is Output.TABLE else (), output)
    if output is Output.TABLE:
        _tell_next(answer)


def _tell_next(answer: api.PlanOutageResponse) -> None:
    """What the second person types, and what the first types afterwards."""
    name, verb = answer.plan.name, answer.plan.act.rpartition(".")[2]
    note(say("A second person approves it: lkppctl outage approve --plan {plan}", plan=name))
    then = say("Then: lkppctl outage {verb} --plan {plan}", verb=verb, plan=name)
    note(f"{then} --expect-nodes {len(answer.nodes)}")


def _row(outage: api.Outage) -> dict[str, Any]:
    row: dict[str, Any] = plain(outage)
    row["window_text"] = _text(outage.revision)
    return row


def _text(record: directives.OutageRevised) -> str:
    words = INDONESIAN if language() == "id" else ENGLISH
    return window_text(record.window, ZoneInfo(record.zone or "Asia/Jakarta"), words)
