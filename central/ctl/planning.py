"""What every noun with dangerous acts shares: review a plan, approve it, apply it as reviewed.

Owns the confirmation of wide acts: a person types the number of nodes, or a program gives `--yes`
together with `--plan` and `--expect-nodes`; where nobody can be asked, the answer is exit code 8.
Leaves out the making of plans: each noun has its own flags for it.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import typer

from central.ctl import session
from central.ctl.session import Session
from lpse.operator.v1.plans_pb2 import Plan
from lpse.terminal.output import (
    Column,
    ConfirmationNeeded,
    Output,
    OutputOption,
    ask,
    interactive,
    note,
    run,
    show,
)
from lpse.terminal.plain import plain
from lpse.terminal.words import language, say, when

APPROVE: Final = "plan.approve"
PlanOption = Annotated[str, typer.Option("--plan", help="The plan, as plans/17 or 17.")]
ExpectNodesOption = Annotated[
    int | None, typer.Option("--expect-nodes", help="Number of nodes the plan must concern.")
]
YesOption = Annotated[
    bool, typer.Option("--yes", help="Do not ask; a wide act also needs --expect-nodes.")
]
SignOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _state_text(state: str) -> str:
    """A plan's state; what is applied to a node is another thing than a plan that was."""
    if state == "APPLIED":
        return say("APPLIED as planned")
    return "–" if state == "UNSPECIFIED" else say(state)


COLUMNS: Final = (
    Column("name", "Plan"),
    Column("act", "Act"),
    Column("state", "State", _state_text),
    Column("node_count", "Nodes", right=True),
    Column("created_by", "Planned by"),
    Column("approvals", "Approvals", lambda acts: ", ".join(act["actor"] for act in acts)),
    Column("expire_time", "Valid until", when("Asia/Jakarta")),
    Column("reason", "Reason"),
    Column("result", "Result"),
    Column("digest", "Digest"),
)


def plan_row(plan: Plan) -> dict[str, Any]:
    """A plan as JSON: its document as JSON inside it."""
    row: dict[str, Any] = plain(plan)
    row["document"] = json.loads(plan.document) if plan.document else None
    return row


def show_plan(plan: Plan, output: Output) -> None:
    """The plan as the result of a command, on stdout; a new one with what it means."""
    show(plan_row(plan), COLUMNS, output)
    if not plan.approvals:
        tell_meaning(plan)


def tell_meaning(plan: Plan) -> None:
    """What the plan's choice means, where it is one, on stderr."""
    document = plan_row(plan)["document"] or {}
    if "meaning" in document and "resolution" in document:
        choice, meaning = document["resolution"]["choice"], document["meaning"][language()]
        note(say("{choice} means: {meaning}", choice=choice, meaning=meaning))


def review(plan: Plan) -> None:
    """Everything a person must see before saying yes, on stderr."""
    row = plan_row(plan)
    for column in COLUMNS:
        value = row[column.key]
        told = (column.form(value) if column.form and value else value) or "–"
        note(f"{say(column.title)}: {told}")
    note(f"{say('Nodes')}: {', '.join(plan.node_ids)}")
    tell_meaning(plan)
    note(json.dumps(row["document"], ensure_ascii=False, indent=2))


def confirm_wide(plan: Plan, *, yes: bool, expect_nodes: int | None) -> int:
    """The number of nodes as the person gave it; ConfirmationNeeded (exit 8) otherwise."""
    if yes and expect_nodes is not None:
        return expect_nodes
    if yes and not plan.approvals_needed:
        return len(plan.node_ids)
    if yes or not interactive():
        raise ConfirmationNeeded(
            "FED-8013",
            f"{plan.name} concerns {len(plan.node_ids)} nodes and nobody can be asked here",
            remedy=f"review it, then give --yes --plan {plan.name} --expect-nodes N",
        )
    review(plan)
    typed = ask(say("Type the number of nodes to go on:"))
    if not (typed.isascii() and typed.isdigit()) or int(typed) != len(plan.node_ids):
        raise ConfirmationNeeded("FED-8013", "the number of nodes was not confirmed")
    return int(typed)


async def fetch(opened: Session, name: str) -> Plan:
    """A plan by `plans/17` or `17`."""
    from lpse.operator.v1.plans_pb2 import GetPlanRequest
    from lpse.operator.v1.plans_pb2_grpc import PlansStub

    full = name if name.startswith("plans/") else f"plans/{name}"
    answer = await PlansStub(opened.channel).GetPlan(GetPlanRequest(name=full))
    return answer.plan


async def approve(opened: Session, name: str, *, yes: bool) -> Plan:
    """Review, ask, and sign the plan with the person's own key."""
    from lpse.operator.v1.plans_pb2 import ApprovePlanRequest
    from lpse.operator.v1.plans_pb2_grpc import PlansStub

    plan = await fetch(opened, name)
    if not yes:
        review(plan)
        if ask(say("Type yes to sign this plan:")).lower() not in {"yes", "ya"}:
            raise ConfirmationNeeded("FED-8013", "the plan was not signed")
    signed = opened.sign(APPROVE, plan.digest)
    answer = await PlansStub(opened.channel).ApprovePlan(
        ApprovePlanRequest(name=plan.name, act=signed)
    )
    return answer.plan


async def apply(
    opened: Session, name: str, *, act: str, yes: bool, expect_nodes: int | None
) -> Plan:
    """Confirm as a wide act needs it, and have exactly the reviewed plan applied."""
    from lpse.operator.v1.plans_pb2 import ApplyPlanRequest
    from lpse.operator.v1.plans_pb2_grpc import PlansStub

    plan = await fetch(opened, name)
    expected = confirm_wide(plan, yes=yes, expect_nodes=expect_nodes)
    answer = await PlansStub(opened.channel).ApplyPlan(
        ApplyPlanRequest(name=plan.name, digest=plan.digest, expect_nodes=expected, act=act)
    )
    return answer.plan


def add_commands(app: typer.Typer, *, act: str, apply_name: str = "apply") -> None:
    """Give a noun its `approve` and its `apply` (for outages: `declare`) subcommands."""

    @app.command("approve", help="Approve a plan with your own signature (a second person).")
    def approve_plan(
        plan: PlanOption, yes: SignOption = False, output: OutputOption = Output.TABLE
    ) -> None:
        run(_approve(plan, yes, output))

    @app.command(apply_name, help="Do what a plan says, exactly as it was reviewed.")
    def apply_plan(
        plan: PlanOption,
        expect_nodes: ExpectNodesOption = None,
        yes: YesOption = False,
        output: OutputOption = Output.TABLE,
    ) -> None:
        run(_apply(plan, act, yes, expect_nodes, output))


async def _approve(name: str, yes: bool, output: Output) -> None:
    async with session.connect() as opened:
        show_plan(await approve(opened, name, yes=yes), output)


async def _apply(name: str, act: str, yes: bool, expect_nodes: int | None, output: Output) -> None:
    async with session.connect() as opened:
        plan = await apply(opened, name, act=act, yes=yes, expect_nodes=expect_nodes)
        show_plan(plan, output)
