"""What branches ask of others: what a person decided about one.

Leaves out every implementation: resolutions are the reconciliation's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from lpse.federation.v1 import records_pb2 as records

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

    async def decided(self, node_id: str, branch: str, since: str) -> Decided | None:
        """The newest decision about this branch, or about the node's journal since that time."""


class Findings(Protocol):
    """Who writes down what waits for a person; the same finding is written once."""

    async def record(
        self,
        node_id: str,
        trigger: records.ReconciliationTrigger.ValueType,
        entries: Sequence[records.ReconciliationEntry],
    ) -> None:
        """Now, or as soon as the national gate is open."""
