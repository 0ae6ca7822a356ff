"""Damaged journals at the centre, written down as the centre's own findings.

Leaves out finding them (`lpse.storage.verify_pass`) and putting entries back: a person begins that.
"""

from __future__ import annotations

from central.audit.challenging import SCHEDULE, Findings
from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.reconciliation_rules import entry, evidence, head_evidence
from lpse.storage.verify_pass import Verified


class Damage:
    """The pass's port `Tell`."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    async def tell(self, verified: Verified) -> None:
        """One run about the node whose journal it is; about no node for the national journal."""
        head, own = verified.head, verified.head.party == CENTRE_PARTY
        told = entry(
            "R-JOURNAL-DAMAGED",
            f"{'national' if own else 'regional'} journal {head.epoch.hex()[:16]}",
            evidence(),
            head_evidence(head),
            "",
            verified.entries,
            found=verified.found,
        )
        await self._findings.record("" if own else head.party, SCHEDULE, [told])
