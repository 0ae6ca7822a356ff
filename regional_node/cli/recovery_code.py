"""`lpse-node recovery-code {show,enter}`: the key to the details of submissions, on paper.

Rules: whoever may read the identity folder may see the code, and is asked before it stands on the
screen; a code is typed or read from a file, never given on a command line. Leaves out its spelling
(`lpse.federation.recovery_code`) and what it opens (`regional_node.recovery.restoring`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from lpse.terminal.output import Column, Output, OutputOption, note, run, show
from lpse.terminal.words import say, say_count
from regional_node.cli import session

app = typer.Typer(help="The recovery code of this node: it opens the details of submissions.")

COLUMNS: Final = (
    Column("restored", "Restored", right=True),
    Column("waiting", "Still waiting", right=True),
)


@app.command("show")
def show_code(
    out: Annotated[
        Path | None, typer.Option(help="Put it into a file that only you can read.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it is shown.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the code, to be written on paper and kept in a safe."""
    run(_show(out, output, yes=yes))


@app.command()
def enter(
    file: Annotated[
        Path | None, typer.Option(help="File with the code; without it, it is asked for.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Open what waits for its details with the code of an earlier life of this node."""
    run(_enter(file, output))


async def _show(out: Path | None, output: Output, *, yes: bool) -> None:
    from lpse.terminal.output import ask
    from regional_node.cli.keeping import keep_file
    from regional_node.identity.escrow import recovery_code

    code = recovery_code(session.settings().data / "identity")
    if out is not None:
        keep_file(out, f"{code}\n".encode())
        note(say("The recovery code is in {name}; keep it apart from this machine.", name=out))
        return
    if not yes:
        question = say("Whoever reads the code can open all submissions. Show it? [yes/no]")
        if ask(question).casefold() not in (say("yes").casefold(), "yes", "y"):
            note(say("Nothing was shown."))
            return
    if output is Output.TABLE:
        print(code)
    else:
        show({"recovery_code": code}, (), output, name="recovery_code")


async def _enter(file: Path | None, output: Output) -> None:
    from lpse.intake.v1 import restorations_pb2 as wire
    from lpse.intake.v1.restorations_pb2_grpc import RestorationsStub
    from lpse.terminal.output import ask

    typed = read_code_file(file) if file is not None else ask(say("Recovery code:"))
    request = wire.EnterRecoveryCodeRequest(code=typed)
    async with session.connect() as channel:
        answer = await RestorationsStub(channel).EnterRecoveryCode(request)
    show({"restored": answer.restored, "waiting": answer.waiting}, COLUMNS, output)
    if answer.waiting:
        note(
            say_count(
                "One entry still waits: for another code, or the vendor's own receipt.",
                "{count} entries still wait: for another code, or the vendors' own receipts.",
                answer.waiting,
            )
        )


def read_code_file(path: Path) -> str:
    """The text of a file with a code; Refused (FED-5017) where it cannot be read."""
    from lpse.federation.errors import Refused
    from lpse.federation.limits import RECOVERY_CODE_CHARACTERS_MAX

    try:
        with path.open("rb") as reader:
            return reader.read(4 * RECOVERY_CODE_CHARACTERS_MAX).decode("utf-8", errors="replace")
    except OSError as error:
        raise Refused("FED-5017", f"{path} cannot be read: {error.strerror}") from error


def show_new_code(folder: Path) -> None:
    """Make the key of a new node, and show its code this once; on a terminal only."""
    from lpse.runtime.clock import SystemEntropy
    from lpse.terminal.output import interactive
    from regional_node.identity.escrow import make_escrow, recovery_code

    if not make_escrow(folder, SystemEntropy()):
        return
    if interactive():
        note(say("Recovery code of this node; write it down and keep it in a safe:"))
        note(recovery_code(folder))
    note(say("The recovery code opens submissions if this machine is lost: recovery-code show"))
