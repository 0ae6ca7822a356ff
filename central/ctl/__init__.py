"""`lkppctl`: the client of operators, approvers and auditors, over mTLS from their own machines.

Owns the list of nouns and the flag that every command shares. One file per noun. Leaves out the
work: commands call the centre's operator API.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from central.ctl import session
from lpse.terminal.program import mount, start

NOUNS: Final = (
    "context", "operator", "node", "enrol", "release", "rollout", "outage", "recon", "calendar",
    "audit",
)  # fmt: skip

root = typer.Typer(
    name="lkppctl",
    help="Operators' and auditors' client of the centre (LKPP).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@root.callback()
def shared(
    context: Annotated[
        str | None,
        typer.Option(help="Context to use instead of the current one.", envvar="LKPPCTL_CONTEXT"),
    ] = None,
) -> None:
    """Operators' and auditors' client of the centre (LKPP)."""
    session.choose(context)


def main() -> NoReturn:
    """Entry point of the console script."""
    mount(root, [f"central.ctl.{name}" for name in NOUNS])
    mount(root, ["lpse.terminal.explain"], nouns=False)
    start(root, "lkppctl", Path(__file__).parents[1] / "locale")
