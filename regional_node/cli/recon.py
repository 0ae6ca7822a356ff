"""`lpse-node recon {run,list,get}`: reconciliation runs of this node.

Rule: JSON is the record itself; the table and the story are for people. Leaves out the
decisions themselves (`regional_node.reconciliation`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lpse.terminal import recon_views
from lpse.terminal.output import (
    Output,
    OutputOption,
    note,
    run,
    show,
)
from lpse.terminal.words import say
from regional_node.cli import session
from regional_node.cli.status import zone_of

if TYPE_CHECKING:
    from lpse.intake.v1 import reconciliations_pb2 as api

app = typer.Typer(help="Reconciliation runs: what was compared, and what was decided.")


@app.command("list")
def list_runs(
    trigger: Annotated[
        recon_views.Trigger | None, typer.Option(help="Only runs started so.")
    ] = None,
    with_difference: Annotated[
        bool, typer.Option("--with-difference", help="Only runs that found a difference.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Runs to show, newest first.")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List reconciliation runs, newest first."""
    from lpse.intake.v1 import reconciliations_pb2 as api

    request = api.ListReconciliationsRequest(
        page_size=min(limit, 1_000),
        trigger=recon_views.trigger_value(trigger),
        with_difference=with_difference,
    )
    run(_list(request, limit, output))


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="Run, for example recon/lpse-pacitan/7.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Tell one run as a story, or print its record."""
    run(_get(name, output))


@app.command("run")
def run_now(output: OutputOption = Output.TABLE) -> None:
    """Ask for a run now: the link says hello to the centre again."""
    run(_run(output))


async def _run(output: Output) -> None:
    from lpse.intake.v1 import reconciliations_pb2 as api
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub

    async with session.connect() as channel:
        answer = await ReconciliationsStub(channel).RunReconciliation(
            api.RunReconciliationRequest()
        )
    if output is not Output.TABLE:
        show(answer, (), output)
    elif answer.immediate:
        note(say("The link says hello again; the run appears in: lpse-node recon list"))
    else:
        note(say("The link is down or paused; the run follows the next hello."))


async def _list(request: api.ListReconciliationsRequest, limit: int, output: Output) -> None:
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub

    found: list[api.Reconciliation] = []
    async with session.connect() as channel:
        while True:
            page = await ReconciliationsStub(channel).ListReconciliations(request)
            found.extend(page.reconciliations)
            if not page.next_page_token or len(found) >= limit:
                break
            request.page_token = page.next_page_token
        zone = await zone_of(channel)
    recon_views.show_runs(found[:limit], zone, output)


async def _get(name: str, output: Output) -> None:
    from lpse.intake.v1 import reconciliations_pb2 as api
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub

    async with session.connect() as channel:
        answer = await ReconciliationsStub(channel).GetReconciliation(
            api.GetReconciliationRequest(name=name)
        )
        zone = await zone_of(channel)
    recon_views.show_run(answer.reconciliation, zone, output)
