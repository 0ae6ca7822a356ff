"""What the ledger asks of others: the keys of nodes, and the areas that read entries.

Leaves out every implementation: enrolment knows keys, each area keeps its own projection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from google.protobuf.message import Message

from lpse.federation.checkpoints import Head
from lpse.federation.notes import Verifier
from lpse.runtime.sqlite import Transaction


class NodeKeys(Protocol):
    """Who signs a node's journal."""

    async def verifier(self, node_id: str) -> Verifier:
        """The enrolled signing key; NotFound for a node that was never enrolled."""

    async def signed_by(self, head: Head) -> Verifier:
        """The key, present or former, that signed this head; HeadInvalid where none of them did."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a projected record stands; `record_time` is the node's legal clock.

    `imported` is the place (epoch, index) that the writer says it was taken along from.
    """

    node_id: str
    epoch: bytes
    index: int
    record_time: datetime
    entry_id: bytes
    imported: tuple[bytes, int] | None = None


class Projection(Protocol):
    """A read model that follows regional journals.

    `apply_in` sees every readable entry once, in the order of its journal, inside the transaction
    that moves the watermark. It does not append to a journal. What it raises parks the entry.
    """

    name: str

    def apply_in(self, tx: Transaction, source: Source, record: Message) -> None:
        """Take one record into the read model, or pass over a kind that it does not read."""


OnAdvance = Callable[[str, bytes], None]
