"""`lkpp-central init`: a new centre, with the invitations of its first persons.

Rule: each invitation code is shown once, here. Leaves out what is made
(`central.enrolment.genesis`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from central.cli import settings
from lpse.terminal.output import Column, Output, OutputOption, note, run, show_list
from lpse.terminal.words import say, when

if TYPE_CHECKING:
    from central.enrolment.genesis import Founding

app = typer.Typer()

COLUMNS: Final = (
    Column("subject", "Name"),
    Column("role", "Role"),
    Column("code", "Code"),
    Column("endpoint", "Enrolment endpoint"),
    Column("expire_time", "Valid until", when("Asia/Jakarta")),
)


@app.command()
def init(
    *,
    operator: Annotated[list[str], typer.Option(help="First operator; may be repeated.")],
    approver: Annotated[list[str], typer.Option(help="First approver; may be repeated.")],
    auditor: Annotated[list[str] | None, typer.Option(help="Auditor; may be repeated.")] = None,
    public_host: Annotated[
        str, typer.Option(help="Name or address under which nodes reach this machine.")
    ] = "localhost",
    listen_host: Annotated[str, typer.Option(help="Address to listen at.")] = "0.0.0.0",  # noqa: S104 - a server
    ports: Annotated[
        str, typer.Option(help="Ports of nodes, enrolment, operators and health pages.")
    ] = "7443,7444,7445,7480",
    exercise: Annotated[
        bool, typer.Option("--exercise", help="A centre for drills, never for production.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a new centre: private CA, keys, database, configuration, first invitations."""
    from central.enrolment.genesis import Founding

    persons = [
        *((name, "operator") for name in operator),
        *((name, "approver") for name in approver),
        *((name, "auditor") for name in auditor or ()),
    ]
    founding = Founding(
        data=settings.settings().data,
        persons=persons,
        public_host=public_host,
        listen_host=listen_host,
        ports=_ports(ports),
        environment="exercise" if exercise else "production",
    )
    run(_init(founding, output))


async def _init(founding: Founding, output: Output) -> None:
    from central.enrolment.genesis import CONFIGURATION, initialise
    from lpse.runtime.clock import SystemClock, SystemEntropy

    invitations = await initialise(founding, SystemClock(), SystemEntropy())
    rows = [
        {
            "subject": invitation.code.subject,
            "role": invitation.code.role,
            "code": invitation.text,
            "endpoint": invitation.endpoint,
            "expire_time": invitation.code.expire_time,
        }
        for invitation in invitations
    ]
    show_list(rows, COLUMNS, output, name="code")
    note(say("Configuration: {path}", path=founding.data / CONFIGURATION))
    note(
        say(
            "Each person, on the own machine: {command}",
            command="lkppctl context create NAME --enrolment HOST:PORT --code -",
        )
    )


def _ports(text: str) -> tuple[int, int, int, int]:
    parts = [int(part) for part in text.split(",") if part.isascii() and part.isdigit()]
    if len(parts) != 4 or len(text.split(",")) != 4 or not all(part <= 65_535 for part in parts):
        raise typer.BadParameter("four port numbers with commas, for example 7443,7444,7445,7480")
    nodes, enrolment, operators, http = parts
    return nodes, enrolment, operators, http
