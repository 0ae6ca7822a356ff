"""What a run tells of entries that could not be put back as they were.

Owns the choice of rules. Rules: every decision is from the table; submissions that wait for their
details are told as a number for the whole node, never per package. Leaves out the run's record.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits import RESTORE_NOTES_TOLD_MAX
from lpse.federation.reconciliation_rules import default_rule, entry, evidence
from lpse.federation.v1.records_pb2 import Classification, ReconciliationEntry
from lpse.runtime.sqlite import Transaction
from regional_node.recovery.restoring import store
from regional_node.restored import KEPT_BOTH, UNREADABLE, WAITING

_NOTHING: Final = evidence()
_SINGLE: Final = {
    KEPT_BOTH: default_rule(Classification.CLASSIFICATION_DIFFERENT).id,
    UNREADABLE: default_rule(Classification.CLASSIFICATION_PARKED).id,
}


def entries_in(tx: Transaction) -> list[ReconciliationEntry]:
    """One entry per contradiction up to a limit, and one for all that wait for details."""
    found: list[ReconciliationEntry] = []
    for outcome, rule in _SINGLE.items():
        noted, count = store.untold_in(tx, outcome, RESTORE_NOTES_TOLD_MAX)
        for place, one in enumerate(noted, start=1):
            more = count - len(noted) if place == len(noted) else 0
            facts = evidence(
                kind=one.kind, epoch=one.epoch.hex(), index=one.index, found=one.note.detail
            )
            found.append(entry(rule, f"regional {one.index}", facts, _NOTHING, "", 1 + more))
    _, waiting = store.untold_in(tx, WAITING, 1)
    if waiting:
        found.append(entry("R-DETAILS-SEALED", "regional", _NOTHING, _NOTHING, "", waiting))
    return found


def returned(count: int) -> ReconciliationEntry:
    """Details came back with a recovery code."""
    return entry("R-DETAILS-RETURNED", "regional", _NOTHING, _NOTHING, "", count)
