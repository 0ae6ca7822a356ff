"""`lkpp-central serve`: the daemon of the centre.

Rule: it runs in the foreground, logs to standard output and ends with status 1 after a disk
failure. Leaves out the daemon itself (`central.app`).
"""

from __future__ import annotations

import typer

from central.cli import settings
from lpse.terminal.output import run

app = typer.Typer()


@app.command()
def serve() -> None:
    """Serve nodes and operators until SIGTERM or SIGINT."""
    raise typer.Exit(run(_serve()))


async def _serve() -> int:
    from central.app import serve as serve_centre

    return await serve_centre(settings.settings())
