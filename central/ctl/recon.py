"""`lkppctl recon {list,get,…}`: reconciliation runs of all nodes, as the nodes signed them.

Rule: JSON is the record itself; the table and the story are for people. Leaves out runs on demand,
which are asked for at the node, the national gate (`national`) and parked entries (`parked`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from central.ctl import national, parked, parked_blobs, session
from lpse.terminal import recon_views
from lpse.terminal.output import (
    Output,
    OutputOption,
    run,
)

if TYPE_CHECKING:
    from lpse.operator.v1 import reconciliations_pb2 as api

app = typer.Typer(help="Reconciliation: runs, parked entries, the national journal.")
national.add_commands(app)
parked.add_commands(app)
parked_blobs.add_commands(app)

ZONE = "Asia/Jakarta"


@app.command("list")
def list_runs(
    node: Annotated[str, typer.Option(help="Only this node.")] = "",
    trigger: Annotated[
        recon_views.Trigger | None, typer.Option(help="Only runs started so.")
    ] = None,
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
    from lpse.operator.v1 import reconciliations_pb2 as api

    request = api.ListReconciliationsRequest(
        page_size=min(limit, 1_000),
        trigger=recon_views.trigger_value(trigger),
        node_id=node,
        with_difference=with_difference,
        heads_unequal=heads_unequal,
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
    recon_views.show_runs(found[:limit], ZONE, output)


async def _get(name: str, output: Output) -> None:
    from lpse.operator.v1 import reconciliations_pb2 as api
    from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub

    async with session.connect() as opened:
        answer = await ReconciliationsStub(opened.channel).GetReconciliation(
            api.GetReconciliationRequest(name=name)
        )
    recon_views.show_run(answer.reconciliation, ZONE, output)
