"""The recovery code: an escrow key on paper, in groups that a person can read out and type.

Owns its spelling: eight groups of eight characters, each with four bytes of the key, its own
number, and a check character; a ninth group checks the whole. Rules: the wrong group is named, and
so are groups in the wrong order, so that somebody with an old sheet of paper can be helped over the
telephone; nothing of what was typed stands in an error. Leaves out where the key is kept.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from lpse.federation.check_digits import check_digit, clean, digits_of, spelled
from lpse.federation.errors import Refused
from lpse.federation.limits import ESCROW_KEY_BYTES, RECOVERY_CODE_CHARACTERS_MAX

_GROUPS: Final = 8
_DIGITS: Final = 7  # 35 bits: 32 of the key, 3 of the group's number
_GROUP_BYTES: Final = ESCROW_KEY_BYTES // _GROUPS
_CHARACTERS: Final = (_GROUPS + 1) * (_DIGITS + 1)


class RecoveryCodeInvalid(Refused):
    """What was typed is no recovery code."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-2431",
            f"this is not a recovery code: {detail}",
            remedy="compare it with the paper, group by group",
        )


def code_of(key: bytes) -> str:
    """The code of a key: nine groups `XXXX-XXXX`, three to a line."""
    assert len(key) == ESCROW_KEY_BYTES
    groups = [_group(_numbered(key, number)) for number in range(_GROUPS)]
    groups.append(_group(_sum(key)))
    lines = [groups[at : at + 3] for at in range(0, len(groups), 3)]
    return "\n".join("  ".join(line) for line in lines)


def read_code(typed: str) -> bytes:
    """The key that a person typed; RecoveryCodeInvalid (FED-2431) names the group that is wrong."""
    if len(typed) > RECOVERY_CODE_CHARACTERS_MAX:
        raise RecoveryCodeInvalid("it is too long")
    text = clean(typed)
    if len(text) != _CHARACTERS:
        raise RecoveryCodeInvalid(f"it has {_CHARACTERS} letters and digits in nine groups")
    groups = [text[at : at + _DIGITS + 1] for at in range(0, _CHARACTERS, _DIGITS + 1)]
    values = [_value(place, group) for place, group in enumerate(groups, start=1)]
    for place, value in enumerate(values[:_GROUPS]):
        if value >> 32 != place:
            raise RecoveryCodeInvalid(f"group {place + 1} stands in the wrong place")
    key = b"".join((value & 0xFFFFFFFF).to_bytes(_GROUP_BYTES) for value in values[:_GROUPS])
    if _sum(key) != values[_GROUPS]:
        raise RecoveryCodeInvalid("its groups do not belong together")
    return key


def _numbered(key: bytes, number: int) -> int:
    part = key[number * _GROUP_BYTES : (number + 1) * _GROUP_BYTES]
    return number << 32 | int.from_bytes(part)


def _sum(key: bytes) -> int:
    """35 bits that tell one key from another; they say nothing about it."""
    return int.from_bytes(sha256(b"lpse-federation recovery code v1\n" + key).digest()) >> 221


def _group(value: int) -> str:
    digits = [value >> shift & 31 for shift in range(5 * (_DIGITS - 1), -1, -5)]
    text = spelled([*digits, check_digit(digits)])
    return f"{text[:4]}-{text[4:]}"


def _value(place: int, group: str) -> int:
    digits = digits_of(group)
    if min(digits) < 0 or check_digit(digits[:-1]) != digits[-1]:
        raise RecoveryCodeInvalid(f"a character of group {place} is wrong")
    value = 0
    for digit in digits[:-1]:
        value = value << 5 | digit
    return value
