"""Runs that begin and end in one transaction: decisions that no session of the link brought.

Owns the record of such a run. Rule: it is numbered, stored and journalled like every other run
(Invariant 9), in the transaction of what it decides; `heads_equal` speaks of what both sides were
known to hold at that moment. Leaves out runs of the link (`runs`) and the decisions themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lpse.federation.checkpoints import Head
from lpse.federation.entries import timestamp
from lpse.federation.limits import RECONCILIATION_ENTRIES_MAX
from lpse.federation.reconciliation_findings import name_findings, sets_of_recovery
from lpse.federation.reconciliation_sets import Sets, name_sets
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal
from regional_node.reconciliation.rules import with_difference
from regional_node.reconciliation.store import ReconciliationStore, RunRow


class DecidedRuns:
    """Writes whole runs; `stored` and `national` give the heads that are known now."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        clock: Clock,
        heads: tuple[Callable[[], Head | None], Callable[[], Head | None]],
        *,
        software_version: str,
    ) -> None:
        """`heads`: the own head that the centre stored, and the national head held here."""
        self._store = ReconciliationStore(database)
        self._journal = journal
        self._clock = clock
        self._stored, self._national = heads
        self._software_version = software_version

    def decided_in(
        self,
        tx: Transaction,
        trigger: records.ReconciliationTrigger.ValueType,
        entries: Sequence[records.ReconciliationEntry],
        sets: Sets | None = None,
    ) -> int:
        """Journal a run with these decisions; the index of the last one, if they need several.

        The decisions come from the table (`lpse.federation.reconciliation_rules.entry`); `sets` is
        what was compared, if that was counted, and stands in the first run; a recovery is counted
        from its entries.
        """
        index = self._one_in(tx, trigger, entries[:RECONCILIATION_ENTRIES_MAX], sets)
        rest = entries[RECONCILIATION_ENTRIES_MAX:]
        return self.decided_in(tx, trigger, rest) if rest else index

    def _one_in(
        self,
        tx: Transaction,
        trigger: records.ReconciliationTrigger.ValueType,
        entries: Sequence[records.ReconciliationEntry],
        sets: Sets | None,
    ) -> int:
        number = self._store.next_number_in(tx)
        record = self._record(number, trigger, entries)
        name_findings(record)
        name_sets(record, sets or sets_of_recovery(entries) or Sets())
        index = self._journal.append_in(tx, record)
        self._store.keep_in(
            tx,
            RunRow(
                number,
                trigger,
                True,
                with_difference(entries),
                record.heads_equal,
                index,
                record,
                self._clock.now().isoformat(),
                self._journal.epoch,
            ),
        )
        return index

    def _record(
        self,
        number: int,
        trigger: records.ReconciliationTrigger.ValueType,
        entries: Sequence[records.ReconciliationEntry],
    ) -> records.ReconciliationRecorded:
        own, stored, national = self._journal.head, self._stored(), self._national()
        record = records.ReconciliationRecorded(
            run=f"recon/{self._journal.party}/{number}",
            trigger=trigger,
            node_head_before=own.message(),
            heads_equal=stored is not None and (stored.epoch, stored.size) == (own.epoch, own.size),
            begin_time=timestamp(self._clock.wall()),
            legal_time=timestamp(self._clock.now()),
            software_version=self._software_version,
            entries=entries,
        )
        if stored is not None:
            record.centre_copy_before.CopyFrom(stored.message())
        if national is not None:
            record.national_copy_before.CopyFrom(national.message())
        if record.heads_equal and national is not None:
            record.node_head_after.CopyFrom(own.message())
            record.national_head_after.CopyFrom(national.message())
        return record
