"""The filter of the reconciliation log as flags, the same in both programs and in every command.

Owns names and help of the flags, of lists and exports too. Rules: a flag may be given again for one
more alternative; `Flags` alone says which flags narrow a command, and a program names those that it
leaves out. Leaves out how they become a `LogFilter` (`recon_filters`); this module is read at every
start of a program, so it imports nothing of the contract.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

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
    """What was given on the command line; every field but `run` is a flag."""

    since: Since = ""
    until: Until = ""
    nodes: Nodes = None
    provinces: Provinces = None
    classifications: Classifications = None
    rules: Rules = None
    triggers: Triggers = None
    states: States = None
    text: Text = ""
    package: Package = ""
    with_difference: WithDifference = False
    heads_unequal: HeadsUnequal = False
    run: str = ""


OF_MANY_NODES: Final = frozenset({"nodes", "provinces"})  # mean nothing where one node is asked


def filtered(without: frozenset[str] = frozenset()) -> Callable[[Any], Callable[..., None]]:
    """Give a command the flags of the log in the place of its parameter `asked`."""
    hints = get_type_hints(Flags, include_extras=True)
    names = [one for one in fields(Flags) if one.name != "run" and one.name not in without]
    given = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=one.default,
            annotation=hints[one.name],
        )
        for one in names
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def narrowed(**values: Any) -> None:
            asked = Flags(**{one.name: values.pop(one.name) for one in given})
            command(asked=asked, **values)

        own = inspect.signature(command, eval_str=True)
        parameters = list(own.parameters.values())
        place = [one.name for one in parameters].index("asked")
        parameters[place : place + 1] = given
        narrowed.__annotations__ = {}
        vars(narrowed)["__signature__"] = own.replace(parameters=parameters)
        return narrowed

    return decorate


Name = Annotated[str, typer.Argument(help="Run, for example recon/lpse-pacitan/7.")]
EntryNumber = Annotated[
    int | None, typer.Option(min=0, help="Show this entry in full, 0 for the first.")
]
EntriesOfRun = Annotated[bool, typer.Option("--entries", help="List the run's entries.")]
Entries = Annotated[bool, typer.Option("--entries", help="List entries, not runs.")]
Facets = Annotated[
    bool, typer.Option("--facets", help="Count the entries by value instead of listing them.")
]
Watch = Annotated[bool, typer.Option("--watch", help="Follow the entries as they come.")]
Limit = Annotated[int, typer.Option(min=1, help="Rows to show, newest first.")]


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
