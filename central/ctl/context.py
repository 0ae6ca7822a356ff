"""`lkppctl context {create,list,use,show}`: which centre, and who one is there.

Rule: `create` redeems an invitation; keys are made on this machine (0600) and stay here. Repeating
it is harmless. Leaves out the store of contexts (`session`).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Final

import typer

from central.ctl import session
from lpse.terminal.output import Column, Output, OutputOption, note, run, show, show_list
from lpse.terminal.words import say

app = typer.Typer(help="Which centre this machine speaks to, and as whom.")

COLUMNS: Final = (
    Column("name", "Context"),
    Column("operator", "Name"),
    Column("role", "Role", say),
    Column("endpoint", "Endpoint"),
    Column("current", "Current"),
)
NameArgument = Annotated[str, typer.Argument(help="Name of the context on this machine.")]


@app.command()
def create(
    name: NameArgument,
    enrolment: Annotated[str, typer.Option(help="host:port of the centre's enrolment listener.")],
    code: Annotated[
        str,
        typer.Option(
            help="One-use invitation code; better in LKPPCTL_CODE or, with -, on standard input.",
            envvar="LKPPCTL_CODE",
        ),
    ],
    endpoint: Annotated[
        str | None,
        typer.Option(help="host:port for commands, where the centre's own answer is not right."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Redeem an invitation: make keys here, fetch the certificate, store the context."""
    given = typer.get_text_stream("stdin").readline() if code == "-" else code
    run(_create(name, endpoint, enrolment, given, output))


@app.command("list")
def list_contexts(output: OutputOption = Output.TABLE) -> None:
    """List the contexts of this machine."""
    rows = [_row(session.read(name)) for name in session.names()]
    show_list(rows, COLUMNS, output)


@app.command()
def use(name: NameArgument) -> None:
    """Make a context the current one."""
    session.use(name)
    note(say("Context {name} is in use now.", name=name))


@app.command("show")
def show_context(
    name: Annotated[str | None, typer.Argument(help="Name of the context.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a context, the current one where none is named."""
    show(_row(session.read(name or session.current_name())), COLUMNS, output)


async def _create(
    name: str, endpoint: str | None, enrolment: str, code: str, output: Output
) -> None:
    from lpse.runtime.tls.enrolling import enrol

    enrolled = await enrol(enrolment, code, session.folder(name), kind="operator")
    context = session.Context(
        name, enrolled.subject, enrolled.role, endpoint or enrolled.endpoint, enrolment
    )
    session.store(context)
    if not session.has_current():
        session.use(name)
    show(_row(context), COLUMNS, output)


def _row(context: session.Context) -> dict[str, object]:
    return {**asdict(context), "current": session.is_current(context.name)}
