"""The command `recon replay` of both programs: recorded runs, decided again on this machine.

Rule: decisions are taken by this program from the record alone; the daemon gives the records.
Leaves out fetching them (each side) and the comparison (`lpse.federation.reconciliation_replay`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from lpse.terminal.output import Output, OutputOption, run

if TYPE_CHECKING:
    from lpse.federation.v1 import records_pb2 as records

    # From names of runs to their names and records, in the same order.
    Fetch: TypeAlias = Callable[
        [list[str]], Coroutine[Any, Any, list[tuple[str, records.ReconciliationRecorded]]]
    ]


def add_replay(app: typer.Typer, fetch: Fetch) -> None:
    """Give a noun its `replay`."""

    @app.command()
    def replay(
        names: Annotated[list[str], typer.Argument(help="Runs, for example recon/lpse-pacitan/7.")],
        output: OutputOption = Output.TABLE,
    ) -> None:
        """Decide recorded runs again and tell which decisions come out otherwise."""
        from lpse.terminal.replay_views import show_replays  # noqa: PLC0415 - help stays quick

        show_replays(run(fetch(names)), output)
