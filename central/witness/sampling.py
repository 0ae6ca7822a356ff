"""Heads that nodes cosigned, shown to other nodes: the port `Witnesses` of the link.

Owns the newest cosigned head per node in memory, for an answer without a query. Rule: what is
shown is verified (`WitnessBook` verified the node's word, the head is the centre's own); who asks
is never shown its own word. Leaves out keeping (`central.link.store`) and judging (the node does).
"""

from __future__ import annotations

from collections.abc import Sequence

from central.link.store import Witness
from lpse.federation.limits import WITNESSED_HEADS_MAX
from lpse.federation.v1 import link_pb2 as link
from lpse.runtime.clock import Entropy


class Sampling:
    """See the module's first lines."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._newest: dict[str, link.WitnessedHead] = {}
        self._order: list[str] = []  # node ids, for a random pick without sorting

    def took(self, witnesses: Sequence[Witness]) -> None:
        """These words of nodes are verified and durable."""
        for one in witnesses:
            if one.node_id not in self._newest:
                self._order.append(one.node_id)
            self._newest[one.node_id] = link.WitnessedHead(
                head=one.head.message(), cosignature=one.cosignature.message()
            )

    def sample(self, node_id: str) -> Sequence[link.WitnessedHead]:
        """A few random ones of other nodes."""
        known = len(self._order)
        picked: dict[str, link.WitnessedHead] = {}
        for _ in range(min(known, WITNESSED_HEADS_MAX)):
            other = self._order[int(self._entropy.uniform(0, known))]
            if other != node_id:
                picked[other] = self._newest[other]
        return list(picked.values())
