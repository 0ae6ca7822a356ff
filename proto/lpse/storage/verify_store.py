"""All SQL of passes over stored journals: where each stands and how the last one ended.

Rule: a place is written down together with the tree up to it, so that a restart goes on there and
still ends at the signed root. Leaves out reading the journals (`verify_pass`) and the migration,
which each side has as its number 0084.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lpse.federation.merkle import CompactRange
from lpse.runtime.sqlite import Database, Row
from lpse.runtime.sqlite.instants import from_micros, to_micros

_SELECT = (
    "SELECT journal, place, tree, begin_time, end_time, entries, found, told FROM audit_passes"
)


@dataclass(frozen=True, slots=True)
class Pass:
    """One journal's present or last pass; `end_time` is None while it goes on."""

    journal: str
    tree: CompactRange  # over the entries that were read again
    begin_time: datetime
    end_time: datetime | None = None
    entries: int = 0
    found: str = ""
    told: bool = True


class VerifyStore:
    """The table `audit_passes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> dict[str, Pass]:
        """Every journal's pass, by journal."""
        rows = await self._database.read(lambda tx: tx.execute(f"{_SELECT} ORDER BY journal"))
        return {one.journal: one for one in map(_pass, rows)}

    async def keep(self, one: Pass) -> None:
        """Write a pass down."""
        await self._database.write(
            lambda tx: tx.run(
                "INSERT INTO audit_passes (journal, place, tree, begin_time, end_time, entries,"
                " found, told) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (journal) DO UPDATE SET"
                " place = excluded.place, tree = excluded.tree, begin_time = excluded.begin_time,"
                " end_time = excluded.end_time, entries = excluded.entries,"
                " found = excluded.found, told = excluded.told",
                (
                    one.journal,
                    one.tree.size,
                    one.tree.to_bytes(),
                    to_micros(one.begin_time),
                    None if one.end_time is None else to_micros(one.end_time),
                    one.entries,
                    one.found,
                    int(one.told),
                ),
            )
        )


def _pass(row: Row) -> Pass:
    journal, place, tree, begin, end, entries, found, told = row
    return Pass(
        str(journal),
        CompactRange.from_bytes(int(place), bytes(tree)),
        from_micros(begin),
        None if end is None else from_micros(end),
        int(entries),
        str(found),
        bool(told),
    )
