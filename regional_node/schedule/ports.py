"""What the schedule asks of its neighbours; each implements the protocol.

Leaves out every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from lpse.federation.desired_state import DesiredState
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.runtime.sqlite import Transaction

# Whether the bids of a package have been opened, read inside the caller's transaction.
Opened = Callable[[Transaction, str], bool]


class NationalView(Protocol):
    """What the national journal wants of this node: calendars, rule sets, policy."""

    @property
    def state(self) -> DesiredState:
        """The newest folded state; the value is never changed in place."""


class OfficerActs(Protocol):
    """Checks what a person of this node signed."""

    async def verify(
        self, signed: SignedAct, *, act: str, digest: bytes, roles: Collection[str]
    ) -> object:
        """Denied (FED-31xx) unless an able officer in one of `roles` signed this act just now."""
