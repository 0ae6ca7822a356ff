"""What a session of the link knows about a run: what was shown at hello, and what was moved.

Rule: facts only, as the session saw them. Leaves out their form in the record (`rules`) and the
decisions (`lpse.federation.reconciliation_link`).
"""

from __future__ import annotations

from dataclasses import dataclass

from lpse.federation.checkpoints import Head
from lpse.federation.v1 import link_pb2 as link


@dataclass(frozen=True, slots=True)
class LateEntry:
    """A national entry that should have counted while the node was away."""

    index: int
    kind: str
    subject: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What the two sides showed each other at hello."""

    relation: link.HeadRelation.ValueType
    node_head: Head
    centre_copy: Head | None  # of the node's journal
    national_copy: Head | None  # at the node
    national_head: Head  # at the centre
    national_relation: str  # "equal", "behind", "rewound" or "forked", as the node judged it
    common_size: int = 0  # own entries that both are known to have had, where they contradict
    other_epoch_head: Head | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What was transferred in the run."""

    entries_sent: int = 0
    entries_received: int = 0
    bytes_moved: int = 0
    duplicates: int = 0
    parked: tuple[int, ...] = ()
    late: tuple[LateEntry, ...] = ()
    skipped: tuple[LateEntry, ...] = ()  # national entries that this program could not fold
    blobs_verified: int = 0
    stored_head: Head | None = None  # what the centre acknowledged last
    national_head: Head | None = None  # what the node held last
