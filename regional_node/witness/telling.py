"""What a status says about the national journal: the checkpoint held, and what contradicts it.

Owns filling those fields of the node's status. Leaves out everything else of it (`link.service`).
"""

from __future__ import annotations

from datetime import datetime

from lpse.federation.entries import timestamp
from lpse.intake.v1 import node_pb2 as api
from regional_node.link.state import LinkState
from regional_node.witness.pages import CheckpointPage
from regional_node.witness.store import WitnessStore


class Telling:
    """See the module's first lines."""

    def __init__(self, page: CheckpointPage, store: WitnessStore, link: LinkState) -> None:
        self._page = page
        self._store = store
        self._link = link

    async def fill(self, answer: api.GetNodeStatusResponse) -> None:
        """Add the checkpoint and every contradiction."""
        answer.national_checkpoint = self._page.text() or ""
        shown = self._link.row.contradiction
        if shown is not None:
            answer.contradictions.add(
                held_head=shown.held, shown_head=shown.shown, relation=shown.relation
            )
        for one in await self._store.findings():
            answer.contradictions.add(
                held_head=one.held.message(),
                shown_head=one.head.message(),
                witness=one.witness,
                find_time=timestamp(datetime.fromisoformat(one.find_time)),
                relation="forked",
            )
