"""Reconciliation runs as both programs show them: a row of a list, and one run as a story.

Rule: JSON is the record itself; the table and the story are for people, and what comes from the
other side is shown without control characters. Leaves out the words of the story (`recon_story`),
single entries (`recon_lists`, `recon_entry`) and whom to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, Protocol

from lpse.terminal.output import Column, Output, console, show, show_list, visible
from lpse.terminal.plain import plain
from lpse.terminal.words import date_text, duration_text, say

if TYPE_CHECKING:
    from lpse.federation.v1 import records_pb2 as records

COLUMNS: Final = (
    Column("name", "Run"),
    Column("trigger", "Trigger", say),
    Column("time", "Time"),
    Column("link_down", "Link down", right=True),
    Column("found", "Found"),
    Column("heads_equal", "Heads equal", lambda equal: say("yes") if equal else say("no")),
)
SUMMARY: Final = (
    Column("number", "No.", right=True),
    Column("object", "Object"),
    Column("found", "Found"),
    Column("count", "Count", right=True),
    Column("outcome", "Outcome"),
    Column("state", "State"),
)


class Run(Protocol):
    """The message of either API: a record with the name of the run."""

    @property
    def name(self) -> str:
        """For example recon/lpse-pacitan/7."""

    @property
    def record(self) -> records.ReconciliationRecorded:
        """As the node signed it."""


def show_runs(runs: Sequence[Any], zone: str, output: Output) -> None:
    """A list of runs (messages of either API), times in `zone`."""
    rows = [_row(one, zone) for one in runs] if output is Output.TABLE else runs
    show_list(rows, COLUMNS, output)


def show_run(run: Any, lines: Sequence[Any], zone: str, output: Output) -> None:
    """One run (a message of either API): its story with a table of its entries, or the message.

    `lines` are the run's entries as the log has them now: a state may have changed since.
    """
    from lpse.terminal.recon_story import story, with_difference

    if output is not Output.TABLE:
        show(run, COLUMNS, output)
        return
    record = type(run.record)()
    record.CopyFrom(run.record)
    record.run = run.name  # finds it alone, where another run has the record's name
    out = console()
    for sentence in story(record, zone, lines):
        out.print(visible(sentence), markup=False)
    if run.record.entries and lines and (with_difference(run.record) or not run.record.heads_equal):
        out.print()
        show_list([_summary(line) for line in lines], SUMMARY)


def _summary(line: Any) -> dict[str, Any]:
    from lpse.terminal.recon_lists import found_text, short, state_text
    from lpse.terminal.recon_words import outcome_word

    return {
        "number": line.number,
        "object": short(line.entry.object),
        "found": found_text(line),
        "count": line.entry.count,
        "outcome": outcome_word(line.entry.outcome),
        "state": state_text(plain(line)["state"]),
    }


def _row(run: Run, zone: str) -> dict[str, Any]:
    from lpse.terminal.recon_story import summary

    record = run.record
    return {
        "name": run.name,
        "trigger": plain(record)["trigger"],
        "time": date_text(record.legal_time.ToDatetime(tzinfo=UTC), zone),
        "link_down": duration_text(record.link_down_seconds),
        "found": summary(record),
        "heads_equal": record.heads_equal,
    }
