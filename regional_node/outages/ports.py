"""What outages at a node ask of their neighbours; each implements the protocol.

Leaves out every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from lpse.federation.desired_state import DesiredState
from lpse.federation.v1.acts_pb2 import SignedAct
from regional_node.outages.rules import Answer


class NationalView(Protocol):
    """What the national journal wants of this node."""

    @property
    def state(self) -> DesiredState:
        """The newest folded state; the value is never changed in place."""


# National entries below this index had been written before the present session began.
AwayBelow = Callable[[], int]


class ServiceLook(Protocol):
    """Looks at the local service as vendors do; the upgrades folder is one: it knows its pages."""

    async def complaint(self, timeout_seconds: float) -> str:
        """What speaks against the service now, in words; empty while it is well."""


class FactProbe(Protocol):
    """Looks at one of the node's two facts; an answer, never an exception."""

    async def look(self) -> Answer:
        """What is so now."""


class OfficerActs(Protocol):
    """Checks what a person of this node signed."""

    async def verify(
        self, signed: SignedAct, *, act: str, digest: bytes, roles: Collection[str]
    ) -> object:
        """Denied (FED-31xx) unless an able officer in one of `roles` signed this act just now."""
