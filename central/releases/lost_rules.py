"""Who is asked for a lost bundle, and what is written down about it.

Rules: one node at a time for each bundle and one bundle at a time for each node; a node that is
getting on with it is asked again, another one only when it did not; who runs that very version
comes first. Pure: leaves out the asking (`lost`) and the rows (`lost_store`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lpse.federation import reconciliation_rules as table
from lpse.federation.limits import (
    BUNDLE_ANSWER_SECONDS,
    BUNDLE_ASK_AGAIN_SECONDS,
    BUNDLE_BRINGING_SECONDS_MAX,
)
from lpse.federation.v1 import records_pb2 as records

NO_ROW: Final = "NEVER BROUGHT"  # to this disk: the centre was restored


@dataclass(frozen=True, slots=True)
class Lost:
    """A published bundle that is lost; `find_micros` is 0 where no look at the disk found it."""

    version: str
    digest: bytes
    size: int
    found: str
    find_micros: int


@dataclass
class Asked:
    """The node that is asked for one bundle now; times are the centre's monotonic ones."""

    node_id: str
    first_time: float
    time: float
    reached: int  # bytes that were here when it was asked last
    now: int  # bytes that are here by now
    streams: int = 0


@dataclass
class Search:
    """One lost bundle: who is asked, who did not bring it and since when, whose bytes are here."""

    lost: Lost
    asked: Asked | None = None
    tried: dict[str, float] = field(default_factory=dict)
    brought_by: set[str] = field(default_factory=set)

    def waits(self, now: float) -> bool:
        """Whether the asked node still has time; a stream without an end has none in the end."""
        one = self.asked
        if one is None:
            return False
        if one.streams:
            return now - one.first_time < BUNDLE_BRINGING_SECONDS_MAX
        return now - one.time < BUNDLE_ANSWER_SECONDS

    def goes_on(self, now: float) -> str | None:
        """The asked node, where it got on since it was asked last; None: ask another one."""
        one = self.asked
        if one is None or one.now <= one.reached:
            return None
        return one.node_id if now - one.first_time < BUNDLE_BRINGING_SECONDS_MAX else None

    def may_be_asked(self, node_id: str, now: float) -> bool:
        """Whether this node was not asked in vain, now or lately."""
        if self.asked is not None and self.asked.node_id == node_id:
            return False
        tried = self.tried.get(node_id)
        return tried is None or now - tried >= BUNDLE_ASK_AGAIN_SECONDS


def next_node(
    search: Search,
    present: Sequence[str],
    busy: Collection[str],
    versions: Mapping[str, str],
    now: float,
) -> str | None:
    """Whom to ask now; None where nobody is left to ask."""
    same = search.goes_on(now)
    if same is not None and same in present:
        return same
    free = [one for one in present if one not in busy and search.may_be_asked(one, now)]
    runs_it = [one for one in free if versions.get(one) == search.lost.version]
    return min(runs_it or free, default=None)


def missing(lost: Lost) -> records.ReconciliationEntry:
    """A published bundle is lost; nodes are asked for it."""
    return table.entry(
        "R-BUNDLE-MISSING",
        f"release {lost.version}",
        table.evidence(),
        _evidence(lost),
        "",
        1,
        version=lost.version,
    )


def returned(lost: Lost, node_id: str) -> records.ReconciliationEntry:
    """A node brought it, and the disk gave back the published digest."""
    entry = table.entry(
        "R-BUNDLE-RETURNED",
        f"release {lost.version}",
        table.evidence(bundle=lost.digest.hex(), size=lost.size, node=node_id),
        _evidence(lost),
        "",
        1,
        version=lost.version,
    )
    entry.hash_after = lost.digest
    return entry


def whole_again(lost: Lost) -> records.ReconciliationEntry:
    """It is here without a node's help: an operator added the file, or the disk came back."""
    entry = table.entry(
        "R-BUNDLE-WHOLE",
        f"release {lost.version}",
        table.evidence(),
        _evidence(lost),
        "",
        1,
        version=lost.version,
    )
    entry.hash_after = lost.digest
    return entry


def trigger(lost: Lost) -> records.ReconciliationTrigger.ValueType:
    """What let the centre notice."""
    if lost.find_micros:
        return records.RECONCILIATION_TRIGGER_SCHEDULE
    return records.RECONCILIATION_TRIGGER_RESTORE


def _evidence(lost: Lost) -> bytes:
    """What the centre had; a bundle that is lost once more is another finding."""
    return table.evidence(bundle=lost.digest.hex(), found=lost.found, since=lost.find_micros)
