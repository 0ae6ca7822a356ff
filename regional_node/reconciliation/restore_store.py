"""Runs made again from own entries.

Rules: restoring twice has the effect of once (Invariant 3); a run whose number the node gave again
meanwhile stands behind the others, with the name that its record says. Leaves out runs of other
parties.
"""

from __future__ import annotations

from lpse.federation.v1.records_pb2 import ReconciliationRecorded
from lpse.runtime.sqlite import Transaction
from regional_node.reconciliation.rules import with_difference
from regional_node.reconciliation.store import ReconciliationStore, RunRow
from regional_node.restored import DONE, Restored, RestoredEntry


class RunRestorer:
    """Runs of the node `party`."""

    def __init__(self, party: str, store: ReconciliationStore) -> None:
        self._prefix = f"recon/{party}/"
        self._store = store

    def recorded_in(self, tx: Transaction, entry: RestoredEntry) -> Restored:
        """A finished run."""
        record = entry.record
        assert isinstance(record, ReconciliationRecorded)
        text = record.run.removeprefix(self._prefix)
        if text == record.run or not (text.isascii() and text.isdigit()) or len(text) > 12:
            return DONE
        number, data = int(text), record.SerializeToString(deterministic=True)
        known = "SELECT 1 FROM recon_runs WHERE name = ? AND idx = ? AND record = ?"
        if tx.execute(known, (record.run, entry.index, data)):
            return DONE
        if tx.execute("SELECT 1 FROM recon_runs WHERE number = ?", (number,)):
            number = self._store.next_number_in(tx)
        self._store.keep_in(
            tx,
            RunRow(
                number,
                record.trigger,
                True,
                with_difference(record.entries),
                record.heads_equal,
                entry.index,
                record,
                entry.record_time.isoformat(),
                entry.epoch,
            ),
        )
        return DONE

    def moved_in(self, tx: Transaction, entry: RestoredEntry) -> None:
        """The entry of a run stands elsewhere now."""
        record = entry.record
        if isinstance(record, ReconciliationRecorded):
            data = record.SerializeToString(deterministic=True)
            moved = "UPDATE recon_runs SET epoch = ?, idx = ? WHERE name = ? AND record = ?"
            tx.run(moved, (entry.epoch, entry.index, record.run, data))
