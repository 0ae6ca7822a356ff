"""When the centre may append: decided from evidence alone."""

from __future__ import annotations

from functools import partial

from central.national.rules import Evidence, Gate, Start, explain, gate, judge_start, needed
from lpse.federation.checkpoints import Head, sign_head
from lpse.federation.merkle import leaf_hash
from lpse.federation.notes import Signer

SIGNER = Signer.from_seed("lkpp", bytes(32))
EPOCH = bytes(16)


def _head(size: int, root: bytes = leaf_hash(b"x")) -> Head:
    return sign_head(SIGNER, EPOCH, size, root)


def test_a_restored_centre_waits_for_three_nodes_or_all() -> None:
    """Invariant 5: it must not fork a history that its nodes hold."""
    waiting = Evidence(Start.RESTORED, enrolled=10, witnesses=frozenset({"a", "b"}))
    assert gate(waiting) is Gate.WAITING
    assert "3 node(s)" in explain(waiting)
    three = Evidence(Start.RESTORED, enrolled=10, witnesses=frozenset({"a", "b", "c"}))
    assert gate(three) is Gate.OPEN
    assert gate(Evidence(Start.UNPROVEN, enrolled=1, witnesses=frozenset({"a"}))) is Gate.OPEN
    assert needed(0) == 0


def test_one_contradiction_shuts_the_gate_whatever_else_speaks() -> None:
    """Invariant 5: more witnesses, an assertion or a plain restart do not outweigh it."""
    for start in Start:
        evidence = Evidence(
            start,
            enrolled=4,
            witnesses=frozenset({"a", "b", "c"}),
            contradicting=frozenset({"d"}),
            asserted=True,
        )
        assert gate(evidence) is Gate.CONTRADICTED


def test_the_head_file_proves_a_plain_restart_only_when_nothing_is_missing() -> None:
    """A journal that contains the filed head has lost nothing that anybody could know."""
    own = _head(7)
    assert judge_start(own, None, None, fresh=True, same_boot=False) is Start.FIRST
    judged = partial(judge_start, fresh=False, same_boot=True)
    assert judged(own, None, None) is Start.UNPROVEN
    assert judged(own, _head(7), own.root) is Start.PLAIN_RESTART
    assert judged(own, _head(5), own.root) is Start.PLAIN_RESTART
    assert judged(own, _head(5), leaf_hash(b"y")) is Start.UNPROVEN
    assert judged(own, _head(8), None) is Start.RESTORED
    other = sign_head(SIGNER, b"e" * 16, 7, own.root)
    assert judged(own, other, own.root) is Start.UNPROVEN


def test_after_a_boot_the_head_file_proves_nothing_by_itself() -> None:
    """Invariant 5: a disk put back to a snapshot has a journal and a file that agree."""
    own = _head(7)
    judged = partial(judge_start, fresh=False, same_boot=False)
    assert judged(own, _head(7), own.root) is Start.UNPROVEN
    assert judged(own, _head(8), None) is Start.RESTORED
