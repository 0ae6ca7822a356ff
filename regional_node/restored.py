"""An own journal entry that came back from the centre, and what its area says about it.

Owns the values that pass between recovery and the areas of a node. Rule: a handler works inside
the caller's transaction, and restoring the same entry twice has the effect of once (Invariant 3).
Leaves out which handler takes which kind (`regional_node.recovery.restoring.table`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import Message

from lpse.runtime.sqlite import Transaction


@dataclass(frozen=True, slots=True)
class RestoredEntry:
    """An entry at its place in the own journal; `record` is None for an unknown kind."""

    epoch: bytes
    index: int
    kind: str
    record: Message | None
    entry_id: bytes
    record_time: datetime


@dataclass(frozen=True, slots=True)
class MissingBlob:
    """Bytes that a row vouches for again; whether they are on the disk is for the caller to see."""

    digest: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Note:
    """What could not be put back as it was; `outcome` is one of the words below.

    KEPT_BOTH: two entries claim one place, both were kept. WAITING: details or rules are not known
    yet, the entry waits for them. UNREADABLE: the record contradicts itself. Neither field tells
    whose upload it was.
    """

    outcome: str
    detail: str


KEPT_BOTH = "KEPT_BOTH"
WAITING = "WAITING"
UNREADABLE = "UNREADABLE"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of one entry.

    `later` names what is not here yet: the entry is kept until it is `known`.
    """

    blobs: tuple[MissingBlob, ...] = ()
    notes: tuple[Note, ...] = ()
    later: bytes = b""
    known: tuple[bytes, ...] = ()


DONE = Restored()
Handler = Callable[[Transaction, RestoredEntry], Restored]
