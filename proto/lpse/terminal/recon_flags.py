"""The filter of the reconciliation log as flags, the same in both programs and in every command.

Owns names and help of the flags, of exports too. Rule: a flag may be given again for one more
alternative. Leaves out how they become a `LogFilter` (`recon_filters`); this module is read at
every start of a program, so it imports nothing of the contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Trigger(StrEnum):
    """Values of `--trigger`."""

    RECONNECT = "RECONNECT"
    SCHEDULE = "SCHEDULE"
    DEMAND = "DEMAND"
    RESTORE = "RESTORE"
    ENROLMENT = "ENROLMENT"
    SCRUB = "SCRUB"


class Classification(StrEnum):
    """Values of `--classification`."""

    MATCH = "MATCH"
    MISSING_AT_CENTRE = "MISSING_AT_CENTRE"
    MISSING_AT_NODE = "MISSING_AT_NODE"
    DIFFERENT = "DIFFERENT"
    DUPLICATE = "DUPLICATE"
    LATE = "LATE"
    FORKED = "FORKED"
    REWOUND = "REWOUND"
    CORRUPT = "CORRUPT"
    UNKNOWN_KIND = "UNKNOWN_KIND"
    PARKED = "PARKED"


class State(StrEnum):
    """Values of `--state`."""

    EQUAL = "EQUAL"
    OPEN = "OPEN"
    NEEDS_PERSON = "NEEDS_PERSON"
    RESOLVED = "RESOLVED"


Since = Annotated[
    str, typer.Option(metavar="TIME", help="Only runs that began then or later: date or RFC 3339.")
]
Until = Annotated[
    str, typer.Option(metavar="TIME", help="Only runs that began until then: date or RFC 3339.")
]
Nodes = Annotated[list[str] | None, typer.Option("--node", help="Only this node.")]
Provinces = Annotated[list[str] | None, typer.Option("--province", help="Only this province.")]
Classifications = Annotated[
    list[Classification] | None,
    typer.Option("--classification", help="Only what was found to be so."),
]
Rules = Annotated[
    list[str] | None,
    typer.Option("--rule", help="Only decisions by this rule: R-NAME for all versions, R-NAME/1."),
]
Triggers = Annotated[list[Trigger] | None, typer.Option("--trigger", help="Only runs started so.")]
States = Annotated[
    list[State] | None, typer.Option("--state", help="Only entries of which this is left to do.")
]
Text = Annotated[
    str, typer.Option(help='Words that all stand in the entry; "regio*" stands for a beginning.')
]
Package = Annotated[
    str, typer.Option(help="Only entries about files of this package, once it was opened.")
]
WithDifference = Annotated[
    bool, typer.Option("--with-difference", help="Only runs that found a difference.")
]
HeadsUnequal = Annotated[
    bool, typer.Option("--heads-unequal", help="Only runs that ended with unequal heads.")
]


@dataclass(frozen=True, slots=True)
class Flags:
    """What was given on the command line."""

    since: str = ""
    until: str = ""
    nodes: list[str] | None = None
    provinces: list[str] | None = None
    classifications: list[Classification] | None = None
    rules: list[str] | None = None
    triggers: list[Trigger] | None = None
    states: list[State] | None = None
    text: str = ""
    package: str = ""
    with_difference: bool = False
    heads_unequal: bool = False
    run: str = ""


class Form(StrEnum):
    """Values of `--form`."""

    JSONL = "jsonl"
    CSV = "csv"


FormOption = Annotated[
    Form | None, typer.Option(help="Form of the file; the end of its name tells otherwise.")
]
Target = Annotated[Path, typer.Argument(help="File to write; it must not exist.")]
Source = Annotated[Path, typer.Argument(help="Exported file.")]
Key = Annotated[
    str, typer.Option(help="Public key of who made the export, name+id+key, or a file with it.")
]
NodeKeys = Annotated[
    list[str] | None,
    typer.Option("--node-key", help="Public key of a node that you have pinned, or a file."),
]


def check_alone(*, facets: bool, watch: bool) -> None:
    """A usage error for two forms of the list at once: counts cannot be followed."""
    if facets and watch:
        raise typer.BadParameter("--facets and --watch cannot be given together")
