"""What is known of a file, a submission and an attempt of a grant.

Owns the values that the store hands out and the states of a file. Rule: a state never goes back;
RECEIVING → WHOLE → SUBMITTED, or EXPIRED or TERMINATED from the first two. Leaves out SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from lpse.federation.receipts import Moment
from lpse.federation.v1.records_pb2 import RefusalReason
from regional_node.intake.rows import StoredSubmission


class State(IntEnum):
    """Where a file stands."""

    RECEIVING = 1
    WHOLE = 2
    SUBMITTED = 3
    EXPIRED = 4
    TERMINATED = 5

    @property
    def is_live(self) -> bool:
        """Whether it can still become part of a submission."""
        return self <= State.WHOLE


@dataclass(frozen=True, slots=True)
class FileState:
    """One file; `offset_bytes` is fsynced and recorded, `digest` is None until it was whole."""

    file_id: str
    grant_id: int
    name: str
    size_bytes: int
    offset_bytes: int
    state: State
    digest: bytes | None
    begin: Moment
    durable: Moment | None
    last_byte_time: datetime
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class GrantSubmission:
    """A submission of a grant: its number, counted from 1, and its files in order."""

    number: int
    files: tuple[str, ...]
    stored: StoredSubmission


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a submit is answered with; `repeated` when the same set was submitted before."""

    number: int
    stored: StoredSubmission
    repeated: bool


@dataclass(frozen=True, slots=True)
class GrantAttempt:
    """An attempt that ended without a submission, and its signed proof."""

    number: int
    reason: RefusalReason.ValueType
    received_bytes: int
    size_bytes: int
    begin_time: datetime
    end_time: datetime
    proof: bytes
