"""The decisions of a run follow from what was shown and what was moved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.checkpoints import Head, sign_head
from lpse.federation.limits import ENTRY_BYTES_MAX, RECONCILIATION_ENTRIES_MAX
from lpse.federation.merkle import EMPTY_ROOT, leaf_hash
from lpse.federation.notes import Signer
from lpse.federation.reconciliation_rules import RULES
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records
from regional_node.reconciliation.facts import LateEntry, Moved, Shown
from regional_node.reconciliation.rules import decide, with_difference

NODE = Signer.from_seed("lpse-pacitan", bytes(32))
CENTRE = Signer.from_seed("lkpp", bytes(32))
R = link.HeadRelation


def _head(signer: Signer, size: int) -> Head:
    root = leaf_hash(str(size).encode()) if size else EMPTY_ROOT
    return sign_head(signer, bytes(16), size, root)


def _shown(
    node: int, centre: int, copy: int, national: int, relation: R.ValueType, word: str
) -> Shown:
    return Shown(
        relation=relation,
        node_head=_head(NODE, node),
        centre_copy=_head(NODE, centre) if centre else None,
        national_copy=_head(CENTRE, copy) if copy else None,
        national_head=_head(CENTRE, national),
        national_relation=word,
        common_size=min(node, centre) // 2,
    )


def test_no_difference_is_one_row_per_journal_with_the_roots_that_prove_it() -> None:
    """Two equal pairs of heads need no action."""
    decided = decide(_shown(5, 5, 3, 3, R.HEAD_RELATION_IN_SYNC, "equal"), Moved())
    assert [one.rule for one in decided.decisions] == ["R-REGIONAL-EQUAL/1", "R-NATIONAL-EQUAL/1"]
    assert not with_difference(decided.decisions)
    assert decided.decisions[0].hash_after == _head(NODE, 5).root
    assert (decided.sets.both, decided.sets.union) == (8, 8)


@pytest.mark.parametrize(
    ("shown", "rule", "outcome"),
    [
        (_shown(9, 4, 3, 3, R.HEAD_RELATION_NODE_AHEAD, "equal"), "R-REGIONAL-AHEAD/1", "sent"),
        (
            _shown(4, 9, 3, 3, R.HEAD_RELATION_NODE_REWOUND, "equal"),
            "R-NODE-REWOUND/2",
            "asked back from the centre",
        ),
        (_shown(9, 9, 3, 3, R.HEAD_RELATION_FORKED, "equal"), "R-REGIONAL-FORKED/1", "quarantined"),
        (
            _shown(9, 9, 3, 3, R.HEAD_RELATION_CLONE_SUSPECT, "equal"),
            "R-CLONE-SUSPECT/1",
            "quarantined",
        ),
        (_shown(2, 0, 3, 3, R.HEAD_RELATION_NEW_EPOCH, "equal"), "R-EPOCH-NEW/1", "kept both"),
        (_shown(5, 5, 1, 3, R.HEAD_RELATION_IN_SYNC, "behind"), "R-NATIONAL-BEHIND/1", "received"),
        (
            _shown(5, 5, 7, 3, R.HEAD_RELATION_CENTRE_REWOUND, "rewound"),
            "R-CENTRE-REWOUND/2",
            "kept the node's copy, given back to the centre",
        ),
        (
            _shown(5, 5, 3, 3, R.HEAD_RELATION_CENTRE_REWOUND, "forked"),
            "R-NATIONAL-FORKED/1",
            "kept the node's copy, accepted nothing",
        ),
    ],
)
def test_every_situation_has_its_rule(shown: Shown, rule: str, outcome: str) -> None:
    """Invariant 9: rule, evidence of both sides and outcome stand in one row."""
    moved = Moved(stored_head=_head(NODE, 9), national_head=_head(CENTRE, 3))
    decided = decide(shown, moved)
    row = next(one for one in decided.decisions if one.rule == rule)
    assert row.outcome == outcome
    assert row.node_evidence
    assert row.centre_evidence
    assert row.actor == "rule"
    assert with_difference(decided.decisions)


def test_a_run_that_was_cut_says_so() -> None:
    """What was only attempted is not called sent or received."""
    decided = decide(_shown(9, 4, 1, 3, R.HEAD_RELATION_NODE_AHEAD, "behind"), Moved())
    assert [one.outcome for one in decided.decisions] == ["not finished", "not finished"]


@given(
    node=st.integers(1, 10_000),
    centre=st.integers(0, 10_000),
    copy=st.integers(0, 10_000),
    national=st.integers(1, 10_000),
    relation=st.sampled_from([one for one in R.values() if one]),
    word=st.sampled_from(["equal", "behind", "rewound", "forked"]),
)
def test_the_set_algebra_closes_for_every_run(
    node: int, centre: int, copy: int, national: int, relation: int, word: str
) -> None:
    """Invariant 9: |both| + |only here| + |only there| + |different| = |union|."""
    shown = _shown(node, centre, copy, national, R.ValueType(relation), word)
    sets = decide(shown, Moved()).sets
    assert sets.both + sets.only_node + sets.only_centre + sets.different == sets.union
    assert sets.union == max(node, centre) + max(copy, national)


def test_a_record_never_outgrows_an_entry() -> None:
    """Invariant 12: a long absence is summed up, and the counts still say everything."""
    late = tuple(LateEntry(one, "outage.revised", f"outages/2015-{one:04}") for one in range(500))
    parked = tuple(range(256))
    shown = _shown(9, 4, 1, 3, R.HEAD_RELATION_NODE_AHEAD, "behind")
    decisions = decide(shown, Moved(late=late, parked=parked, duplicates=4)).decisions
    assert len(decisions) == RECONCILIATION_ENTRIES_MAX
    assert sum(one.count for one in decisions[2:]) == 500 + 256 + 4
    record = records.ReconciliationRecorded(entries=decisions)
    assert record.ByteSize() < ENTRY_BYTES_MAX / 2


def test_the_same_facts_give_the_same_decisions() -> None:
    """A run can be replayed from its recorded inputs."""
    shown = _shown(9, 4, 1, 3, R.HEAD_RELATION_NODE_AHEAD, "behind")
    moved = Moved(late=(LateEntry(2, "outage.revised", "outages/1"),), blobs_verified=2)
    assert decide(shown, moved).decisions == decide(shown, moved).decisions
    assert {one.rule for one in decide(shown, moved).decisions} <= RULES.keys()
