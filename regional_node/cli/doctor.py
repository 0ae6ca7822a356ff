"""`lpse-node doctor`: is all well here, in plain words, and what to do where it is not.

Rule: it changes nothing and needs no daemon; exit status 1 when something keeps this node from its
duty, 0 also with remarks. Leaves out looking (`examining`) and concluding (`findings`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from lpse.terminal.output import EXIT_FAILURE, Output, OutputOption, console, run, show_list
from lpse.terminal.words import say
from regional_node.cli import session

if TYPE_CHECKING:
    from regional_node.cli.finding import Finding

app = typer.Typer()

_COLOURS = {"OK": "green", "!": "yellow", "x": "red"}


@app.command()
def doctor(output: OutputOption = Output.TABLE) -> None:
    """Check this machine: disk, clock, certificate, link, queue, journal, files, ports."""
    from regional_node.cli.examining import examine
    from regional_node.cli.findings import failed, judge

    findings = judge(run(examine(session.settings())))
    if output is Output.TABLE:
        _tell(findings)
    else:
        show_list([_row(finding) for finding in findings], (), output, name="check")
    if failed(findings):
        raise typer.Exit(EXIT_FAILURE)


def _row(finding: Finding) -> dict[str, Any]:
    """For programs: English, with the figures both in the sentence and on their own."""
    return {
        "check": finding.check,
        "state": finding.state,
        "found": finding.found.format(**finding.fields),
        "meaning": finding.meaning,
        "action": finding.action,
        "values": finding.fields,
    }


def _tell(findings: list[Finding]) -> None:
    """One line per check; what it means and what to do below those that are not well."""
    width = max(len(say(finding.check)) for finding in findings)
    out = console()
    for finding in findings:
        found = say(finding.found, **finding.fields)
        colour = _COLOURS[finding.state]
        line = f"{finding.state:<2} {say(finding.check):<{width}}  {found}"
        out.print(line, style=colour if finding.state != "OK" else None, markup=False)
        for text in (finding.meaning, finding.action):
            if text:
                mark = "→" if text is finding.action else " "
                out.print(f"{'':{width + 4}} {mark} {say(text)}", markup=False)
