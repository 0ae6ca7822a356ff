"""One table for every way in which a node and the centre can stand to each other at a hello."""

from __future__ import annotations

import itertools

import pytest

from central.link.findings import _RELATIONS
from central.link.rules import Heads, National, TokenVerdict, compare_national, judge
from lpse.federation.error_catalogue import CATALOGUE
from lpse.federation.reconciliation_rules import rule
from lpse.federation.v1 import link_pb2 as wire

R = wire.HeadRelation
H, T, N = Heads, TokenVerdict, National

CASES = [
    # heads, token, national, relation, code
    (H.NOTHING_HERE, T.CURRENT, N.NONE, R.HEAD_RELATION_NODE_AHEAD, ""),
    (H.EQUAL, T.CURRENT, N.EQUAL, R.HEAD_RELATION_IN_SYNC, ""),
    (H.EQUAL, T.CURRENT, N.BEHIND, R.HEAD_RELATION_IN_SYNC, ""),
    (H.AHEAD, T.CURRENT, N.EQUAL, R.HEAD_RELATION_NODE_AHEAD, ""),
    (H.NEW_EPOCH, T.CURRENT, N.EQUAL, R.HEAD_RELATION_NEW_EPOCH, ""),
    (H.NEW_EPOCH, T.OLD, N.EQUAL, R.HEAD_RELATION_NEW_EPOCH, ""),
    (H.LOWER, T.OLD, N.BEHIND, R.HEAD_RELATION_NODE_REWOUND, "FED-2212"),
    (H.LOWER, T.CURRENT, N.EQUAL, R.HEAD_RELATION_NODE_REWOUND, "FED-2212"),
    (H.OLD_EPOCH, T.OLD, N.BEHIND, R.HEAD_RELATION_OLD_EPOCH, "FED-2243"),
    (H.FORKED, T.CURRENT, N.EQUAL, R.HEAD_RELATION_FORKED, "FED-2213"),
    (H.FORKED, T.OLD, N.EQUAL, R.HEAD_RELATION_CLONE_SUSPECT, "FED-2214"),
    (H.EQUAL, T.OLD, N.EQUAL, R.HEAD_RELATION_CLONE_SUSPECT, "FED-2214"),
    (H.AHEAD, T.ODD, N.EQUAL, R.HEAD_RELATION_CLONE_SUSPECT, "FED-2214"),
    (H.EQUAL, T.NEWER, N.EQUAL, R.HEAD_RELATION_CENTRE_REWOUND, ""),
    (H.EQUAL, T.CURRENT, N.HIGHER, R.HEAD_RELATION_CENTRE_REWOUND, ""),
    (H.AHEAD, T.CURRENT, N.FORKED, R.HEAD_RELATION_CENTRE_REWOUND, ""),
    (H.EQUAL, T.CURRENT, N.OTHER_EPOCH, R.HEAD_RELATION_CENTRE_REWOUND, ""),
]


@pytest.mark.parametrize(("heads", "token", "national", "relation", "code"), CASES)
def test_each_divergence_has_its_own_relation(
    heads: Heads,
    token: TokenVerdict,
    national: National,
    relation: wire.HeadRelation.ValueType,
    code: str,
) -> None:
    """The worst finding decides; a node is kept back only with a code and words."""
    judgement = judge(heads, token, national)
    assert (judgement.relation, judgement.code) == (relation, code)
    assert judgement.quarantined == bool(code) == bool(judgement.reason)


@pytest.mark.parametrize("heads", list(Heads))
def test_a_live_rival_outweighs_whatever_is_shown(heads: Heads) -> None:
    """Of two live holders the later one is the clone, whatever its heads and its token."""
    for token, national in itertools.product(TokenVerdict, National):
        judgement = judge(heads, token, national, rival=True)
        assert judgement.relation == R.HEAD_RELATION_CLONE_SUSPECT
        assert judgement.code == "FED-2214"


def test_no_contradicting_head_is_ever_sound() -> None:
    """Invariant 5: over every combination, a lower or forked head never gets credit."""
    for heads, token, national in itertools.product(Heads, TokenVerdict, National):
        judgement = judge(heads, token, national)
        if heads in (Heads.LOWER, Heads.FORKED, Heads.OLD_EPOCH):
            assert judgement.quarantined
        if judgement.relation == R.HEAD_RELATION_IN_SYNC:
            assert heads is Heads.EQUAL and token is TokenVerdict.CURRENT


def test_every_code_and_finding_has_words_in_both_languages() -> None:
    """A person reads in Indonesian or English what happened, what it means and what to do."""
    for code in {case[4] for case in CASES} - {""}:
        assert CATALOGUE[code].english != CATALOGUE[code].indonesian
    for rule_id in _RELATIONS.values():
        assert rule(rule_id).reason_en and rule(rule_id).reason_id


@pytest.mark.parametrize(
    ("shown", "same_epoch", "agrees", "relation"),
    [
        (0, True, None, N.NONE),
        (7, True, True, N.EQUAL),
        (3, True, True, N.BEHIND),
        (9, True, None, N.HIGHER),
        (7, True, False, N.FORKED),
        (3, True, False, N.FORKED),
        (3, False, None, N.OTHER_EPOCH),
    ],
)
def test_national_heads_are_told_apart(
    shown: int, same_epoch: bool, agrees: bool | None, relation: National
) -> None:
    """What a node has witnessed nationally is equal, less, more, or another history."""
    found = compare_national(7, shown, same_epoch=same_epoch, root_agrees=agrees)
    assert found is relation
