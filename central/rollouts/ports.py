"""What rollouts ask of their neighbours.

Leaves out every implementation: the national journal publishes, enrolment knows who has access, the
fleet what services report, the outages' projection the schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol

from google.protobuf.message import Message

from lpse.runtime.sqlite import Transaction

# Whether a node has access now; safe to call inside a transaction.
HasAccess = Callable[[str], bool]


class NationalJournal(Protocol):
    """Where rollouts are published; Unavailable while the centre may not append."""

    def append_in(self, tx: Transaction, record: Message, *, entry_id: bytes | None = None) -> int:
        """Append within the caller's transaction; the entry's index."""


class Versions(Protocol):
    """What running services report."""

    async def versions(self, node_ids: Collection[str]) -> Mapping[str, str]:
        """The version that each node's service reported last; nodes that never did are left out."""


class ScheduleOutlook(Protocol):
    """When nodes must not be upgraded, as far as the centre knows."""

    async def next_ends(
        self, node_ids: Collection[str], now: datetime
    ) -> Mapping[str, datetime | None]:
        """The first effective end after `now` per node, None where there is none; a node whose
        schedules are unknown is left out.
        """
