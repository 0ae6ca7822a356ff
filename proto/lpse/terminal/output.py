"""What a command prints: data on stdout in four forms, everything else on stderr.

Owns `-o table|json|jsonl|name`, exit codes, and how an error is told to a person (what happened –
what it means – what to do, with its code). Rules: JSON is never translated; colour and progress
only where a terminal is; an error never appears on stdout. Leaves out the words (`words`) and what
each noun shows (its own file).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar
from unicodedata import category

import typer
from google.protobuf.message import Message
from rich.cells import cell_len
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from lpse.federation.error_catalogue import CATALOGUE
from lpse.federation.errors import Conflict, Denied, FederationError, NotFound, Unavailable
from lpse.terminal.plain import plain
from lpse.terminal.words import language, say, size_text, when

T = TypeVar("T")

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
EXIT_NOT_FOUND: Final = 3
EXIT_CONFLICT: Final = 4
EXIT_DENIED: Final = 5
EXIT_UNREACHABLE: Final = 6
EXIT_PARTIAL: Final = 7
EXIT_CONFIRMATION: Final = 8
EXIT_ROLLOUT_STOPPED: Final = 10
EXIT_INTERRUPTED: Final = 130
# What JSON may hold as it is, and terminals obey: C1 controls, direction marks.
_COMMANDS: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_GAP: Final = 2  # blanks between two columns
_WIDE: Final = 10_000  # columns of what is no terminal: no line is cut or folded


class ConfirmationNeeded(FederationError):
    """A person must say yes and cannot be asked here; silence never means yes."""


_EXITS: Final[tuple[tuple[type[FederationError], int], ...]] = (
    (NotFound, EXIT_NOT_FOUND),
    (Conflict, EXIT_CONFLICT),
    (Denied, EXIT_DENIED),
    (Unavailable, EXIT_UNREACHABLE),
    (ConfirmationNeeded, EXIT_CONFIRMATION),
)

# A filter, a choice and an intake key: what the caller typed, refused before anything was done.
_USAGE: Final = frozenset({"FED-5005", "FED-7014", "FED-7040"})


class Output(StrEnum):
    """Forms of data on stdout."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    NAME = "name"


