"""`lpse-node config show`: every key, its value, and where the value came from.

Owns the command. Leaves out which keys exist (`regional_node.config`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from lpse.terminal.output import Column, Output, OutputOption, show_list
from regional_node.cli import session

app = typer.Typer(help="Configuration of this node.")


@app.callback()
def noun() -> None:
    """Configuration of this node."""


@app.command("show")
def show_settings(
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value is set.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the configuration in use: flag > environment > conf.d > file > default."""
    columns = [Column("key", "Key"), Column("value", "Value")]
    if origin:
        columns.append(Column("origin", "Origin"))
    show_list(session.loaded().rows(), columns, output, name="key")
