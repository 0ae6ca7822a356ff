"""What persons decided about branches, read from the resolutions of the reconciliation log.

Owns which resolution speaks of which branch: one about the branch itself, or one about the node's
journal as the link's finding names it. Rule: only what was decided once the branch was here speaks
of it; its name can be guessed, and asked about, before. Leaves out planning and approving.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from central.branches.ports import CONTINUE_OFFERED, CONTINUE_STORED, Decided
from central.reconciliation.resolutions import Resolution, ResolutionStore

JOURNAL: Final = "regional journal"  # the object of the link's findings
_ABOUT_HISTORIES: Final = (CONTINUE_STORED, CONTINUE_OFFERED)


class Resolved:
    """The port `Decisions`."""

    def __init__(self, resolutions: ResolutionStore) -> None:
        self._resolutions = resolutions

    async def decided(self, node_id: str, branch: str, since: str) -> Decided | None:
        """The newest decision about this branch, or about the node's journal since that time."""
        for subject in (branch, JOURNAL):
            found = await self._resolutions.of(node_id, subject)
            if found is not None and _speaks_of(found, datetime.fromisoformat(since)):
                return Decided(found.choice, found.name)
        return None


def _speaks_of(found: Resolution, offered: datetime) -> bool:
    """Whether it was made after the branch was there, and chooses between histories."""
    return found.resolve_time >= offered and found.choice in _ABOUT_HISTORIES
