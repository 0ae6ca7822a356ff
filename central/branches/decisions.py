"""What persons decided about branches, read from the resolutions of the reconciliation log.

Owns which resolution speaks of which branch: one about the branch itself, or one about the node's
journal as the link's finding names it. Rules: only what was decided once the branch was here
speaks of it (its name can be guessed, and asked about, before); an answer about the journal
decides only where a single branch was open, so that nobody decides about one that they did not
see. Leaves out planning and approving.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from central.branches.ports import CONTINUE_OFFERED, CONTINUE_STORED, Decided
from central.branches.store import BranchStore
from central.reconciliation.resolutions import Resolution, ResolutionStore

JOURNAL: Final = "regional journal"  # the object of the link's findings
_ABOUT_HISTORIES: Final = (CONTINUE_STORED, CONTINUE_OFFERED)


class Resolved:
    """The port `Decisions`."""

    def __init__(self, resolutions: ResolutionStore, branches: BranchStore) -> None:
        self._resolutions = resolutions
        self._branches = branches

    async def decided(self, node_id: str, branch: str, since: str) -> Decided | None:
        """The newest decision about this branch, or about the node's journal since that time."""
        found = await self._resolutions.of(node_id, branch)
        if found is not None and _speaks_of(found, datetime.fromisoformat(since)):
            return Decided(found.choice, found.name)
        found = await self._resolutions.of(node_id, JOURNAL)
        if found is None or not _speaks_of(found, datetime.fromisoformat(since)):
            return None
        if await self._open_at(node_id, found) != [branch]:
            return None
        return Decided(found.choice, found.name)

    async def _open_at(self, node_id: str, answer: Resolution) -> list[str]:
        """Branches that were here when the answer was given, and have none of their own."""
        found = []
        for one in await self._branches.of_node(node_id):
            offered = datetime.fromisoformat(one.offer_time)
            own = await self._resolutions.of(node_id, one.name)
            decided = own is not None and _speaks_of(own, offered)
            if offered <= answer.resolve_time and not decided:
                found.append(one.name)
        return found


def _speaks_of(found: Resolution, offered: datetime) -> bool:
    """Whether it was made after the branch was there, and chooses between histories."""
    return found.resolve_time >= offered and found.choice in _ABOUT_HISTORIES
