"""`lkpp-central`: the daemon and the administration of the centre, on the centre's machine.

Owns the list of commands and the flags that every command shares. One file per command. Leaves out
the work: commands call the areas.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from central.cli import settings
from lpse.terminal.program import mount, start

NOUNS: Final = ("config", "backup")
COMMANDS: Final = ("init", "serve", "migrate", "check", "restore")

root = typer.Typer(
    name="lkpp-central",
    help="The national centre (LKPP) of the federation.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@root.callback()
def shared(
    config: Annotated[
        Path | None, typer.Option(help="Configuration file.", envvar="LKPP_CENTRAL_CONFIG")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder of the centre.")] = None,
) -> None:
    """The national centre (LKPP) of the federation."""
    settings.choose(config, data)


def main() -> NoReturn:
    """Entry point of the console script."""
    mount(root, [f"central.cli.{name}" for name in NOUNS])
    commands = [f"central.cli.{name}" for name in COMMANDS]
    mount(root, [*commands, "lpse.terminal.explain"], nouns=False)
    start(root, "lkpp-central", Path(__file__).parents[1] / "locale")
