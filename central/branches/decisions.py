"""What persons decided about branches, read from the resolutions of the reconciliation log.

Owns which resolution speaks of which branch: one about the branch itself, or a later one about the
node's journal as the link's finding names it. Leaves out planning and approving.
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
        found = await self._resolutions.of(node_id, branch)
        if found is None:
            found = await self._resolutions.of(node_id, JOURNAL)
            if found is None or not _speaks_of(found, datetime.fromisoformat(since)):
                return None
        return Decided(found.choice, found.name)


def _speaks_of(found: Resolution, offered: datetime) -> bool:
    """Whether it was made after the branch was there, and chooses between histories."""
    return found.resolve_time >= offered and found.choice in _ABOUT_HISTORIES