OutputOption = Annotated[
    Output, typer.Option("-o", "--output", help="Form of the data on standard output.")
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: a key of the row, an English title, and how a value is written."""

    key: str
    title: str
    form: Callable[[Any], str] | None = None
    right: bool = False


# Words about a list that are not text as they are.
_ABOUT: Final[Mapping[str, Callable[[Any], str]]] = {
    "as_of": when("Asia/Jakarta"),
    "waiting_bytes": size_text,
}

Item = Mapping[str, Any] | Message


def show_list(
    items: Sequence[Item],
    columns: Sequence[Column],
    output: Output = Output.TABLE,
    *,
    name: str = "name",
    about: Mapping[str, Any] | None = None,
) -> None:
    """Print many; `about` (as_of, unreachable, next_page_token) says what the list does not."""
    rows = [plain(item) for item in items]
    if output is Output.JSON:
        _write(json_text({"items": rows, **plain(about)} if about is not None else rows))
    elif output is Output.JSONL:
        _write("".join(f"{json_text(row, line=True)}\n" for row in rows), end="")
    elif output is Output.NAME:
        _write("".join(f"{visible(str(row.get(name, '')))}\n" for row in rows), end="")
    else:
        _table(rows, columns)
        for key, value in plain(about or {}).items():
            if value not in ("", [], None):
                note(f"{say(key)}: {_cell(value, _ABOUT.get(key))}")


def show(
    item: Item,
    columns: Sequence[Column] = (),
    output: Output = Output.TABLE,
    *,
    name: str = "name",
) -> None:
    """Print one; as a table: a line per column, or per field where no columns are named."""
    row = plain(item)
    if output is Output.NAME:
        _write(visible(str(row.get(name, ""))))
    elif output is Output.TABLE:
        named = columns or [Column(key, key) for key in row]
        if named:
            _write(_record(row, named))
    else:
        _write(json_text(row, line=output is Output.JSONL))


def note(text: str) -> None:
    """A remark for the person, on stderr; not data. Whatever it quotes stays text."""
    print("\n".join(visible(line) for line in text.expandtabs().split("\n")), file=sys.stderr)


def interactive() -> bool:
    """Whether a person sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """A typed answer; ConfirmationNeeded (FED-8013, exit 8) where nobody can be asked."""
    if not interactive():
        raise ConfirmationNeeded(
            "FED-8013", f"{question} – nobody can be asked here", remedy="give the answer as a flag"
        )
    print(f"{question} ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def console(*, markup: bool = False) -> Console:
    """For tables, trees and live views on stdout; plain text where no terminal is.

    `markup` only where every word of another party is escaped: brackets in it are commands then.
    """
    tty = sys.stdout.isatty()  # what is piped keeps its whole lines, in trees too
    return Console(width=None if tty else _WIDE, soft_wrap=not tty, highlight=False, markup=markup)


def progress() -> Progress:
    """Bars on stderr; silent where no terminal is (say so with `note` instead)."""
    return Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; an error becomes text on stderr and the exit code for it."""
    try:
        return asyncio.run(work)
    except FederationError as error:
        fail(error)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


def fail(error: FederationError) -> NoReturn:
    """Tell the person and leave with the exit code that belongs to the error."""
    note(error_text(error))
    raise typer.Exit(exit_code(error))


def exit_code(error: FederationError) -> int:
    """By who must act; words of the command line that mean nothing are 2, another refusal is 1."""
    if error.code in _USAGE:
        return EXIT_USAGE
    return next((code for kind, code in _EXITS if isinstance(error, kind)), EXIT_FAILURE)


def error_text(error: FederationError) -> str:
    """What happened – what it means – what to do, and the code that `explain` knows."""
    entry = CATALOGUE.get(error.code)
    if entry is None:
        parts = [error.message, error.remedy]
    elif language() == "en":
        parts = [error.message, entry.english.meaning, error.remedy or entry.english.remedy]
    else:  # what happened in the person's words; the exact message is English, as in the log
        told = entry.told(language())
        parts = [f"{told.title} ({error.message})", told.meaning, told.remedy or error.remedy]
    said = " – ".join(part.rstrip(".") for part in parts if part)
    return f"{say('Error')} {error.code}: {said}"


def execute(command: Callable[[], object]) -> NoReturn:
    """The outermost frame of a program: nothing that went wrong leaves as a stack trace."""
    _stand_in_for_closed()
    try:
        try:
            command()
        finally:
            _flush()
    except FederationError as error:
        note(error_text(error))
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:  # our own bug: say so, and keep the trace for who can use it
        if os.environ.get("LPSE_TRACEBACK"):
            traceback.print_exc()
        note(error_text(FederationError("FED-8024", f"{type(error).__name__} in this program")))
        sys.exit(EXIT_FAILURE)
    sys.exit(0)


def _stand_in_for_closed() -> None:
    """A stream closed by the caller reads as empty and swallows what is written."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - for all our life


def _flush() -> None:
    """Have the answer out while a failure can still be told; a closed pipe is nobody's fault."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    except OSError as error:
        _forget_stdout()
        raise _unwritten(error) from error


def _forget_stdout() -> None:
    """Keep the interpreter from flushing at its end what cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unwritten(error: OSError) -> FederationError:
    return FederationError("FED-8023", f"the output cannot be written: {error.strerror}")


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> None:
    wide = None if sys.stdout.isatty() else _WIDE
    out = Console(highlight=False, markup=False, width=wide)
    least, most = _needs(rows, columns)
    widths = _shared(least, most, out.width - _GAP * (len(columns) - 1))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        table.add_column(
            say(column.title),
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=not sys.stdout.isatty(),
            width=width if sys.stdout.isatty() else None,
        )
    for row in rows:
        table.add_row(*(_cell(_at(row, column.key), column.form) for column in columns))
    if sys.stdout.isatty() and sum(least) + _GAP * (len(columns) - 1) > out.width:
        _write("\n\n".join(_record(row, columns) for row in rows))  # words would be cut
    elif sys.stdout.isatty():
        out.print(table)
    else:
        with out.capture() as captured:
            out.print(table)
        _write("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def _needs(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]
) -> tuple[list[int], list[int]]:
    """Of each column: the width in which no word is cut, and the one in which no line is broken."""
    least, most = [], []
    for column in columns:
        cells = [say(column.title), *(_cell(_at(row, column.key), column.form) for row in rows)]
        least.append(max((cell_len(word) for cell in cells for word in cell.split()), default=0))
        most.append(max(map(cell_len, cells)))
    return least, most


def _shared(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Widths between the two that fit into `room`; who needs the least more has it first."""
    widths, left = list(least), room - sum(least)
    hungry = sorted(range(len(least)), key=lambda one: most[one] - least[one])
    for served, one in enumerate(hungry):
        more = max(0, min(most[one] - least[one], left // (len(hungry) - served)))
        widths[one] += more
        left -= more
    return widths


def _record(row: Mapping[str, Any], columns: Sequence[Column]) -> str:
    width = max((len(say(column.title)) for column in columns), default=0)
    return "\n".join(
        f"{say(column.title):<{width}}  {_cell(_at(row, column.key), column.form)}"
        for column in columns
    )


def _at(row: Mapping[str, Any], key: str) -> Any:
    value: Any = row
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def visible(text: str) -> str:
    """Text of another party for a terminal: no control character of it reaches the screen."""
    return "".join("\N{REPLACEMENT CHARACTER}" if category(c)[0] == "C" else c for c in text)


def _cell(value: Any, form: Callable[[Any], str] | None) -> str:
    return visible(_text(value, form))


def _text(value: Any, form: Callable[[Any], str] | None) -> str:
    if value is None or value in ("", []):
        return "–"
    if form:
        return form(value)
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, list):
        return ", ".join(_text(item, None) for item in value)
    return json_text(value, line=True) if isinstance(value, dict) else str(value)


def json_text(value: Any, *, line: bool = False) -> str:
    """JSON for standard output."""
    text = json.dumps(value, ensure_ascii=False, indent=None if line else 2, allow_nan=False)
    # The same JSON, but nothing in it is a command to the terminal on which it may end.
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _write(text: str, *, end: str = "\n") -> None:
    try:
        sys.stdout.write(text + end)
    except BrokenPipeError:
        raise  # whoever read has seen enough: the command line library leaves quietly
    except OSError as error:
        raise _unwritten(error) from error
