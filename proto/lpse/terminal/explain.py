"""`explain FED-nnnn`: what an error code means and what to do, for every program.

Owns the command. Leaves out the catalogue (`lpse.federation.error_catalogue`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from lpse.federation.error_catalogue import CATALOGUE
from lpse.federation.errors import NotFound
from lpse.terminal.output import Column, Output, OutputOption, show
from lpse.terminal.words import language

app = typer.Typer()

_COLUMNS = (
    Column("code", "Code"),
    Column("title", "What happened"),
    Column("meaning", "What it means"),
    Column("remedy", "What to do"),
)


@app.command()
def explain(
    code: Annotated[str, typer.Argument(help="An error code, as FED-8011 or 8011.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Say what an error code means and what to do."""
    full = f"FED-{code.upper().removeprefix('FED-')}"
    entry = CATALOGUE.get(full)
    if entry is None:
        raise NotFound("FED-8014", f"{full} is not a code of this program")
    # JSON is never translated.
    told = entry.told(language() if output is Output.TABLE else "en")
    show({"code": full, **told._asdict()}, _COLUMNS, output, name="code")
