"""What is known about the clock, over restarts: all its SQL and the journal entries of steps.

Owns the tables `clock_state` and `clock_steps`. Rule: a step, its journal entry and the wider
interval are one transaction. Leaves out the arithmetic (`rules`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lpse.federation.entries import timestamp
from lpse.federation.limits import CLOCK_STEPS_KEPT_MAX
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from lpse.storage.journal import Journal
from regional_node.clock.rules import Found, Measurement, Sample, Step, Trust

_FOUND = {
    Found.RUNNING: records.CLOCK_STEP_FOUND_RUNNING,
    Found.BETWEEN_RUNS: records.CLOCK_STEP_FOUND_BETWEEN_RUNS,
}


@dataclass(frozen=True, slots=True)
class Stepped:
    """A step on record."""

    before: datetime
    after: datetime
    before_boot_id: str
    after_boot_id: str
    found: records.ClockStepFound.ValueType


class ClockStore:
    """See the module's first lines."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    async def load(self) -> Trust | None:
        """What was known last; None on the first start."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT boot_id, wall, monotonic, measure_boot_id, measure_wall,"
                " measure_monotonic, offset_seconds, error_seconds, shift_seconds FROM clock_state"
            )
        )
        return _trust_of(rows[0]) if rows else None

    async def keep(self, trust: Trust) -> None:
        """Durable when this returns."""
        await self._database.write(lambda tx: _keep_in(tx, trust))

    async def stepped(self, step: Step, trust: Trust) -> None:
        """Journal a step together with the wider interval that follows from it."""
        before, after = step.before, step.after
        record = records.ClockStepped(
            before_time=timestamp(before.wall),
            after_time=timestamp(after.wall),
            before_boot_id=before.boot_id,
            after_boot_id=after.boot_id,
            found=_FOUND[step.found],
        )

        def work(tx: Transaction) -> None:
            self._journal.append_in(tx, record)
            tx.run(
                "INSERT INTO clock_steps (before_time, after_time, before_boot_id, after_boot_id,"
                " found) VALUES (?, ?, ?, ?, ?)",
                (
                    to_micros(before.wall),
                    to_micros(after.wall),
                    before.boot_id,
                    after.boot_id,
                    record.found,
                ),
            )
            tx.run(
                "DELETE FROM clock_steps WHERE step <= (SELECT max(step) FROM clock_steps) - ?",
                (CLOCK_STEPS_KEPT_MAX,),
            )
            _keep_in(tx, trust)

        await self._database.write(work)

    async def newest_step(self) -> Stepped | None:
        """The step noticed last."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT before_time, after_time, before_boot_id, after_boot_id, found"
                " FROM clock_steps ORDER BY step DESC LIMIT 1"
            )
        )
        if not rows:
            return None
        before, after, before_boot, after_boot, found = rows[0]
        return Stepped(from_micros(before), from_micros(after), before_boot, after_boot, found)


def _keep_in(tx: Transaction, trust: Trust) -> None:
    seen, measured = trust.seen, trust.measured
    at = measured.sample if measured is not None else None
    tx.run(
        "INSERT OR REPLACE INTO clock_state VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            seen.boot_id,
            to_micros(seen.wall),
            seen.monotonic,
            at.boot_id if at is not None else None,
            to_micros(at.wall) if at is not None else None,
            at.monotonic if at is not None else None,
            measured.offset_seconds if measured is not None else None,
            measured.error_seconds if measured is not None else None,
            trust.shift_seconds,
        ),
    )


def _trust_of(row: Row) -> Trust:
    boot, wall, monotonic, at_boot, at_wall, at_monotonic, offset, error, shift = row
    measured = None
    if at_boot is not None:
        sample = Sample(at_boot, from_micros(at_wall), at_monotonic)
        measured = Measurement(sample, offset, error)
    return Trust(Sample(boot, from_micros(wall), monotonic), measured, shift)
