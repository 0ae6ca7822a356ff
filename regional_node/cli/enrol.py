"""`lpse-node enrol`: redeem the centre's one-use code; keys are made here and stay here.

Rule: nothing is sent before the centre's CA fits the code; repeating it is harmless. Leaves out the
protocol (`regional_node.identity`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lpse.terminal.output import Output, OutputOption, note, run, show
from lpse.terminal.words import say
from regional_node.cli import recovering, reimporting, session
from regional_node.cli.identities import COLUMNS, address_of, keep_endpoint, row_of

app = typer.Typer()


@app.command()
def enrol(
    code: Annotated[
        str,
        typer.Option(
            help="One-use code; better in LPSE_NODE_CODE or, with -, on standard input.",
            envvar="LPSE_NODE_CODE",
        ),
    ],
    endpoint: Annotated[
        str, typer.Option(help="host:port of the centre's enrolment listener.")
    ] = "",
    recover: Annotated[
        bool,
        typer.Option("--recover", help="Take the place of a lost machine; needs its own code."),
    ] = False,
    recovery_code_file: Annotated[
        Path | None,
        typer.Option(help="File with the recovery code on paper; - reads it from the terminal."),
    ] = None,
    reimport: Annotated[
        bool,
        typer.Option(
            "--reimport", help="Go on as a new node with this data, after the centre decided so."
        ),
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make this machine's keys and get its certificate with a code from the centre."""
    given = typer.get_text_stream("stdin").readline() if code == "-" else code
    if reimport:
        run(reimporting.reimport(given, endpoint, output))
        return
    if recover:
        run(recovering.recover(given, endpoint, recovery_code_file, output))
        return
    run(_enrol(given, endpoint, output))


async def _enrol(code: str, endpoint: str, output: Output) -> None:
    from regional_node.cli.init import prepare
    from regional_node.cli.recovery_code import show_new_code
    from regional_node.identity import enrol as redeem

    settings = session.settings()
    address = address_of(endpoint)
    prepare(settings.data, address)
    identity = await redeem(address, code, settings.data / "identity")
    keep_endpoint(settings.data, address)
    show(row_of(identity), COLUMNS, output, name="node_id")
    show_new_code(settings.data / "identity")
    note(say("Start the node with: lpse-node run"))
