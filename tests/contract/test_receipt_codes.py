"""Short codes of receipts: every slip of a hand or a voice is noticed."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.check_digits import ALPHABET
from lpse.federation.receipt_codes import CODE_BITS, CodeInvalid, code_of, read_code

TEXTS = st.binary(max_size=200)
GOLDEN = "DWS8-C28G-S87V-58GM"


def test_the_code_of_a_text_never_changes() -> None:
    """Printed codes stay valid for ever: a golden vector, derived by hand from SHA-256."""
    number = int(sha256(b"receipt").hexdigest(), 16) >> (256 - 75)
    spelled = "".join(ALPHABET[number >> shift & 31] for shift in range(70, -1, -5))
    assert code_of(b"receipt").replace("-", "")[:-1] == spelled
    assert code_of(b"receipt") == GOLDEN
    assert CODE_BITS >= 60


@given(TEXTS)
def test_a_code_is_read_as_it_was_written(text: bytes) -> None:
    """Writing and reading are inverse."""
    assert read_code(code_of(text)) == code_of(text)


@given(TEXTS, st.integers(0, 15))
def test_every_single_wrong_character_is_noticed(text: bytes, place: int) -> None:
    """All 31 other characters, at every place, the check character's too."""
    code = code_of(text).replace("-", "")
    for other in ALPHABET.replace(code[place], ""):
        with pytest.raises(CodeInvalid):
            read_code(code[:place] + other + code[place + 1 :])


@given(TEXTS)
def test_every_two_exchanged_characters_are_noticed(text: bytes) -> None:
    """Neighbours and others: no two different characters can change places unseen."""
    code = code_of(text).replace("-", "")
    for first in range(16):
        for second in range(first + 1, 16):
            if code[first] == code[second]:
                continue
            swapped = list(code)
            swapped[first], swapped[second] = code[second], code[first]
            with pytest.raises(CodeInvalid):
                read_code("".join(swapped))


def test_every_single_error_and_exchange_over_the_whole_alphabet() -> None:
    """Exhaustive for the arithmetic: all pairs of places and values, not only sampled codes."""
    base = code_of(b"").replace("-", "")
    seen = {read_code(base)}
    for place in range(15):
        for character in ALPHABET:
            changed = base[:place] + character + base[place + 1 : 15]
            fitting = [c for c in ALPHABET if _reads(changed + c)]
            assert len(fitting) == 1, "each 15 characters have exactly one check character"
            seen.add(changed + fitting[0])
    assert len({one.replace("-", "") for one in seen}) == 15 * 31 + 1


@given(TEXTS, st.randoms(use_true_random=False))
def test_reading_forgives_case_lookalikes_and_gaps(text: bytes, random: object) -> None:
    """O for 0, I or L for 1, small letters, spaces and dashes anywhere are the same code."""
    code = code_of(text)
    said = code.replace("-", " ").lower().replace("0", "o").replace("1", "l")
    assert read_code(f"  {said}\n") == code
    assert read_code(" ".join(code.replace("0", "O").replace("1", "I").replace("-", "—"))) == code


@given(st.text(max_size=200))
def test_anything_typed_is_a_code_or_a_clear_refusal(typed: str) -> None:
    """No text crashes the reader; what is refused carries its code of the catalogue."""
    try:
        assert read_code(read_code(typed)) == read_code(typed)
    except CodeInvalid as error:
        assert error.code == "FED-5112"


@pytest.mark.parametrize("typed", ["", "A" * 10_000, "DWS8-C28G-S87V-58G", "ＷＥ６２", "U" * 16])
def test_wrong_lengths_and_alphabets_are_refused(typed: str) -> None:
    """Too short, too long, full-width and unknown characters are not guessed at."""
    with pytest.raises(CodeInvalid):
        read_code(typed)


def _reads(text: str) -> bool:
    try:
        read_code(text)
    except CodeInvalid:
        return False
    return True
