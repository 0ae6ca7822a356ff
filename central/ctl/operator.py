"""`lkppctl operator {add,list,revoke}`: the persons of the centre.

Rule: `add` prints a one-use invitation; the person's keys are made on the person's own machine by
`lkppctl context create`. Leaves out who may invite whom (`central.operators.rules`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer

from central.ctl import session
from lpse.terminal.causes import access_text
from lpse.terminal.output import Column, Output, OutputOption, note, run, show, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import say, when

app = typer.Typer(help="Persons of the centre: operators, approvers, auditors.")

COLUMNS: Final = (
    Column("operator_id", "Name"),
    Column("role", "Role", say),
    Column("state", "State", access_text),
    Column("key_id", "Key"),
    Column("added_by", "Added by"),
    Column("create_time", "Since", when("Asia/Jakarta")),
)


class Role(StrEnum):
    """Roles as the flag names them."""

    OPERATOR = "operator"
    APPROVER = "approver"
    AUDITOR = "auditor"


NameArgument = Annotated[str, typer.Argument(help="Short name of the person: a-z, 0-9, hyphens.")]


@app.command()
def add(
    name: NameArgument,
    role: Annotated[Role, typer.Option(help="What the person may do.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Invite a person with a one-use code."""
    run(_add(name, role, output))


@app.command("list")
def list_operators(output: OutputOption = Output.TABLE) -> None:
    """List the persons of the centre, revoked ones too."""
    run(_list(output))


@app.command()
def revoke(
    name: NameArgument,
    reason: Annotated[str, typer.Option(help="Why; it stands in the national journal.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """End a person's access at once."""
    run(_revoke(name, reason, output))


async def _add(name: str, role: Role, output: Output) -> None:
    from central.ctl.enrol import invitation
    from lpse.operator.v1.enrolments_pb2 import CreateEnrolmentRequest

    request = CreateEnrolmentRequest(subject_kind="operator", subject=name, role=role.value)
    row, columns = await invitation(request)
    show(row, columns, output, name="code")
    command = f"lkppctl context create NAME --enrolment {row['endpoint']} --code -"
    note(say("On the person's own machine: {command}", command=command))


async def _list(output: Output) -> None:
    from lpse.operator.v1 import operators_pb2 as api
    from lpse.operator.v1.operators_pb2_grpc import OperatorsStub

    found: list[api.Operator] = []
    request = api.ListOperatorsRequest()
    async with session.connect() as opened:
        while True:
            answer = await OperatorsStub(opened.channel).ListOperators(request)
            found.extend(answer.operators)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    show_list([_row(operator) for operator in found], COLUMNS, output)


async def _revoke(name: str, reason: str, output: Output) -> None:
    from lpse.operator.v1 import operators_pb2 as api
    from lpse.operator.v1.operators_pb2_grpc import OperatorsStub

    async with session.connect() as opened:
        answer = await OperatorsStub(opened.channel).RevokeOperator(
            api.RevokeOperatorRequest(name=f"operators/{name}", reason=reason)
        )
    show(_row(answer.operator), COLUMNS, output)


def _row(operator: object) -> dict[str, object]:
    row: dict[str, object] = plain(operator)
    row["operator_id"] = str(row["name"]).removeprefix("operators/")
    row["key_id"] = str(row["signing_key"])[:16]
    return row
