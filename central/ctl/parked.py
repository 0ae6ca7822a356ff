"""`lkppctl recon {parked,replay-parked}`: entries that were set aside, and trying them again.

Rule: a parked entry is stored and safe; replaying it never harms the others (Invariant 10). What
is still parked afterwards is a partial success, exit code 7. Leaves out why entries are parked.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from central.ctl import session
from lpse.federation.limits import PAGE_ITEMS_MAX
from lpse.terminal.output import (
    EXIT_PARTIAL,
    Column,
    Output,
    OutputOption,
    run,
    show,
    show_list,
)
from lpse.terminal.words import when

NodeOption = Annotated[str, typer.Option(help="Only this node.")]
COLUMNS: Final = (
    Column("node_id", "Node"),
    Column("epoch", "Epoch"),
    Column("index", "Index", right=True),
    Column("kind", "Kind"),
    Column("park_time", "Set aside", when("Asia/Jakarta")),
    Column("reason", "Because"),
)
RESULT: Final = (
    Column("applied_entries", "Applied now", right=True),
    Column("parked_entries", "Still parked", right=True),
)


def add_commands(app: typer.Typer) -> None:
    """Give the noun its `parked` and its `replay-parked`."""
    app.command("parked")(parked)
    app.command("replay-parked")(replay_parked)


def parked(node: NodeOption = "", output: OutputOption = Output.TABLE) -> None:
    """List entries that the centre stored and set aside, with the reason."""
    run(_list(node, output))


def replay_parked(node: NodeOption = "", output: OutputOption = Output.TABLE) -> None:
    """Apply parked entries again, for example after an upgrade of the centre."""
    if run(_replay(node, output)):
        raise typer.Exit(EXIT_PARTIAL)


async def _list(node: str, output: Output) -> None:
    from lpse.operator.v1.fleet_pb2 import ListParkedEntriesRequest
    from lpse.operator.v1.fleet_pb2_grpc import FleetStub

    request = ListParkedEntriesRequest(node_id=node, page_size=PAGE_ITEMS_MAX)
    rows: list[Any] = []
    async with session.connect() as opened:
        while True:
            answer = await FleetStub(opened.channel).ListParkedEntries(request)
            rows.extend(answer.entries)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    show_list(rows, COLUMNS, output, name="index")


async def _replay(node: str, output: Output) -> int:
    from lpse.operator.v1.fleet_pb2 import ReplayParkedEntriesRequest
    from lpse.operator.v1.fleet_pb2_grpc import FleetStub

    async with session.connect() as opened:
        answer = await FleetStub(opened.channel).ReplayParkedEntries(
            ReplayParkedEntriesRequest(node_id=node)
        )
    show(answer, RESULT, output, name="applied_entries")
    return answer.parked_entries
