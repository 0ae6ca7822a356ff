"""The decisions of a reconciliation run, as a table from what was shown to what was decided.

Owns the rules with their ids and versions, and the set algebra that closes every run:
|both| + |only here| + |only there| + |different| = |union| (Invariant 9). Rule: a run is decided
from the facts in its record alone, so that it can be replayed. Entries are counted by position in
their journal. Leaves out clocks, storage and the wire.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from lpse.federation.checkpoints import Head
from lpse.federation.limits import (
    RECONCILIATION_ENTRIES_MAX,
    RECONCILIATION_EVIDENCE_BYTES_MAX,
)
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records
from regional_node.reconciliation.facts import Decided, LateEntry, Moved, Sets, Shown

R = link.HeadRelation
C = records.Classification
Decision = records.ReconciliationEntry

# What each rule classifies; a rule that changes its mind gets a new version number.
RULES = {
    "R-REGIONAL-EQUAL/1": C.CLASSIFICATION_MATCH,
    "R-REGIONAL-AHEAD/1": C.CLASSIFICATION_MISSING_AT_CENTRE,
    "R-REGIONAL-FORKED/1": C.CLASSIFICATION_FORKED,
    "R-CLONE-SUSPECT/1": C.CLASSIFICATION_FORKED,
    "R-NODE-REWOUND/1": C.CLASSIFICATION_REWOUND,
    "R-EPOCH-NEW/1": C.CLASSIFICATION_MISSING_AT_CENTRE,
    "R-NATIONAL-EQUAL/1": C.CLASSIFICATION_MATCH,
    "R-NATIONAL-BEHIND/1": C.CLASSIFICATION_MISSING_AT_NODE,
    "R-NATIONAL-FORKED/1": C.CLASSIFICATION_FORKED,
    "R-CENTRE-REWOUND/1": C.CLASSIFICATION_REWOUND,
    "R-DIRECTIVE-LATE/1": C.CLASSIFICATION_LATE,
    "R-KIND-UNKNOWN/1": C.CLASSIFICATION_UNKNOWN_KIND,
    "R-ENTRY-PARKED/1": C.CLASSIFICATION_PARKED,
    "R-ENTRY-DUPLICATE/1": C.CLASSIFICATION_DUPLICATE,
    "R-BLOB-MISSING/1": C.CLASSIFICATION_MISSING_AT_CENTRE,
}


def decide(shown: Shown, moved: Moved) -> Decided:
    """Every decision of the run, in order: own journal, national journal, single entries."""
    sets = Sets()
    found = [
        _regional(shown, moved, sets),
        *_epoch(shown),
        _national(shown, moved, sets),
        *_late(moved.late),
        *_skipped(moved.skipped),
        *_parked(moved.parked),
        *_duplicates(moved.duplicates),
        *_blobs(moved.blobs_verified),
    ]
    assert sets.closes(), sets
    return Decided(tuple(_limited(found)), sets)


def with_difference(decided: Iterable[Decision]) -> bool:
    """Whether the run found anything but agreement."""
    return any(one.classification != C.CLASSIFICATION_MATCH for one in decided)


# --- the node's own journal ---


def _regional(shown: Shown, moved: Moved, sets: Sets) -> Decision:
    node = shown.node_head.size
    centre = shown.centre_copy.size if shown.centre_copy else 0
    forked = shown.relation in (R.HEAD_RELATION_FORKED, R.HEAD_RELATION_CLONE_SUSPECT)
    common = shown.common_size if forked else min(node, centre)
    sets.add(node, centre, common=common, forked=forked)
    if forked:
        return _contradicted(shown)
    if centre > node or shown.relation == R.HEAD_RELATION_NODE_REWOUND:
        return _rewound(shown, node, centre)
    if node == centre:
        equal = _decision(
            f"regional 0..{node - 1}",
            "R-REGIONAL-EQUAL/1",
            "size and root are the same on both sides",
            "none needed",
            count=node,
            evidence=_own_evidence(shown),
        )
        return _ending_at(shown.node_head, equal)
    return _ahead(shown, moved, node, centre)


def _ahead(shown: Shown, moved: Moved, node: int, centre: int) -> Decision:
    stored = moved.stored_head
    done = stored is not None and stored.size >= node
    ahead = _decision(
        f"regional {centre}..{node - 1}",
        "R-REGIONAL-AHEAD/1",
        f"the node wrote {node - centre} entries that the centre had not stored",
        "sent" if done else "not finished",
        count=node - centre,
        evidence=_own_evidence(shown),
    )
    return _ending_at(stored, ahead)


def _rewound(shown: Shown, node: int, centre: int) -> Decision:
    return _decision(
        f"regional {node}..{max(node, centre - 1)}",
        "R-NODE-REWOUND/1",
        "the centre holds entries that this node acknowledged once and lacks now",
        "quarantined",
        count=max(0, centre - node),
        evidence=_own_evidence(shown),
    )


def _contradicted(shown: Shown) -> Decision:
    if shown.relation == R.HEAD_RELATION_CLONE_SUSPECT:
        rule = "R-CLONE-SUSPECT/1"
        reason = "an old session token was shown: a second machine may hold this identity"
    else:
        rule = "R-REGIONAL-FORKED/1"
        reason = "the same index has another root on each side: two histories"
    return _decision(
        "regional journal", rule, reason, "quarantined", count=1, evidence=_own_evidence(shown)
    )


def _epoch(shown: Shown) -> list[Decision]:
    if shown.relation != R.HEAD_RELATION_NEW_EPOCH:
        return []
    new = _decision(
        f"epoch {shown.node_head.epoch.hex()}",
        "R-EPOCH-NEW/1",
        "the node began a new epoch, whose first entry names the head of the old one",
        "kept both",
        count=0,
        evidence=(_evidence(shown.node_head), _evidence(shown.other_epoch_head)),
    )
    return [new]


def _own_evidence(shown: Shown) -> tuple[bytes, bytes]:
    return _evidence(shown.node_head), _evidence(shown.centre_copy)


# --- the national journal ---


def _national(shown: Shown, moved: Moved, sets: Sets) -> Decision:
    node = shown.national_copy.size if shown.national_copy else 0
    centre = shown.national_head.size
    forked = shown.national_relation == "forked"
    sets.add(node, centre, common=0 if forked else min(node, centre), forked=forked)
    if forked or node > centre:
        return _centre_contradicts(shown, node, centre, forked=forked)
    if node == centre:
        equal = _decision(
            f"national 0..{node - 1}",
            "R-NATIONAL-EQUAL/1",
            "size and root are the same on both sides",
            "none needed",
            count=node,
            evidence=_national_evidence(shown),
        )
        return _ending_at(shown.national_head, equal)
    return _behind(shown, moved, node, centre)


def _behind(shown: Shown, moved: Moved, node: int, centre: int) -> Decision:
    held = moved.national_head
    done = held is not None and held.size >= centre
    behind = _decision(
        f"national {node}..{centre - 1}",
        "R-NATIONAL-BEHIND/1",
        f"the centre published {centre - node} entries while the node was away",
        "received" if done else "not finished",
        count=centre - node,
        evidence=_national_evidence(shown),
    )
    return _ending_at(held, behind)


def _centre_contradicts(shown: Shown, node: int, centre: int, *, forked: bool) -> Decision:
    if forked:
        return _decision(
            "national journal",
            "R-NATIONAL-FORKED/1",
            "the centre shows another history than the one that it signed for this node",
            "kept the node's copy, accepted nothing",
            count=1,
            evidence=_national_evidence(shown),
        )
    return _decision(
        f"national {centre}..{node - 1}",
        "R-CENTRE-REWOUND/1",
        "the node holds national entries that the centre lacks: the centre was restored",
        "kept the node's copy, accepted nothing",
        count=node - centre,
        evidence=_national_evidence(shown),
    )


def _national_evidence(shown: Shown) -> tuple[bytes, bytes]:
    return _evidence(shown.national_copy), _evidence(shown.national_head)


# --- single entries ---


def _late(late: Iterable[LateEntry]) -> list[Decision]:
    return [
        _decision(
            f"national {one.index}",
            "R-DIRECTIVE-LATE/1",
            f"{one.subject or one.kind} was published while the node was away",
            "applied retroactively",
            count=1,
        )
        for one in late
    ]


def _skipped(skipped: Iterable[LateEntry]) -> list[Decision]:
    return [
        _decision(
            f"national {one.index}",
            "R-KIND-UNKNOWN/1",
            "this program does not understand the entry; it is stored as it came",
            "kept, applied after the next upgrade",
            count=1,
        )
        for one in skipped
    ]


def _parked(parked: Iterable[int]) -> list[Decision]:
    return [
        _decision(
            f"regional {index}",
            "R-ENTRY-PARKED/1",
            "the centre stored the entry and could not project it",
            "parked",
            count=1,
        )
        for index in parked
    ]


def _duplicates(count: int) -> list[Decision]:
    if not count:
        return []
    duplicate = _decision(
        "regional entries",
        "R-ENTRY-DUPLICATE/1",
        f"{count} entries had been stored before and came again",
        "dropped by their hash",
        count=count,
    )
    return [duplicate]


def _blobs(count: int) -> list[Decision]:
    if not count:
        return []
    missing = _decision(
        "blobs",
        "R-BLOB-MISSING/1",
        f"{count} sealed files had not reached the centre",
        "sent, digest re-read from disk",
        count=count,
    )
    return [missing]


# --- one row of the log ---


def _decision(
    subject: str,
    rule: str,
    reason: str,
    outcome: str,
    *,
    count: int,
    evidence: tuple[bytes, bytes] = (b"", b""),
) -> Decision:
    return Decision(
        object=subject,
        classification=RULES[rule],
        rule=rule,
        reason=reason,
        outcome=outcome,
        node_evidence=evidence[0],
        centre_evidence=evidence[1],
        count=count,
        actor="rule",
    )


def _ending_at(head: Head | None, decision: Decision) -> Decision:
    """The decision with the root that both sides hold after it."""
    if head is not None:
        decision.hash_after = head.root
    return decision


def _evidence(head: Head | None) -> bytes:
    if head is None:
        return b'{"head":null}'
    document = {"epoch": head.epoch.hex(), "size": head.size, "root": head.root.hex()}
    data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert len(data) <= RECONCILIATION_EVIDENCE_BYTES_MAX
    return data


def _limited(found: list[Decision]) -> list[Decision]:
    """The last row tells how many decisions the record has no room for."""
    if len(found) <= RECONCILIATION_ENTRIES_MAX:
        return found
    kept, rest = found[: RECONCILIATION_ENTRIES_MAX - 1], found[RECONCILIATION_ENTRIES_MAX - 1 :]
    first = rest[0]
    summary = _decision(
        f"{first.object} and {len(rest) - 1} further objects",
        first.rule,
        "more decisions than one record holds, made by this rule and those named before",
        first.outcome,
        count=sum(one.count for one in rest),
    )
    return [*kept, summary]
