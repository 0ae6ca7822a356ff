"""What outages at the centre ask of their neighbours.

Leaves out every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from google.protobuf.message import Message

from lpse.runtime.sqlite import Transaction


class EnrolledNode(Protocol):
    """A node that has access; enrolment's binding is one."""

    @property
    def node_id(self) -> str:
        """`lpse-pacitan`."""

    @property
    def province(self) -> str:
        """ISO 3166-2."""

    @property
    def zone(self) -> str:
        """IANA zone of the office."""


# Every node that has access, read inside the caller's transaction.
ActiveNodes = Callable[[Transaction], Sequence[EnrolledNode]]


class NationalJournal(Protocol):
    """Where a revision is published; Unavailable while the centre may not append."""

    def append_in(self, tx: Transaction, record: Message, *, entry_id: bytes | None = None) -> int:
        """Append within the caller's transaction; the entry's index."""
