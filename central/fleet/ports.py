"""What the fleet asks of others: who the nodes are, and which of them are present.

Leaves out every implementation: enrolment knows nodes, the link knows sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lpse.federation.v1 import link_pb2 as link


@dataclass(frozen=True, slots=True)
class EnrolledNode:
    """A node as it was enrolled; revoked nodes stay listed."""

    node_id: str
    province: str
    zone: str
    revoked: bool = False


class NodeDirectory(Protocol):
    """Every node that was ever enrolled."""

    async def node(self, node_id: str) -> EnrolledNode:
        """One node; NotFound for a name that was never enrolled."""

    async def nodes(
        self, *, after: str = "", province: str = "", limit: int
    ) -> Sequence[EnrolledNode]:
        """Nodes in order of their ids, beginning behind `after`."""


@dataclass(frozen=True, slots=True)
class Presence:
    """A live session, as the link knows it now."""

    queue_entries: int
    national_size: int
    sound: bool  # its entries flow; a quarantined holder may stand beside it all the same


class Links(Protocol):
    """The live sessions."""

    def presence(self, node_id: str) -> Presence | None:
        """None while the node is not present."""

    async def quarantine(self, node_id: str) -> link.Quarantine | None:
        """Why the node's entries do not flow; None while they may."""

    async def release(self, node_id: str, reason: str) -> None:
        """Accept the node's next hello whatever its token is; Conflict where histories differ."""

    async def drain(self, reason: str) -> int:
        """Send every node away; how many were told."""
