"""What is known of an accepted submission and of a refused attempt.

Owns the values that stores hand out. Rule: what a vendor was given (receipt, proof) is in them byte
for byte. Leaves out SQL (`store`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lpse.federation.errors import NotFound
from lpse.federation.receipts import Commitment, Moment
from lpse.federation.v1.records_pb2 import RefusalReason, Verdict


@dataclass(frozen=True, slots=True)
class StoredSubmission:
    """An accepted submission; verdict, deadline and revision are the newest that were written."""

    number: int
    intake_key: str
    package: str
    commitment: Commitment
    accept_time: datetime
    clock_error_seconds: float
    zone: str
    receipt: bytes
    verdict: Verdict.ValueType
    deadline: datetime
    revision: int
    judged: bool
    journal_epoch: bytes
    journal_index: int
    revealed: bool
    clock_offset_seconds: float = 0.0

    @property
    def text(self) -> bytes:
        """The receipt; NotFound (FED-2433) where a rebuilt node waits for the vendor's copy."""
        if not self.receipt:
            raise NotFound(
                "FED-2433",
                "this node was rebuilt, and the text of that receipt is not here yet",
                remedy="the vendor's own copy brings it back: receipt restore",
            )
        return self.receipt

    @property
    def durable(self) -> Moment:
        """The moment that judges it, as far as verdicts need it."""
        error, offset = self.clock_error_seconds, self.clock_offset_seconds
        return Moment(self.accept_time, "", 0.0, error, offset)


@dataclass(frozen=True, slots=True)
class StoredAttempt:
    """A refused attempt with the proof that was handed out."""

    commitment: Commitment
    reason: RefusalReason.ValueType
    proof: bytes
    revealed: bool
    journal_index: int
