"""`lpse-node`: the daemon and the admin's tool of one node.

Owns the list of nouns and the flags that every command shares. One file per noun. Leaves out the
work: commands call the daemon through its local API, or an area directly where no daemon is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from lpse.terminal.program import mount, start
from regional_node.cli import session

NOUNS: Final = (
    "officer", "config", "grant", "queue", "receipt", "link", "package", "compensation", "outage",
    "recon", "backup", "recovery_code",
)  # fmt: skip
COMMANDS: Final = ("init", "enrol", "run", "status", "doctor", "upload")

root = typer.Typer(
    name="lpse-node",
    help="A regional node (LPSE) of the federation.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@root.callback()
def shared(
    config: Annotated[
        Path | None, typer.Option(help="Configuration file.", envvar="LPSE_NODE_CONFIG")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder of the node.")] = None,
) -> None:
    """A regional node (LPSE) of the federation."""
    session.choose(config, data)


def main() -> NoReturn:
    """Entry point of the console script."""
    mount(root, [f"regional_node.cli.{name}" for name in NOUNS])
    commands = [f"regional_node.cli.{name}" for name in COMMANDS]
    mount(root, [*commands, "lpse.terminal.explain"], nouns=False)
    start(root, "lpse-node", Path(__file__).parents[1] / "locale")
