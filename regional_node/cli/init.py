"""`lpse-node init`: the data folder and a commented configuration file.

Rule: what exists is never overwritten; repeating it is harmless. Leaves out keys, which are made by
`enrol`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lpse.terminal.output import note
from lpse.terminal.words import say

app = typer.Typer()


@app.command()
def init(
    endpoint: Annotated[
        str, typer.Option(help="host:port of the centre's enrolment listener.")
    ] = "",
) -> None:
    """Make the data folder and a commented configuration file."""
    from regional_node.cli import session

    prepare(session.settings().data, endpoint)


def prepare(data: Path, endpoint: str) -> None:
    """The folder (0700) and `node.toml` in it, where they do not exist yet."""
    from lpse.federation.errors import Refused
    from lpse.runtime.tls import write_public
    from lpse.terminal.settings import commented
    from regional_node.config import FILE, NodeSettings

    path = data / FILE
    values = {"link.endpoint": endpoint} if endpoint else {}
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_public(path, commented(NodeSettings, values).encode("utf-8"))
            note(say("Configuration: {path}", path=path))
    except OSError as error:
        raise Refused(
            "FED-8018",
            f"{data} cannot be prepared: {error.strerror}",
            remedy="name another folder with --data, or run this as its owner",
        ) from error
