"""What persons decided about branches, read from the resolutions of the reconciliation log.

Owns which resolution speaks of which branch: one about the branch itself, or one about the node's
journal as the link's finding names it. Rules: only what was decided once the branch was here
speaks of it (its name can be guessed, and asked about, before); an answer about the journal
decides only where a single branch was open, so that nobody decides about one that they did not
see; an answer that would decide nothing is refused in words. Leaves out planning and approving.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from central.branches.ports import CONTINUE_OFFERED, CONTINUE_STORED, Decided
from central.branches.store import Branch, BranchStore, whole_in
from central.reconciliation.resolutions import Resolution, ResolutionStore, newest_about_in
from lpse.federation.errors import Conflict
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction

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


def check_histories_in(tx: Transaction, wanted: records.ReconciliationResolved) -> None:
    """Conflict where a choice between two histories would decide nothing.

    FED-7032 while the other history is not here, FED-7033 where several wait and none is named.
    """
    if wanted.choice not in _ABOUT_HISTORIES:
        return
    whole = whole_in(tx, wanted.node_id)
    if wanted.object.startswith("branches/"):
        waiting = [one.name for one in whole if one.name == wanted.object]
    else:
        waiting = [one.name for one in whole if not _has_own_in(tx, one)]
    if not waiting:
        raise Conflict(
            "FED-7032",
            f"the other history of {wanted.node_id} has not come to the centre, so there is"
            " nothing to choose from yet",
            remedy="start the machine that waits with its link up: it hands its history over by"
            " itself; then resolve again. Where that machine is gone for good, choose ACKNOWLEDGE",
        )
    if len(waiting) > 1:
        raise Conflict(
            "FED-7033",
            f"several histories of {wanted.node_id} wait: {', '.join(waiting)}",
            remedy="resolve the entry that names the one you mean:"
            f" recon list --node {wanted.node_id} --state NEEDS_PERSON --entries",
        )


def _has_own_in(tx: Transaction, branch: Branch) -> bool:
    """Whether an answer about this very branch was given since it is here."""
    own = newest_about_in(tx, branch.head.party, branch.name)
    return own is not None and _speaks_of(own, datetime.fromisoformat(branch.offer_time))


def _speaks_of(found: Resolution, offered: datetime) -> bool:
    """Whether it was made after the branch was there, and chooses between histories."""
    return found.resolve_time >= offered and found.choice in _ABOUT_HISTORIES
