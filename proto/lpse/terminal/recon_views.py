"""Reconciliation runs as both programs show them: a row of a list, and one run as a story.

Rule: JSON is the record itself; the table and the story are for people, and what comes from the
other side is shown without control characters. Leaves out the words of the story (`recon_story`)
and whom to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from enum import StrEnum
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


class Trigger(StrEnum):
    """Values of `--trigger`."""

    RECONNECT = "RECONNECT"
    SCHEDULE = "SCHEDULE"
    DEMAND = "DEMAND"
    RESTORE = "RESTORE"
    ENROLMENT = "ENROLMENT"
    SCRUB = "SCRUB"


class Run(Protocol):
    """The message of either API: a record with the name of the run."""

    @property
    def name(self) -> str:
        """For example recon/lpse-pacitan/7."""

    @property
    def record(self) -> records.ReconciliationRecorded:
        """As the node signed it."""


def trigger_value(trigger: Trigger | None) -> records.ReconciliationTrigger.ValueType:
    """What a list request says; UNSPECIFIED asks for all."""
    from lpse.federation.v1 import records_pb2 as records

    name = "UNSPECIFIED" if trigger is None else trigger.value
    return records.ReconciliationTrigger.Value(f"RECONCILIATION_TRIGGER_{name}")


def show_runs(runs: Sequence[Any], zone: str, output: Output) -> None:
    """A list of runs (messages of either API), times in `zone`."""
    rows = [_row(one, zone) for one in runs] if output is Output.TABLE else runs
    show_list(rows, COLUMNS, output)


def show_run(run: Any, zone: str, output: Output) -> None:
    """One run (a message of either API): its story, or the message itself."""
    from lpse.terminal.recon_story import story

    if output is not Output.TABLE:
        show(run, COLUMNS, output)
        return
    for line in story(run.record, zone):
        console().print(visible(line), markup=False)


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
