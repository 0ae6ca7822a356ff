"""The short code of a receipt: what is read over the telephone and typed from paper.

Owns its derivation (75 bits of the SHA-256 of the signed receipt), its spelling (15 characters of
the alphabet without I, L, O and U, then a check character, in groups of four) and its tolerant
reading. Rules: a code names exactly one signed text, byte for byte; every wrong character and every
two characters in the wrong order are noticed. A code proves nothing by itself: the signature does.
Leaves out looking codes up.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import Final

from lpse.federation.errors import Refused

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_DIGITS: Final = 15  # 5 bits each; then the check character
CODE_BITS: Final = CODE_DIGITS * 5
GROUP_CHARACTERS: Final = 4
# Longer than any code with spaces between all characters; more is not read at all.
CODE_CHARACTERS_MAX: Final = 64
_LOOKALIKES: Final = str.maketrans("OIL", "011")
_SEPARATORS: Final = str.maketrans("", "", " -\t\r\n\u00a0\u2010\u2011\u2012\u2013\u2014")
# x^5 + x^2 + 1, irreducible over GF(2): the field of 32 elements in which 2 is primitive.
_POLYNOMIAL: Final = 0b100101


class CodeInvalid(Refused):
    """What was typed is not a code of a receipt."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-5112",
            f"this is not the code of a receipt: {detail}",
            remedy="compare it with the paper character by character, or use the receipt's file",
        )


def code_of(receipt: bytes) -> str:
    """The code of a signed text, `XXXX-XXXX-XXXX-XXXX`."""
    number = int.from_bytes(sha256(receipt).digest()) >> (256 - CODE_BITS)
    digits = [number >> shift & 31 for shift in range(CODE_BITS - 5, -1, -5)]
    return _grouped("".join(ALPHABET[digit] for digit in [*digits, _check(digits)]))


def read_code(typed: str) -> str:
    """The code that a person typed, in its one spelling; CodeInvalid (FED-5112) where it is not."""
    if len(typed) > CODE_CHARACTERS_MAX:
        raise CodeInvalid("it is too long")
    text = typed.translate(_SEPARATORS).upper().translate(_LOOKALIKES)
    if len(text) != CODE_DIGITS + 1:
        raise CodeInvalid(f"it has {CODE_DIGITS + 1} letters and digits")
    digits = [ALPHABET.find(character) for character in text]
    if min(digits) < 0:
        raise CodeInvalid("it holds a character that no code has")
    if _check(digits[:-1]) != digits[-1]:
        raise CodeInvalid("a character is wrong, or two stand in the wrong order")
    return _grouped(text)


def _check(digits: list[int]) -> int:
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


def _grouped(text: str) -> str:
    starts = range(0, len(text), GROUP_CHARACTERS)
    return "-".join(text[at : at + GROUP_CHARACTERS] for at in starts)
