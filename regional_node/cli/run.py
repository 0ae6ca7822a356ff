"""`lpse-node run`: the daemon of the node.

Rule: it runs in the foreground, logs to standard output and ends with status 1 after a disk
failure; the local service outlives it. Leaves out the daemon itself (`regional_node.app`).
"""

from __future__ import annotations

import typer

from lpse.terminal.output import run as run_command
from regional_node.cli import session

app = typer.Typer()


@app.command()
def run() -> None:
    """Run the node until SIGTERM or SIGINT."""
    raise typer.Exit(run_command(_run()))


async def _run() -> int:
    from regional_node.app import run as run_node

    return await run_node(session.settings())
