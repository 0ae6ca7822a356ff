"""`lkppctl recon {list,get,…}`: reconciliation runs of all nodes, as the nodes signed them.

Rule: JSON is the record itself; the table and the story are for people. Leaves out runs on demand,
which are asked for at the node, the national gate (`national`) and parked entries (`parked`).
"""

from __future__ import annotations

from datetime import UTC
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from central.ctl import national, parked, session
from lpse.terminal.output import (
    Column,
    Output,
    OutputOption,
    console,
    run,
    show,
    show_list,
    visible,
)
from lpse.terminal.words import date_text, say

if TYPE_CHECKING:
    from lpse.operator.v1 import reconciliations_pb2 as api

app = typer.Typer(help="Reconciliation: runs, parked entries, the national journal.")
national.add_commands(app)
parked.add_commands(app)

ZONE = "Asia/Jakarta"
COLUMNS = (
    Column("name", "Run"),
    Column("trigger", "Trigger", say),
    Column("time", "Time"),
    Column("link_down", "Link down", right=True),
    Column("found", "Found"),
    Column("heads_equal", "Heads equal", lambda equal: say("yes") if equal else say("no")),
)


class Trigger(StrEnum):
    """Values of `--trigger`."""

    RECONNECT = "RECONNECT"
    SCHEDULE = "SCHEDULE"
    DEMAND = "DEMAND"
    RESTORE = "RESTORE"
    ENROLMENT = "ENROLMENT"


@app.command("list")
def list_runs(
    node: Annotated[str, typer.Option(help="Only this node.")] = "",
    trigger: Annotated[Trigger | None, typer.Option(help="Only runs started so.")] = None,
    with_difference: Annotated[
        bool, typer.Option("--with-difference", help="Only runs that found a difference.")
    ] = False,
    heads_unequal: Annotated[
        bool, typer.Option("--heads-unequal", help="Only runs that ended with unequal heads.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Runs to show, newest first.")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List reconciliation runs, newest first."""
    from lpse.federation.v1 import records_pb2 as records
    from lpse.operator.v1 import reconciliations_pb2 as api

    request = api.ListReconciliationsRequest(
        page_size=min(limit, 1_000),
        node_id=node,
        with_difference=with_difference,
        heads_unequal=heads_unequal,
    )
    if trigger is not None:
        request.trigger = records.ReconciliationTrigger.Value(
            f"RECONCILIATION_TRIGGER_{trigger.value}"
        )
    run(_list(request, limit, output))


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="Run, for example recon/lpse-pacitan/7.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Tell one run as a story, or print its record."""
    run(_get(name, output))


async def _list(request: api.ListReconciliationsRequest, limit: int, output: Output) -> None:
    from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub

    found: list[api.Reconciliation] = []
    async with session.connect() as opened:
        while True:
            page = await ReconciliationsStub(opened.channel).ListReconciliations(request)
            found.extend(page.reconciliations)
            if not page.next_page_token or len(found) >= limit:
                break
            request.page_token = page.next_page_token
    if output is Output.TABLE:
        show_list([_row(one) for one in found[:limit]], COLUMNS, output)
    else:
        show_list(found[:limit], COLUMNS, output)


async def _get(name: str, output: Output) -> None:
    from lpse.operator.v1 import reconciliations_pb2 as api
    from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal.recon_story import story

    async with session.connect() as opened:
        answer = await ReconciliationsStub(opened.channel).GetReconciliation(
            api.GetReconciliationRequest(name=name)
        )
    if output is not Output.TABLE:
        show(answer.reconciliation, COLUMNS, output)
        return
    for line in story(answer.reconciliation.record, ZONE):
        console().print(visible(line), markup=False)


def _row(one: api.Reconciliation) -> dict[str, Any]:
    from lpse.terminal.plain import plain
    from lpse.terminal.recon_story import summary
    from lpse.terminal.words import duration_text

    record = one.record
    return {
        "name": one.name,
        "trigger": plain(record)["trigger"],
        "time": date_text(record.legal_time.ToDatetime(tzinfo=UTC), ZONE),
        "link_down": duration_text(record.link_down_seconds),
        "found": summary(record),
        "heads_equal": record.heads_equal,
    }
