"""The set algebra that closes every reconciliation run.

Owns the counts |both| + |only here| + |only there| + |different| = |union| (Invariant 9). Rule: the
union is counted by itself, never as the sum of the others, so that the equation can fail. Leaves
out what is decided about the members.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpse.federation.v1 import records_pb2 as records


@dataclass(slots=True)
class Sets:
    """Entries of the journals that a run compared."""

    both: int = 0
    only_node: int = 0
    only_centre: int = 0
    different: int = 0
    union: int = 0

    def add(self, node: int, centre: int, *, common: int, forked: bool) -> None:
        """Count one journal by position: `node` and `centre` entries, the first `common` agree."""
        shorter = min(node, centre)
        both = min(common, shorter)
        self.both += both
        self.different += shorter - both if forked else 0
        self.only_node += node - shorter
        self.only_centre += centre - shorter
        self.union += max(node, centre)

    def add_branches(self, node: int, centre: int, *, common: int) -> None:
        """Count two histories of one journal by entry: `common` first ones, then each its own.

        Used where both branches are kept: nothing stands in another entry's place any more.
        """
        assert 0 <= common <= min(node, centre)
        self.both += common
        self.only_node += node - common
        self.only_centre += centre - common
        self.union += node + centre - common

    def closes(self) -> bool:
        """Invariant 9."""
        return self.both + self.only_node + self.only_centre + self.different == self.union


def sets_of(record: records.ReconciliationRecorded) -> Sets:
    """As recorded; a record of an older program names no union, which is then the sum."""
    sets = Sets(
        record.both_count,
        record.only_node_count,
        record.only_centre_count,
        record.different_count,
        record.union_count,
    )
    if not record.HasField("inputs"):
        sets.union = sets.both + sets.only_node + sets.only_centre + sets.different
    return sets


def name_sets(record: records.ReconciliationRecorded, sets: Sets) -> None:
    """Write the counts into the record; a run whose sets do not close is a bug of ours."""
    assert sets.closes(), sets
    record.both_count = sets.both
    record.only_node_count = sets.only_node
    record.only_centre_count = sets.only_centre
    record.different_count = sets.different
    record.union_count = sets.union
