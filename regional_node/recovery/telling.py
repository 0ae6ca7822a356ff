"""The run that tells of a finished recovery: what came back, what was kept, what went in again.

Owns its entries. Rule: every decision is from the table of rules and stands in the journal in the
transaction that ends the recovery (Invariant 9). Leaves out the run's record (`reconciliation`).
"""

from __future__ import annotations

from lpse.federation.checkpoints import Head
from lpse.federation.reconciliation_rules import entry, evidence, head_evidence
from lpse.federation.v1 import records_pb2 as records
from regional_node.recovery.store import CENTRE_LOST, LOST_MACHINE, State


def entries_of(state: State, own: Head, centre: Head) -> list[records.ReconciliationEntry]:
    """One entry per decision; `centre` is the head up to which entries came back."""
    here, there = head_evidence(own), head_evidence(centre)
    subject = f"journals/{own.party}"
    found: list[records.ReconciliationEntry] = []
    if state.returned:
        rule = "R-MACHINE-RECOVERED" if state.cause == LOST_MACHINE else "R-TAIL-RETURNED"
        found.append(entry(rule, subject, here, there, "", state.returned))
    if state.kept:
        kept = evidence(branch=state.branch, entries=state.kept)
        found.append(entry("R-BRANCH-KEPT", subject, kept, there, "", state.kept))
    if state.imported:
        again = evidence(entries=state.imported, epoch=own.epoch.hex())
        rule = "R-EPOCH-RETURNED" if state.cause == CENTRE_LOST else "R-BRANCH-REIMPORTED"
        found.append(entry(rule, subject, again, there, "", state.imported))
    if found and state.rule.startswith("R-BRANCH-SETTLED/"):
        told = evidence(branch=state.branch)
        choice = "CONTINUE_OFFERED"
        found.append(entry("R-BRANCH-SETTLED", subject, told, there, "", 1, choice=choice))
    if found:
        found.append(entry("R-EPOCH-CONTINUED", subject, here, there, "", 1))
    return found
