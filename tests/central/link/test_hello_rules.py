"""What a Hello shows, decided by the table alone."""

from __future__ import annotations

import pytest

from central.link.rules import (
    Contradiction,
    Heads,
    National,
    Token,
    TokenState,
    TokenVerdict,
    check_token,
    choose_protocol,
    compare_national,
    confirm,
    judge,
    next_number,
    stands,
)
from lpse.federation.v1 import link_pb2 as link

ONE, TWO, THREE = (Token(number, bytes([number])) for number in (1, 2, 3))
KNOWN = TokenState(confirmed=ONE, issued=TWO)


@pytest.mark.parametrize(
    ("state", "shown", "verdict"),
    [
        (TokenState(), None, TokenVerdict.CURRENT),
        (TokenState(issued=ONE), None, TokenVerdict.CURRENT),
        (KNOWN, ONE, TokenVerdict.CURRENT),
        (KNOWN, TWO, TokenVerdict.CURRENT),
        (KNOWN, THREE, TokenVerdict.NEWER),
        (TokenState(), ONE, TokenVerdict.NEWER),
        (KNOWN, None, TokenVerdict.OLD),
        (TokenState(confirmed=THREE), ONE, TokenVerdict.OLD),
        (KNOWN, Token(2, b"other"), TokenVerdict.ODD),
        (TokenState(confirmed=THREE, amnesty=True), ONE, TokenVerdict.CURRENT),
    ],
)
def test_the_last_confirmed_token_and_its_successor_are_accepted(
    state: TokenState, shown: Token | None, verdict: TokenVerdict
) -> None:
    """Every other token tells who went back."""
    assert check_token(state, shown) is verdict


def test_tokens_are_numbered_above_everything_that_was_handed_out() -> None:
    """After a restore an older holder is recognised by its lower number."""
    assert next_number(TokenState(), None) == 1
    assert next_number(KNOWN, ONE) == 2
    assert next_number(KNOWN, TWO) == 3
    assert next_number(KNOWN, Token(7, b"")) == 8
    assert next_number(KNOWN, Token(1, b"odd")) == 3
    assert confirm(KNOWN, 2) == TokenState(confirmed=TWO)
    assert confirm(KNOWN, 9) is KNOWN


@pytest.mark.parametrize(
    ("found", "protocol", "fork"),
    [
        (None, 2, False),
        (Contradiction(1, proved=False), 2, True),
        (Contradiction(1, proved=True), 2, False),
        (Contradiction(2, proved=True), 2, True),
        (Contradiction(1, proved=False), 1, False),
        (Contradiction(2, proved=False), 1, True),
    ],
)
def test_entries_that_contradicted_the_copy_make_a_fork_that_stays(
    found: Contradiction | None, protocol: int, fork: bool
) -> None:
    """A second look is had once: by the copy's root, or by a node that cannot show it at all."""
    assert stands(found, protocol) is fork


R = link.HeadRelation


def test_no_combination_is_left_undecided() -> None:
    """The table is total."""
    for heads in Heads:
        for token in TokenVerdict:
            for national in National:
                assert judge(heads, token, national).relation


def test_national_heads_compare_by_size_and_root() -> None:
    """A higher head is the centre's own signature under something that it has lost."""
    assert compare_national(5, 0, same_epoch=True, root_agrees=None) is National.NONE
    assert compare_national(5, 5, same_epoch=True, root_agrees=True) is National.EQUAL
    assert compare_national(5, 3, same_epoch=True, root_agrees=True) is National.BEHIND
    assert compare_national(5, 3, same_epoch=True, root_agrees=False) is National.FORKED
    assert compare_national(5, 6, same_epoch=True, root_agrees=None) is National.HIGHER
    assert compare_national(5, 6, same_epoch=False, root_agrees=None) is National.OTHER_EPOCH


def test_the_highest_common_protocol_is_chosen() -> None:
    """Without a common version there is none."""
    assert choose_protocol(1, 3, 1, 2) == 2
    assert choose_protocol(3, 4, 1, 2) is None
    assert choose_protocol(0, 0, 1, 2) is None
