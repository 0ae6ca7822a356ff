"""The reconciliation log on a screen: entries, counts, and what comes live; for both programs.

Rule: JSON is the entry itself with its evidence as JSON; the table is for people, and what comes
from another party is shown without control characters. Leaves out runs (`recon_views`), one entry
(`recon_entry`) and whom to ask.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC
from typing import Any, Final

from lpse.federation.v1 import recon_log_pb2 as log
from lpse.terminal.output import Column, Output, console, json_text, note, show, show_list, visible
from lpse.terminal.plain import plain
from lpse.terminal.recon_words import class_word, facet_word, state_word, value_word
from lpse.terminal.words import date_text, language, say

COLUMNS: Final = (
    Column("name", "Entry"),
    Column("time", "Time"),
    Column("object", "Object"),
    Column("found", "Found"),
    Column("count", "Count", right=True),
    Column("state", "State"),
    Column("rule", "Rule"),
)
FACETS: Final = (
    Column("facet", "Facet", facet_word),
    Column("word", "Value"),
    Column("number", "Count", right=True),
)
MARKS: Final = {"EQUAL": "=", "OPEN": "○", "NEEDS_PERSON": "!", "RESOLVED": "✓"}
COLOURS: Final = {"OPEN": "yellow", "NEEDS_PERSON": "red", "RESOLVED": "green"}


def entry_name(line: log.LogEntry) -> str:
    """How an entry is named: its run and its place there."""
    return f"{line.run}#{line.number}"


def entry_document(line: log.LogEntry) -> dict[str, Any]:
    """The JSON form: the entry's own fields beside those of its run, evidence as JSON."""
    row: dict[str, Any] = plain(line)
    entry = row.pop("entry")
    for side in ("node_evidence", "centre_evidence"):
        entry[side] = evidence_of(getattr(line.entry, side))
    found: dict[str, Any] = {"name": entry_name(line)} | row | entry
    return found


def evidence_of(data: bytes) -> Any:
    """Evidence as JSON; what is none, or cannot be written as JSON again, stays text."""
    if not data:
        return None
    try:
        said = json.loads(data)
        json.dumps(said, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return data.decode(errors="replace")
    return said


def state_text(state: str) -> str:
    """A state as a shape and a word, never a colour alone."""
    return f"{MARKS.get(state, '·')} {state_word(state)}"


def found_text(line: log.LogEntry) -> str:
    """The classification in the reader's words."""
    return class_word(line.entry.classification)


def show_entries(lines: Sequence[log.LogEntry], zone: str, output: Output) -> None:
    """A list of entries, times in `zone`."""
    if output is Output.TABLE:
        show_list([_row(line, zone) for line in lines], COLUMNS, output)
    else:
        show_list([entry_document(line) for line in lines], COLUMNS, output)


def show_facets(answer: Any, output: Output) -> None:
    """How many entries pass, and how many of each value."""
    if output is not Output.TABLE:
        show(answer, (), output, name="total")
        return
    rows = [
        {
            "facet": one.facet,
            "word": value_word(one.facet, one.value),
            "number": _number(one.count, one.at_least),
        }
        for one in answer.facets
    ]
    show_list(rows, FACETS, output)
    note(say("Entries: {count}", count=_number(answer.total, answer.at_least)))


async def follow(pages: AsyncIterator[Any], zone: str, output: Output) -> None:
    """Entries as they come: a line each, as a table's row or as JSON."""
    out = console()
    async for page in pages:
        if not page.entries:
            note(say("Following the log; Ctrl+C ends it."))
        for line in page.entries:
            if output is Output.TABLE:
                out.print(visible(live_line(line, zone)), markup=False, style=_style(line))
            elif output is Output.NAME:
                print(entry_name(line), flush=True)
            else:
                print(json_text(entry_document(line), line=True), flush=True)


def live_line(line: log.LogEntry, zone: str) -> str:
    """One entry in one line."""
    row = _row(line, zone)
    parts = (row["state"], row["time"], row["name"], row["object"], row["found"], row["rule"])
    return "  ".join(parts)


def _style(line: log.LogEntry) -> str | None:
    return COLOURS.get(plain(line)["state"])


def _row(line: log.LogEntry, zone: str) -> dict[str, Any]:
    return {
        "name": entry_name(line),
        "time": date_text(line.begin_time.ToDatetime(tzinfo=UTC), zone),
        "object": short(line.entry.object),
        "found": found_text(line),
        "count": line.entry.count,
        "state": state_text(plain(line)["state"]),
        "rule": line.entry.rule,
    }


def short(subject: str) -> str:
    """An object with its digest cut: the first twelve digits tell one from another."""
    head, space, tail = subject.rpartition(" ")
    hexadecimal = len(tail) == 64 and all(one in "0123456789abcdef" for one in tail)
    return f"{head}{space}{tail[:12]}…" if hexadecimal else subject


def _number(count: int, at_least: bool) -> str:
    written = f"{count:,}"
    told = written.replace(",", ".") if language() == "id" else written
    return f"≥ {told}" if at_least else told
