"""`lkppctl recon {national,assert}`: may the centre append, and a person's word that it may.

Rule: after a restore the word is asked for with the size that the person saw, so that nobody
asserts a journal that has moved since; silence never means yes. Leaves out how the gate is judged
(`central.national.rules`).
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from central.ctl import session
from central.ctl.session import Session
from lpse.terminal.output import (
    Column,
    ConfirmationNeeded,
    Output,
    OutputOption,
    ask,
    note,
    run,
    show,
)
from lpse.terminal.plain import plain
from lpse.terminal.words import say


def _gate_text(gate: str) -> str:
    match gate:
        case "OPEN":
            return say("the centre may append")
        case "WAITING":
            return say("waits for nodes to show their heads")
        case _:
            return say("read-only: nodes have more than the centre")


COLUMNS: Final = (
    Column("gate", "National journal", _gate_text),
    Column("head.size", "Entries", right=True),
    Column("head.root", "Root"),
    Column("witnesses", "Nodes that agree", right=True),
    Column("witnesses_needed", "Nodes waited for", right=True),
)


def add_commands(app: typer.Typer) -> None:
    """Give the noun its `national` and its `assert`."""
    app.command("national")(national)
    app.command("assert")(assert_complete)


def national(output: OutputOption = Output.TABLE) -> None:
    """Show the national journal's head, and whether the centre may append to it."""
    run(_national(output))


def assert_complete(
    expect_size: Annotated[
        int, typer.Option(min=0, help="Entries of the national journal, as you saw them.")
    ],
    reason: Annotated[str, typer.Option(help="How you know that nothing is missing.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say that a restored centre's national journal is complete, so that it appends again."""
    run(_assert(expect_size, reason, yes, output))


async def _national(output: Output) -> None:
    async with session.connect() as opened:
        show(await _status(opened), COLUMNS, output, name="gate")


async def _assert(expect_size: int, reason: str, yes: bool, output: Output) -> None:
    from lpse.operator.v1.fleet_pb2 import AssertNationalCompleteRequest
    from lpse.operator.v1.fleet_pb2_grpc import FleetStub

    async with session.connect() as opened:
        if not yes:
            _confirm(await _status(opened), expect_size)
        await FleetStub(opened.channel).AssertNationalComplete(
            AssertNationalCompleteRequest(expect_size=expect_size, reason=reason)
        )
        show(await _status(opened), COLUMNS, output, name="gate")


def _confirm(status: dict[str, Any], expect_size: int) -> None:
    note(f"{say('National journal')}: {_gate_text(status['gate'])} – {status['reason']}")
    note(say("If a newer copy of the centre exists, its entries are lost for good."))
    typed = ask(say("Type the number of national entries to go on:"))
    if typed != str(expect_size):
        raise ConfirmationNeeded("FED-8013", "the number of national entries was not confirmed")


async def _status(opened: Session) -> dict[str, Any]:
    from lpse.operator.v1.fleet_pb2 import GetNationalStatusRequest
    from lpse.operator.v1.fleet_pb2_grpc import FleetStub

    answer = await FleetStub(opened.channel).GetNationalStatus(GetNationalStatusRequest())
    status: dict[str, Any] = plain(answer)
    return status
