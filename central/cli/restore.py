"""`lkpp-central restore FOLDER`: the same act as `backup restore`, under the daemon's verbs.

Leaves out the act (`central.cli.backup`).
"""

from __future__ import annotations

import typer

from central.cli.backup import restore

app = typer.Typer()
app.command()(restore)
