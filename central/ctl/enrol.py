"""`lkppctl enrol {create,list,revoke}`: one-use codes for nodes.

Rule: a code is shown once, on stdout, and kept nowhere in clear. Leaves out what a code is made of
(`lpse.federation.enrolment_code`).
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from central.ctl import planning, session
from lpse.operator.v1.enrolments_pb2 import CreateEnrolmentRequest
from lpse.terminal.output import Column, Output, OutputOption, note, run, show, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import say, when

app = typer.Typer(help="One-use codes with which nodes enrol.")

_WHEN: Final = when("Asia/Jakarta")
COLUMNS: Final = (
    Column("name", "Enrolment"),
    Column("subject_kind", "Kind", say),
    Column("subject", "Name"),
    Column("state", "State", say),
    Column("created_by", "Made by"),
    Column("expire_time", "Valid until", _WHEN),
)
CODE_COLUMNS: Final = (
    Column("subject", "Name"),
    Column("code", "Code"),
    Column("endpoint", "Enrolment endpoint"),
    Column("expire_time", "Valid until", _WHEN),
)


@app.command()
def create(
    node: Annotated[str, typer.Argument(help="Node id, for example lpse-pacitan.")],
    province: Annotated[str, typer.Option(help="ISO 3166-2 code, for example ID-JI.")] = "",
    zone: Annotated[
        str, typer.Option(help="IANA zone of the office, for example Asia/Jakarta.")
    ] = "",
    recover: Annotated[
        str,
        typer.Option(
            metavar="REASON",
            help="Plan a code for a new machine of this node, whose machine was lost: why.",
        ),
    ] = "",
    plan: Annotated[str, typer.Option(help="The applied plan of such a recovery.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a one-use code for a node; an older open one of the same node ends."""
    if recover:
        run(_plan(node, recover, output))
        return
    run(
        _create(
            CreateEnrolmentRequest(
                subject_kind="node", subject=node, province=province, zone=zone, recovery_plan=plan
            ),
            output,
        )
    )


planning.add_commands(app, act="enrol.recover")


@app.command("list")
def list_enrolments(
    kind: Annotated[str, typer.Option(help="Only codes for this kind: node or operator.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List codes, newest first, without their secrets."""
    run(_list(kind, output))


@app.command()
def revoke(
    enrolment: Annotated[str, typer.Argument(help="Name or id of the code.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """End an open code."""
    run(_revoke(enrolment, reason, output))


async def invitation(
    request: CreateEnrolmentRequest,
) -> tuple[dict[str, Any], tuple[Column, ...]]:
    """Make a code; its row for the terminal and the columns that show it."""
    from lpse.operator.v1.enrolments_pb2_grpc import EnrolmentsStub

    async with session.connect() as opened:
        answer = await EnrolmentsStub(opened.channel).CreateEnrolment(request)
    row: dict[str, Any] = plain(answer.enrolment)
    row.update(code=answer.code, endpoint=answer.endpoint)
    return row, CODE_COLUMNS


async def _plan(node: str, reason: str, output: Output) -> None:
    from lpse.operator.v1.enrolments_pb2 import PlanRecoveryRequest
    from lpse.operator.v1.enrolments_pb2_grpc import EnrolmentsStub

    request = PlanRecoveryRequest(name=f"nodes/{node}", reason=reason)
    async with session.connect() as opened:
        answer = await EnrolmentsStub(opened.channel).PlanRecovery(request)
    planning.show_plan(answer.plan, output)
    name = answer.plan.name
    note(say("A second person: {command}", command=f"lkppctl enrol approve --plan {name}"))
    note(say("Then: {command}", command=f"lkppctl enrol apply --plan {name}"))
    note(say("Then: {command}", command=f"lkppctl enrol create {node} --plan {name}"))


async def _create(request: CreateEnrolmentRequest, output: Output) -> None:
    row, columns = await invitation(request)
    show(row, columns, output, name="code")
    flag = " --recover" if request.recovery_plan else ""
    command = f"lpse-node enrol{flag} --endpoint {row['endpoint']} --code -"
    note(say("At the node: {command}", command=command))


async def _list(kind: str, output: Output) -> None:
    from lpse.operator.v1 import enrolments_pb2 as api
    from lpse.operator.v1.enrolments_pb2_grpc import EnrolmentsStub

    found: list[api.Enrolment] = []
    request = api.ListEnrolmentsRequest(subject_kind=kind)
    async with session.connect() as opened:
        while True:
            answer = await EnrolmentsStub(opened.channel).ListEnrolments(request)
            found.extend(answer.enrolments)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    show_list(found, COLUMNS, output)


async def _revoke(enrolment: str, reason: str, output: Output) -> None:
    from lpse.operator.v1 import enrolments_pb2 as api
    from lpse.operator.v1.enrolments_pb2_grpc import EnrolmentsStub

    name = enrolment if enrolment.startswith("enrolments/") else f"enrolments/{enrolment}"
    async with session.connect() as opened:
        answer = await EnrolmentsStub(opened.channel).RevokeEnrolment(
            api.RevokeEnrolmentRequest(name=name, reason=reason)
        )
    show(answer, COLUMNS, output)
