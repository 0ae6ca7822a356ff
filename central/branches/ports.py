"""What branches ask of others: what a person decided about one.

Leaves out every implementation: resolutions are the reconciliation's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

# The two choices that a person has about a branch.
CONTINUE_STORED: Final = "CONTINUE_STORED"  # the ledger's history goes on
CONTINUE_OFFERED: Final = "CONTINUE_OFFERED"  # the machine that offered the branch goes on


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person chose, and the name of the resolution."""

    choice: str
    name: str


class Decisions(Protocol):
    """Where resolutions are found."""

    async def decided(self, node_id: str, subject: str) -> Decided | None:
        """The newest decision about this object of a node; None while it is open."""
