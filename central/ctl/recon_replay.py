"""`lkppctl recon replay`: recorded runs as the centre holds them.

Owns fetching them over the side's own API. Leaves out the command and the decisions
(`lpse.terminal.replaying`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from central.ctl import session
from lpse.terminal.replaying import add_replay

if TYPE_CHECKING:
    from lpse.federation.v1 import records_pb2 as records


def add_commands(app: typer.Typer) -> None:
    """Give the noun its `replay`."""
    add_replay(app, _fetch)


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
