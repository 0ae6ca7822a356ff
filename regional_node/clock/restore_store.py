"""Steps of the clock made again from own entries.

Rule: restoring twice has the effect of once (Invariant 3). Leaves out the state of the clock: it
belongs to this boot of this machine, and an interval that was lost is measured anew.
"""

from __future__ import annotations

from lpse.federation.entries import moment
from lpse.federation.limits import CLOCK_STEPS_KEPT_MAX
from lpse.federation.v1.records_pb2 import ClockStepped
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros
from regional_node.restored import DONE, Restored, RestoredEntry


def stepped_in(tx: Transaction, entry: RestoredEntry) -> Restored:
    """A step that was noticed."""
    record = entry.record
    assert isinstance(record, ClockStepped)
    tx.run(
        "INSERT INTO clock_steps (before_time, after_time, before_boot_id, after_boot_id, found)"
        " SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM clock_steps"
        " WHERE before_time = ?1 AND after_time = ?2 AND after_boot_id = ?4)",
        (
            to_micros(moment(record.before_time)),
            to_micros(moment(record.after_time)),
            record.before_boot_id,
            record.after_boot_id,
            record.found,
        ),
    )
    tx.run(
        "DELETE FROM clock_steps WHERE step <= (SELECT max(step) FROM clock_steps) - ?",
        (CLOCK_STEPS_KEPT_MAX,),
    )
    return DONE
