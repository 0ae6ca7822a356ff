"""`lpse-node compensation {list,get,decide,preview}`: what outages took and what a Pokja decided.

Rules: the arithmetic is printed in words, old → new; a decision is signed where the command runs;
`preview` needs no running node, so anyone can check a proposal. Leaves out the arithmetic itself.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lpse.terminal.output import Output, OutputOption, run
from regional_node.cli.acting import AsOption, KeyOption

app = typer.Typer(help="Time compensation: proposals, arithmetic, decisions.")

CodeArgument = Annotated[str, typer.Argument(help="Package code.")]


class Choice(StrEnum):
    """What a Pokja decides."""

    ACCEPT = "accept"
    CHANGE = "change"
    CANCEL = "cancel"


class State(StrEnum):
    """Values of `--state`."""

    PROPOSED = "PROPOSED"
    SUPERSEDED = "SUPERSEDED"
    ACCEPTED = "ACCEPTED"
    CHANGED = "CHANGED"
    CANCELLED = "CANCELLED"
    WITHDRAWN = "WITHDRAWN"
    ALREADY_OPENED = "ALREADY_OPENED"


@app.command("list")
def list_compensations(
    state: Annotated[State | None, typer.Option(help="Only in this state.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the newest proposal of every package that has one."""
    from regional_node.cli import compensation_views as views

    run(views.show_all(state.value if state else "", output))


@app.command("get")
def get_compensation(
    code: CodeArgument,
    proposal: Annotated[int, typer.Option(help="Number of the proposal; 0: the newest.")] = 0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a proposal with its arithmetic in words, old → new."""
    from regional_node.cli import compensation_views as views

    run(views.show_one(code, proposal, output))


@app.command()
def decide(
    code: CodeArgument,
    decision: Annotated[Choice, typer.Argument(help="accept, change or cancel.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, in the committee's words.")],
    actor: AsOption,
    key: KeyOption,
    stage: Annotated[
        list[str] | None, typer.Option("--stage", help="For change: a stage; may be repeated.")
    ] = None,
    end: Annotated[
        list[str] | None, typer.Option("--end", help="For change: the new end of that stage.")
    ] = None,
    document: Annotated[
        Path | None, typer.Option(help="Attached document; its digest is journalled.")
    ] = None,
    proposal: Annotated[
        int | None, typer.Option(help="The proposal that was read; default: the newest.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Decide as a Pokja officer: the only thing that moves a schedule."""
    from regional_node.cli import compensation_views as views

    ends = list(zip(stage or [], end or [], strict=False))
    if len(stage or []) != len(end or []):
        raise typer.BadParameter("give --end once for each --stage")
    asked = views.Asked(code, decision.value, reason, ends, document, proposal)
    run(views.decide(asked, actor, key, output))


@app.command()
def preview(
    package: Annotated[Path, typer.Option(help="Package file (JSON).")],
    outages: Annotated[Path, typer.Option(help="Outages file (JSON).")],
    rule_set: Annotated[
        str | None, typer.Option(help="Rule-set file (JSON), or the id of a built-in one.")
    ] = None,
    calendar: Annotated[Path | None, typer.Option(help="Calendar file (JSON).")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Time to compute as of, while an outage is open.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Compute a proposal from files alone, without a running node."""
    from regional_node.cli import compensation_views as views

    files = {"package": package, "outages": outages, "calendar": calendar}
    run(_previewed(views.preview_files, files, rule_set, as_of, output))


async def _previewed(work: Any, *arguments: Any) -> None:
    work(*arguments)
