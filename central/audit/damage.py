"""Damaged journals at the centre, and their healing, written down as the centre's own findings.

Leaves out finding them (`lpse.storage.verify_pass`) and putting entries back (`entries`).
"""

from __future__ import annotations

from central.audit.challenging import SCHEDULE, Findings
from lpse.federation.acts import CENTRE_PARTY
from lpse.storage.healing_rows import judged
from lpse.storage.verify_pass import Verified


class Damage:
    """The pass's port `Tell`."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    async def tell(self, verified: Verified) -> None:
        """One run about the node whose journal it is; about no node for the national journal."""
        national = verified.head.party == CENTRE_PARTY
        told = judged(verified, national=national, side="centre")
        await self._findings.record("" if national else verified.head.party, SCHEDULE, [told])
