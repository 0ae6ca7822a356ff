"""The recovery code: a key survives paper, telephone and typing; mistakes are named by group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.check_digits import ALPHABET
from lpse.federation.recovery_code import RecoveryCodeInvalid, code_of, read_code

KEY = bytes(range(32))
GOLDEN = (
    "0002-0G3D  420A-1G76  840J-2GBV\n"
    "C60T-3GFG  G812-4GKP  MA1A-5GQX\n"
    "RC1J-6GV0  WE1T-7GZB  9G5S-AHB8"
)


@given(st.binary(min_size=32, max_size=32))
def test_a_key_comes_back_from_paper(key: bytes) -> None:
    """However it is typed: lower case, without hyphens, with other spaces."""
    code = code_of(key)
    assert read_code(code) == key
    assert read_code(code.lower().replace("-", "").replace(" ", "\t")) == key


def test_golden_code() -> None:
    """Papers in safes are read by every later program."""
    assert read_code(GOLDEN) == KEY
    assert code_of(KEY) == GOLDEN


@given(st.binary(min_size=32, max_size=32), st.integers(0, 71), st.integers(1, 31))
def test_a_wrong_character_is_found_in_its_group(key: bytes, place: int, by: int) -> None:
    """One wrong character anywhere names the group in which it stands."""
    text = list("".join(code_of(key).replace("-", "").split()))
    text[place] = ALPHABET[(ALPHABET.index(text[place]) + by) % 32]
    with pytest.raises(RecoveryCodeInvalid, match=f"group {place // 8 + 1} "):
        read_code("".join(text))


def test_groups_in_the_wrong_order_are_found() -> None:
    """Two groups exchanged are named."""
    groups = code_of(KEY).split()
    groups[2], groups[5] = groups[5], groups[2]
    with pytest.raises(RecoveryCodeInvalid, match="group 3 stands in the wrong place"):
        read_code(" ".join(groups))


def test_groups_of_two_papers_are_found() -> None:
    """A group of another node's paper, right by itself, is noticed by the ninth."""
    groups, others = code_of(KEY).split(), code_of(bytes(32)).split()
    groups[4] = others[4]
    with pytest.raises(RecoveryCodeInvalid, match="belong together"):
        read_code(" ".join(groups))


@pytest.mark.parametrize("typed", ["", "ABCD", "?" * 72, "0" * 500])
def test_nonsense_is_refused_without_being_repeated(typed: str) -> None:
    """A refusal says how long a code is and never what was typed."""
    with pytest.raises(RecoveryCodeInvalid) as caught:
        read_code(typed)
    assert not typed or typed not in str(caught.value)
