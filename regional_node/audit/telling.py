"""Rows of an audit's run that are not about objects: proofs, and journals that were read again.

Leaves out objects (`rules`) and the run (`store`).
"""

from __future__ import annotations

from lpse.federation.reconciliation_rules import entry, evidence, head_evidence
from lpse.federation.v1 import records_pb2 as records
from lpse.storage.verify_pass import Verified
from lpse.storage.verify_store import Pass
from regional_node.audit.proofs import Refusal


def damaged(verified: Verified, *, own: str) -> records.ReconciliationEntry:
    """A journal that was read again and is not what its writer signed."""
    head = verified.head
    journal = "regional" if head.party == own else "national"
    return entry(
        "R-JOURNAL-DAMAGED",
        f"{journal} journal {head.epoch.hex()[:16]}",
        head_evidence(head),
        evidence(),
        "",
        verified.entries,
        found=verified.found,
    )


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
