"""Reconciliation runs: begun at a welcome, finished when both sides hold the same heads.

Owns the run that goes on and its record. Rules: every hello that was answered is one run, also one
that finds no difference; a run that a broken link or a lost process ended is recorded as such, with
unequal heads; the record is journalled in the transaction that finishes the run. The record makes
the node ahead by one entry again, which starts no run of its own: `heads_equal` speaks of the heads
named in the record. Leaves out the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from structlog.typing import FilteringBoundLogger

from lpse.federation.entries import timestamp
from lpse.federation.reconciliation_link import heads_meet
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal
from regional_node.reconciliation.facts import Moved, Shown
from regional_node.reconciliation.rules import name_facts, with_difference, write_decisions
from regional_node.reconciliation.store import ReconciliationStore, RunRow


@dataclass(frozen=True, slots=True)
class Begin:
    """What is known when a run begins."""

    trigger: records.ReconciliationTrigger.ValueType
    shown: Shown
    attempts: int
    wait_seconds: float
    link_down_seconds: float
    cause: str
    protocol: int


class Run:
    """One run that goes on."""

    def __init__(self, number: int, begin: Begin, wall: datetime, legal: datetime) -> None:
        self.number = number
        self.begin = begin
        self.wall = wall
        self.legal = legal
        self.started = 0.0  # monotonic seconds

    def complete(self, moved: Moved) -> bool:
        """Whether everything that differed at the hello has reached the other side."""
        record = records.ReconciliationRecorded()
        name_facts(record, self.begin.shown, moved)
        return heads_meet(record)


class Runs:
    """See the module's first lines; `open` must have returned before the first run."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        clock: Clock,
        log: FilteringBoundLogger,
        *,
        software_version: str,
    ) -> None:
        self.store = ReconciliationStore(database)
        self._database = database
        self._journal = journal
        self._clock = clock
        self._log = log
        self._software_version = software_version

    async def open(self) -> None:
        """Record every run that a lost process left, as interrupted."""
        for row in await self.store.unfinished():
            record = records.ReconciliationRecorded()
            record.CopyFrom(row.record)
            record.cause = record.cause or "the node's program ended during the run"
            await self._finish(row.number, record)

    async def begin(self, begin: Begin) -> Run:
        """Number the run and keep what is known, durably."""
        wall, legal = self._clock.wall(), self._clock.now()

        def work(tx: Transaction) -> Run:
            run = Run(self.store.next_number_in(tx), begin, wall, legal)
            record = self._record(run, Moved(), equal=False)
            row = RunRow(run.number, begin.trigger, False, False, False, None, record, None)
            self.store.keep_in(tx, row)
            return run

        run = await self._database.write(work)
        run.started = self._clock.monotonic()
        return run

    async def finish(self, run: Run, moved: Moved, *, cause: str = "") -> None:
        """Journal the record; `cause` says why a run ended before the heads were equal."""
        record = self._record(run, moved, equal=run.complete(moved))
        if cause and not record.heads_equal:
            record.cause = f"{record.cause}; {cause}" if record.cause else cause
        await self._finish(run.number, record)

    async def _finish(self, number: int, record: records.ReconciliationRecorded) -> None:
        moment = self._clock.now().isoformat()
        difference = with_difference(record.entries)

        def work(tx: Transaction) -> int:
            index = self._journal.append_in(tx, record)
            self.store.keep_in(
                tx,
                RunRow(
                    number,
                    record.trigger,
                    True,
                    difference,
                    record.heads_equal,
                    index,
                    record,
                    moment,
                    self._journal.epoch,
                ),
            )
            return index

        index = await self._database.write(work)
        self._log.info(
            "reconciliation.recorded",
            run=record.run,
            index=index,
            heads_equal=record.heads_equal,
            difference=difference,
            entries_sent=record.entries_sent,
            entries_received=record.entries_received,
        )

    def _record(self, run: Run, moved: Moved, *, equal: bool) -> records.ReconciliationRecorded:
        begin = run.begin
        record = records.ReconciliationRecorded(
            run=f"recon/{self._journal.party}/{run.number}",
            trigger=begin.trigger,
            heads_equal=equal,
            attempts=begin.attempts,
            wait_seconds=round(begin.wait_seconds, 3),
            link_down_seconds=round(begin.link_down_seconds, 3),
            cause=begin.cause,
            begin_time=timestamp(run.wall),
            legal_time=timestamp(run.legal),
            protocol=begin.protocol,
            software_version=self._software_version,
        )
        if run.started:
            record.duration_seconds = round(self._clock.monotonic() - run.started, 3)
        return write_decisions(record, begin.shown, moved)
