"""Rows of an audit's run that are not about objects: proofs, and journals that were read again.

Leaves out objects (`rules`), damage (`lpse.storage.healing_rows`) and the run (`store`).
"""

from __future__ import annotations

from lpse.federation.reconciliation_rules import entry, evidence, head_evidence
from lpse.federation.v1 import records_pb2 as records
from lpse.storage.verify_store import Pass
from regional_node.audit.proofs import Refusal


def sound(one: Pass) -> records.ReconciliationEntry:
    """A journal that was read to its signed head since the last audit."""
    proof = evidence(entries=one.entries, root=one.tree.root().hex())
    subject = f"journal {one.journal[:80]}"
    return entry("R-JOURNAL-VERIFIED", subject, proof, evidence(), "", one.entries)


def proved(count: int) -> records.ReconciliationEntry:
    """Entries that the centre showed."""
    nothing = evidence()
    return entry("R-PROOF-GIVEN", "random entries", nothing, nothing, "", count)


def refused_entry(one: Refusal) -> records.ReconciliationEntry:
    """One that it could not show."""
    subject = f"{one.journal} {one.index}"
    return entry(
        "R-PROOF-REFUSED", subject, head_evidence(one.head), evidence(), "", 1, found=one.found
    )
