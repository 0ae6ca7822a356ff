"""`lkpp-central migrate`: bring the database to this program's form, after a copy of the old one.

Rule: a running daemon holds the database, so this refuses beside one; `serve` migrates by itself.
Leaves out the migrations (`central/migrations`).
"""

from __future__ import annotations

import typer

from central.cli import settings
from lpse.terminal.output import note, run
from lpse.terminal.words import say

app = typer.Typer()


@app.command()
def migrate() -> None:
    """Bring the database up to date and leave; harmless to repeat."""
    run(_migrate())


async def _migrate() -> None:
    from central.enrolment.genesis import DATABASE, MIGRATIONS
    from lpse.federation.errors import NotFound
    from lpse.runtime.sqlite import Database

    path = settings.settings().data / DATABASE
    if not path.exists():
        raise NotFound("FED-8020", f"there is no centre in {path.parent}", remedy="init makes one")
    database = await Database.open(path, MIGRATIONS, readers=1)
    await database.close()
    note(say("The database is up to date."))
