"""`lpse-node enrol`: redeem the centre's one-use code; keys are made here and stay here.

Rule: nothing is sent before the centre's CA fits the code; repeating it is harmless. Leaves out the
protocol (`lpse.runtime.tls.enrolling`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from lpse.terminal.output import Column, Output, OutputOption, note, run, show
from lpse.terminal.words import say
from regional_node.cli import session

app = typer.Typer()

COLUMNS: Final = (
    Column("subject", "Node"),
    Column("province", "Province"),
    Column("zone", "Zone"),
    Column("endpoint", "Link endpoint"),
)


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
    output: OutputOption = Output.TABLE,
) -> None:
    """Make this machine's keys and get its certificate with a code from the centre."""
    given = typer.get_text_stream("stdin").readline() if code == "-" else code
    run(_enrol(given, endpoint, output))


async def _enrol(code: str, endpoint: str, output: Output) -> None:
    from lpse.federation.errors import Refused
    from lpse.runtime.tls.enrolling import enrol as redeem
    from regional_node.cli.init import prepare

    settings = session.settings()
    address = endpoint or settings.link.endpoint
    if not address:
        raise Refused(
            "FED-8019",
            "where the centre is has not been said",
            remedy="give --endpoint host:port, or set link.endpoint",
        )
    prepare(settings.data, address)
    enrolled = await redeem(address, code, settings.data / "identity", kind="node")
    _keep_endpoint(settings.data, address)
    show(enrolled_row(enrolled), COLUMNS, output, name="subject")
    note(say("Start the node with: lpse-node run"))


def enrolled_row(enrolled: object) -> dict[str, object]:
    """What enrolment answered, for the terminal."""
    from lpse.terminal.plain import plain

    row: dict[str, object] = plain(enrolled)
    return row


def _keep_endpoint(data: Path, address: str) -> None:
    """An address given by flag is needed again for renewals: it stays in conf.d."""
    from lpse.runtime.tls import write_public

    if session.settings().link.endpoint == address:
        return
    (data / "conf.d").mkdir(exist_ok=True)
    write_public(data / "conf.d" / "enrolment.toml", f'[link]\nendpoint = "{address}"\n'.encode())
