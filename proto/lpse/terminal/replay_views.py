"""What a replay found, as both programs show it: a line per run, then every decision that differs.

Rule: exit code 4 where a decision comes out otherwise, 7 where something could not be decided
again, so that a script can tell. JSON holds everything, in English. Leaves out the replay itself
(`lpse.federation.reconciliation_replay`) and whom to ask for the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import typer

from lpse.federation.reconciliation_replay import Difference, Replayed, replay
from lpse.federation.v1 import records_pb2 as records
from lpse.terminal.output import (
    EXIT_CONFLICT,
    EXIT_PARTIAL,
    Column,
    Output,
    console,
    show_list,
    visible,
)
from lpse.terminal.words import say

COLUMNS: Final = (
    Column("run", "Run"),
    Column("verdict", "Replay", say),
    Column("same", "Same decisions", right=True),
    Column("differences", "Other decisions", lambda found: str(len(found)), right=True),
    Column("not_recorded", "Not decidable", lambda found: str(len(found)), right=True),
)


def show_replays(
    runs: Sequence[tuple[str, records.ReconciliationRecorded]], output: Output
) -> None:
    """Decide these runs (name and record) again, and show what came of it."""
    found = [(name, replay(record)) for name, record in runs]
    show_list([_row(name, one) for name, one in found], COLUMNS, output, name="run")
    if output is Output.TABLE:
        for name, one in found:
            for line in _told(name, one):
                console().print(visible(line), markup=False)
    if any(one.differences for _, one in found):
        raise typer.Exit(EXIT_CONFLICT)
    if any(one.not_recorded for _, one in found):
        raise typer.Exit(EXIT_PARTIAL)


def _row(name: str, one: Replayed) -> dict[str, Any]:
    return {
        "run": name,
        "verdict": _verdict(one),
        "same": one.same,
        "differences": [
            {
                "entry": each.entry,
                "field": each.field,
                "recorded": each.recorded,
                "again": each.again,
            }
            for each in one.differences
        ],
        "not_recorded": list(one.not_recorded),
    }


def _verdict(one: Replayed) -> str:
    if one.differences:
        return "DIFFERENT"
    return "INCOMPLETE" if one.not_recorded else "SAME"


def _told(name: str, one: Replayed) -> list[str]:
    return [
        *(_difference(name, each) for each in one.differences),
        *(
            say("{run}: not decided again: {what}", run=name, what=each)
            for each in one.not_recorded
        ),
    ]


def _difference(name: str, one: Difference) -> str:
    if one.entry is None:
        return say(
            "{run}: {field} is recorded as {recorded}; decided again it is {again}",
            run=name,
            field=one.field,
            recorded=one.recorded or "–",
            again=one.again or "–",
        )
    return say(
        "{run}, entry {entry}: {field} is recorded as {recorded}; decided again it is {again}",
        run=name,
        entry=one.entry,
        field=one.field,
        recorded=one.recorded or "–",
        again=one.again or "–",
    )
