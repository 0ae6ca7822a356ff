"""What this node had told about national entries before it lost them: the table `restore_told`.

Rule: what was told once is not told again; whoever applies a national entry takes the word that
came back, so that it stays late or in time as it was (Invariant 3). Functions work inside the
caller's transaction. Leaves out who tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lpse.federation.v1.records_pb2 import DirectiveApplied
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros


@dataclass(frozen=True, slots=True)
class Told:
    """What was told, and when."""

    outcome: str
    late: bool
    time: datetime


def remember_in(tx: Transaction, record: DirectiveApplied, moment: datetime) -> None:
    """Keep it until its national entry is here again; nothing where it is here already."""
    if _applied_in(tx, record):
        return
    tx.run(
        "INSERT INTO restore_told VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            record.national_index,
            record.directive,
            record.subject,
            int(record.late),
            record.outcome,
            to_micros(moment),
        ),
    )


def take_in(tx: Transaction, record: DirectiveApplied) -> Told | None:
    """What was told of this entry; it is taken out, because its effect is here now."""
    key = (record.national_index, record.directive, record.subject)
    where = "WHERE national_index = ? AND directive = ? AND subject = ?"
    rows = tx.execute(f"SELECT outcome, late, record_time FROM restore_told {where}", key)  # noqa: S608 - constant
    if not rows:
        return None
    tx.run(f"DELETE FROM restore_told {where}", key)  # noqa: S608 - constant
    outcome, late, moment = rows[0]
    return Told(outcome, bool(late), from_micros(moment))


def _applied_in(tx: Transaction, record: DirectiveApplied) -> bool:
    """Whether the effect of the national entry is in the tables."""
    if record.directive == "outage.revised":
        found = tx.execute(
            "SELECT 1 FROM outage_declared WHERE outage = ? AND national_index >= ?",
            (record.subject, record.national_index),
        )
    else:
        found = tx.execute("SELECT 1 FROM national_state WHERE size > ?", (record.national_index,))
    return bool(found)
