"""`lkppctl outage {plan,approve,declare,amend,close,withdraw,list,get}`: declared outages.

Rules: every act is planned, approved by a second person and applied as planned: `plan` plans a
declaration that `declare --plan` applies; `amend`, `close` and `withdraw` with a NAME make a plan,
and with `--plan` apply it. `--end` comes after the last moment (half-open). Leaves out proposals:
they are made at the nodes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer

from central.ctl import planning
from central.ctl.planning import ExpectNodesOption, YesOption
from lpse.terminal.outage_flags import Attribution, Cause
from lpse.terminal.output import Column, Output, OutputOption, run
from lpse.terminal.words import say

app = typer.Typer(help="Outages: plan, approve, declare, amend, close, withdraw.")
planning.add_commands(app, act="outage.declare", apply_name="declare")


class Scope(StrEnum):
    """To whom an outage applies."""

    NATIONAL = "NATIONAL"
    PROVINCE = "PROVINCE"
    NODES = "NODES"
    SERVICE = "SERVICE"


class Precision(StrEnum):
    """How exactly a window is known."""

    DAY = "day"
    MINUTE = "minute"


class State(StrEnum):
    """Where a declaration stands."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    WITHDRAWN = "WITHDRAWN"


NameArgument = Annotated[
    str | None, typer.Argument(help="The outage, for example outages/2015-0001.")
]
AppliedPlanOption = Annotated[
    str | None, typer.Option("--plan", help="Apply this approved plan instead of making one.")
]
ReasonOption = Annotated[str, typer.Option(help="Why.")]
EndOption = Annotated[
    str | None, typer.Option(help="Date after the last one, or time; absent while it is open.")
]
ZoneOption = Annotated[str, typer.Option(help="Zone in which dates and times are spoken.")]
NodesOption = Annotated[
    list[str] | None, typer.Option("--node", help="For NODES: a node id; may be repeated.")
]
ServicesOption = Annotated[
    list[str] | None, typer.Option("--service", help="For SERVICE: a service; may be repeated.")
]
ProvinceOption = Annotated[str, typer.Option(help="For PROVINCE: for example ID-JI.")]

COLUMNS: Final = (
    Column("name", "Outage"),
    Column("state", "State", say),
    Column("window_text", "When"),
    Column("revision.scope", "Scope", say),
    Column("revision.title", "Title"),
    Column("revision.cause", "Cause", say),
    Column("revision.attribution", "Attribution", say),
    Column("nodes", "Nodes", right=True),
    Column("nodes_applied", "Applied", right=True),
    Column("nodes_applied_late", "Applied late", right=True),
)


@app.command("plan")
def plan_outage(
    *,
    scope: Annotated[Scope, typer.Option(help="To whom it applies.")],
    start: Annotated[str, typer.Option(help="First date (2015-03-27), or time by the minute.")],
    cause: Annotated[Cause, typer.Option(help="Why it happened.")],
    attribution: Annotated[Attribution, typer.Option(help="Whose fault it was.")],
    title: Annotated[str, typer.Option(help="One line for people.")],
    reason: ReasonOption,
    end: EndOption = None,
    precision: Annotated[Precision, typer.Option(help="Dates, or times.")] = Precision.DAY,
    zone: ZoneOption = "Asia/Jakarta",
    province: ProvinceOption = "",
    node: NodesOption = None,
    service: ServicesOption = None,
    preview: Annotated[bool, typer.Option("--preview", help="Make no plan.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Plan a declaration, and show which nodes and how many packages it would touch."""
    from central.ctl import outage_views as views

    said = views.Said(
        act="DECLARE",
        scope=scope.value,
        province=province,
        nodes=tuple(node or ()),
        services=tuple(service or ()),
        start=start,
        end=end,
        precision=precision.value,
        zone=zone,
        cause=cause.value,
        attribution=attribution.value,
        title=title,
        reason=reason,
    )
    run(views.plan(said, preview, output))


@app.command()
def amend(
    name: NameArgument = None,
    *,
    reason: ReasonOption = "",
    start: Annotated[str | None, typer.Option(help="New start; replaces the window.")] = None,
    end: EndOption = None,
    precision: Annotated[Precision, typer.Option(help="Dates, or times.")] = Precision.DAY,
    zone: ZoneOption = "",
    scope: Annotated[Scope | None, typer.Option(help="New scope.")] = None,
    province: ProvinceOption = "",
    node: NodesOption = None,
    service: ServicesOption = None,
    cause: Annotated[Cause | None, typer.Option(help="New cause.")] = None,
    attribution: Annotated[Attribution | None, typer.Option(help="New attribution.")] = None,
    title: Annotated[str, typer.Option(help="New title.")] = "",
    plan: AppliedPlanOption = None,
    expect_nodes: ExpectNodesOption = None,
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Correct a declaration (ralat): NAME plans it, --plan applies the approved plan."""
    from central.ctl import outage_views as views

    said = views.Said(
        act="AMEND",
        name=name or "",
        scope=scope.value if scope else "",
        province=province,
        nodes=tuple(node or ()),
        services=tuple(service or ()),
        start=start,
        end=end,
        precision=precision.value,
        zone=zone,
        cause=cause.value if cause else "",
        attribution=attribution.value if attribution else "",
        title=title,
        reason=reason,
    )
    run(views.plan_or_apply(said, plan, (yes, expect_nodes), output))


@app.command()
def close(
    name: NameArgument = None,
    *,
    reason: ReasonOption = "",
    end: EndOption = None,
    precision: Annotated[Precision, typer.Option(help="Dates, or times.")] = Precision.DAY,
    zone: ZoneOption = "",
    plan: AppliedPlanOption = None,
    expect_nodes: ExpectNodesOption = None,
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Close an open outage: NAME and --end plan it, --plan applies the approved plan."""
    from central.ctl import outage_views as views

    said = views.Said(
        act="CLOSE",
        name=name or "",
        end=end,
        precision=precision.value,
        zone=zone,
        reason=reason,
    )
    run(views.plan_or_apply(said, plan, (yes, expect_nodes), output))


@app.command()
def withdraw(
    name: NameArgument = None,
    *,
    reason: ReasonOption = "",
    plan: AppliedPlanOption = None,
    expect_nodes: ExpectNodesOption = None,
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take a declaration back: NAME plans it, --plan applies the approved plan."""
    from central.ctl import outage_views as views

    said = views.Said(act="WITHDRAW", name=name or "", reason=reason)
    run(views.plan_or_apply(said, plan, (yes, expect_nodes), output))


@app.command("list")
def list_outages(
    state: Annotated[State | None, typer.Option(help="Only in this state.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List declared outages, newest first."""
    from central.ctl import outage_views as views

    run(views.show_all(state.value if state else "", COLUMNS, output))


@app.command("get")
def get_outage(
    name: Annotated[str, typer.Argument(help="For example outages/2015-0001.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one outage: every revision, and which nodes have applied it."""
    from central.ctl import outage_views as views

    run(views.show_one(name, COLUMNS, output))
