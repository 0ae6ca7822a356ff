"""`lkppctl recon replay`: the decisions of recorded runs, taken again from their own inputs.

Rule: the decisions are taken on this machine by this program; the centre gives the records alone.
Leaves out the comparison (`lpse.federation.reconciliation_replay`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from central.ctl import session
from lpse.terminal.output import Output, OutputOption, run

if TYPE_CHECKING:
    from lpse.federation.v1 import records_pb2 as records


def add_commands(app: typer.Typer) -> None:
    """Give the noun its `replay`."""
    app.command("replay")(replay)


def replay(
    names: Annotated[list[str], typer.Argument(help="Runs, for example recon/lpse-pacitan/7.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Decide recorded runs again and tell which decisions come out otherwise."""
    from lpse.terminal.replay_views import show_replays

    show_replays(run(_fetch(names)), output)


async def _fetch(names: list[str]) -> list[tuple[str, records.ReconciliationRecorded]]:
    from lpse.operator.v1 import reconciliations_pb2 as api
    from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub

    found = []
    async with session.connect() as opened:
        for name in names:
            answer = await ReconciliationsStub(opened.channel).GetReconciliation(
                api.GetReconciliationRequest(name=name)
            )
            found.append((answer.reconciliation.name, answer.reconciliation.record))
    return found
