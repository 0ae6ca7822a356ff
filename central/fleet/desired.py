"""Which version each node should run: the same fold that the nodes use, for any of them.

Owns the national entries that decide it, decoded once. Rule: `lpse.federation.desired_state` alone
decides. Leaves out what nodes report.
"""

from __future__ import annotations

from google.protobuf.message import Message

from central.fleet.ports import EnrolledNode
from lpse.federation import kinds
from lpse.federation.desired_state import DesiredState, NodeFacts, fold
from lpse.federation.entries import decode_entry
from lpse.federation.limits import SCAN_ROWS_PER_STEP
from lpse.storage.journal import Journal

_DECIDING = (
    "release.published",
    "release.withdrawn",
    "rollout.applied",
    "rollout.wave_opened",
    "rollout.state_changed",
)


class DesiredVersions:
    """Folds the deciding entries for a node; keeps each node's state until more are published."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._read = 0
        self._deciding: list[tuple[str, Message | None]] = []
        self._states: dict[str, DesiredState] = {}

    async def refresh(self) -> None:
        """Take in what was published since the last call."""
        while rows := await self._journal.entries(self._read, self._read + SCAN_ROWS_PER_STEP):
            for row in rows:
                if row.kind in _DECIDING:
                    entry = decode_entry(row.data)
                    self._deciding.append((row.kind, kinds.record_of(row.kind, entry.payload)))
            self._read = rows[-1].index + 1

    def version(self, node: EnrolledNode) -> str:
        """The version that the node should run; empty if no rollout reached it."""
        me = NodeFacts(node.node_id, node.province, node.zone)
        state = self._states.get(node.node_id, DesiredState())
        for kind, record in self._deciding[state.size :]:
            state = fold(state, state.size, kind, record, me)
        self._states[node.node_id] = state
        release = state.release
        return release.version if release is not None and release.wave_open else ""
