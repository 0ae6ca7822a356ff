"""What intake asks of its neighbours; each implements the protocol, intake knows none of them.

Owns the protocols of the schedule, the clocks, the national journal's newest head, officers'
acts and the queue to the centre. Rule: functions that end in `_in` run inside the caller's
transaction. Leaves out every implementation.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lpse.federation.receipts import Moment, NationalWitness
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.runtime.sqlite import Transaction
from regional_node.intake.windows import Opening, Window

__all__ = [
    "EffectiveSchedule",
    "Escrow",
    "Moments",
    "NationalHead",
    "NationalWitness",
    "OfficerActs",
    "Opening",
    "QueueItem",
    "QueuePage",
    "TransferQueue",
    "Window",
]


class EffectiveSchedule(Protocol):
    """The deadlines that count now: compensated, held or cancelled as the Pokja decided."""

    def submission_window_in(
        self, tx: Transaction, package: str, stage: str | None, now: datetime
    ) -> Window:
        """NotFound FED-4101 for an unknown package, Refused FED-4102 where no bids are taken."""

    def opening_in(self, tx: Transaction, package: str, now: datetime) -> Opening:
        """The deadline that guards the package's bids; NotFound FED-4101."""


class Moments(Protocol):
    """All clocks at once, and how wrong legal time may be."""

    def moment(self) -> Moment:
        """Now; offset and error as the last contact with the centre showed them."""


class NationalHead(Protocol):
    """What this node last saw of the national journal, for *not before*."""

    def newest(self) -> NationalWitness | None:
        """Newest checkpoint and beacon; None before the first contact."""


class Escrow(Protocol):
    """Seals what was handed out, for the day on which this node must be rebuilt."""

    def seal(self, commitment: bytes, text: bytes) -> bytes:
        """The receipt or proof as only this node can read it."""


class OfficerActs(Protocol):
    """Checks what a person of this node signed."""

    def verify_in(
        self,
        tx: Transaction,
        signed: SignedAct,
        *,
        act: str,
        digest: bytes,
        roles: Collection[str],
    ) -> object:
        """Denied (FED-31xx) unless an able officer in one of `roles` signed this act just now."""


@dataclass(frozen=True, slots=True)
class QueueItem:
    """Sealed bytes on their way; `state` is WAITING, SENDING, RETRYING, VERIFIED or PARKED."""

    digest: bytes
    size_bytes: int
    sent_bytes: int
    state: str
    store_time: datetime
    attempts: int = 0
    next_attempt_time: datetime | None = None
    last_cause: str = ""


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Items after a token, oldest first, and the sums over the whole queue."""

    items: tuple[QueueItem, ...]
    next_token: str
    waiting_count: int
    waiting_bytes: int


class TransferQueue(Protocol):
    """The queue of sealed bytes to the centre, without packages and without vendors."""

    async def page(self, *, after: str, limit: int) -> QueuePage:
        """Oldest first; Refused (FED-5021) for a token that is not ours."""

    async def item(self, digest: bytes) -> QueueItem:
        """NotFound (FED-5020) for bytes that are not queued."""

    async def retry(self, digest: bytes) -> QueueItem:
        """Make the next attempt due now; NotFound (FED-5020)."""
