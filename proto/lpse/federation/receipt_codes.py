"""The short code of a receipt: what is read over the telephone and typed from paper.

Owns its derivation (75 bits of the SHA-256 of the signed receipt), its spelling (15 characters of
the alphabet without I, L, O and U, then a check character, in groups of four) and its tolerant
reading. Rules: a code names exactly one signed text, byte for byte; every wrong character and every
two characters in the wrong order are noticed. A code proves nothing by itself: the signature does.
Leaves out looking codes up.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from lpse.federation.check_digits import check_digit, clean, digits_of, spelled
from lpse.federation.errors import Refused

CODE_DIGITS: Final = 15  # 5 bits each; then the check character
CODE_BITS: Final = CODE_DIGITS * 5
GROUP_CHARACTERS: Final = 4
# Longer than any code with spaces between all characters; more is not read at all.
CODE_CHARACTERS_MAX: Final = 64


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
    return _grouped(spelled([*digits, check_digit(digits)]))


def read_code(typed: str) -> str:
    """The code that a person typed, in its one spelling; CodeInvalid (FED-5112) where it is not."""
    if len(typed) > CODE_CHARACTERS_MAX:
        raise CodeInvalid("it is too long")
    text = clean(typed)
    if len(text) != CODE_DIGITS + 1:
        raise CodeInvalid(f"it has {CODE_DIGITS + 1} letters and digits")
    digits = digits_of(text)
    if min(digits) < 0:
        raise CodeInvalid("it holds a character that no code has")
    if check_digit(digits[:-1]) != digits[-1]:
        raise CodeInvalid("a character is wrong, or two stand in the wrong order")
    return _grouped(text)


def _grouped(text: str) -> str:
    starts = range(0, len(text), GROUP_CHARACTERS)
    return "-".join(text[at : at + GROUP_CHARACTERS] for at in starts)
