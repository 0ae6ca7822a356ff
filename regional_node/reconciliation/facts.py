"""What a reconciliation run is decided from, and the sets that must close.

Owns the facts of one run: what was shown at hello, what was moved, and the set algebra
|both| + |only here| + |only there| + |different| = |union| (Invariant 9). Leaves out the decisions
(`rules`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lpse.federation.checkpoints import Head
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records


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


@dataclass(slots=True)
class Sets:
    """The set algebra of one run, in entries."""

    both: int = 0
    only_node: int = 0
    only_centre: int = 0
    different: int = 0
    union: int = 0

    def add(self, node: int, centre: int, *, common: int, forked: bool) -> None:
        """Count one journal: `node` and `centre` entries, the first `common` of them agree."""
        shorter = min(node, centre)
        both = min(common, shorter)
        self.both += both
        self.different += shorter - both if forked else 0
        self.only_node += node - shorter
        self.only_centre += centre - shorter
        self.union += max(node, centre)

    def closes(self) -> bool:
        """Invariant 9."""
        return self.both + self.only_node + self.only_centre + self.different == self.union


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions of a run and the sets that they account for."""

    decisions: tuple[records.ReconciliationEntry, ...]
    sets: Sets = field(default_factory=Sets)
