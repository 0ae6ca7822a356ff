"""Check characters of codes that people type: one alphabet, one field, for every such code.

Owns the alphabet (without I, L, O and U), its tolerant reading, and the check character: a weighted
sum over the field of 32 elements. Rule: every wrong character and every two characters in the
wrong order are noticed, in codes of up to 31 characters. Leaves out what a code stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES: Final = str.maketrans("OIL", "011")
_SEPARATORS: Final = str.maketrans("", "", " -\t\r\n\u00a0\u2010\u2011\u2012\u2013\u2014")
# x^5 + x^2 + 1, irreducible over GF(2): the field of 32 elements in which 2 is primitive.
_POLYNOMIAL: Final = 0b100101


def clean(typed: str) -> str:
    """What a person typed, without separators, in capitals, look-alikes set right."""
    return typed.translate(_SEPARATORS).upper().translate(_LOOKALIKES)


def digits_of(text: str) -> list[int]:
    """The values of characters; -1 where one is in no code."""
    return [ALPHABET.find(character) for character in text]


def spelled(digits: Sequence[int]) -> str:
    """Values as characters, each below 32."""
    return "".join(ALPHABET[digit] for digit in digits)


def check_digit(digits: Sequence[int]) -> int:
    """Weighted sum over GF(32); weights differ from each other and from the check's own (one).

    A wrong digit changes the sum by weight times difference, two exchanged digits by the
    difference of the weights times that of the digits: a product of non-zero elements of a field.
    """
    found = 0
    for place, digit in enumerate(digits, start=1):
        found ^= _times(_weight(place), digit)
    return found


@cache
def _weight(place: int) -> int:
    return 1 if place == 0 else _times(2, _weight(place - 1))


@cache
def _times(left: int, right: int) -> int:
    product = 0
    while right:
        if right & 1:
            product ^= left
        left <<= 1
        if left & 32:
            left ^= _POLYNOMIAL
        right >>= 1
    return product
