"""`lpse-node recon replay`: the decisions of this node's runs, taken again from their own inputs.

Rule: the decisions are taken by this program from the record alone; the daemon gives the records.
Leaves out the comparison (`lpse.federation.reconciliation_replay`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lpse.terminal.output import Output, OutputOption, run
from regional_node.cli import session

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
    from lpse.intake.v1 import reconciliations_pb2 as api
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub

    found = []
    async with session.connect() as channel:
        for name in names:
            answer = await ReconciliationsStub(channel).GetReconciliation(
                api.GetReconciliationRequest(name=name)
            )
            found.append((answer.reconciliation.name, answer.reconciliation.record))
    return found
