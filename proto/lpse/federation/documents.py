"""Strict reading of the JSON documents that people write: rule sets, calendars, packages, outages.

Keeps one rule: what is not understood is refused, never ignored. An unknown key is an error with
the nearest known key as suggestion, a repeated key is an error (JSON parsers silently keep the
last), and a value of the wrong type names the place where it stands. Leaves out what the values
mean: each format's own module decides that.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import NoReturn

from lpse.federation.errors import Refused
from lpse.federation.limits import SCHEDULE_DOCUMENT_BYTES_MAX, SCHEDULE_NAME_CHARACTERS_MAX

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))"
)


class DocumentError(Refused):
    """The document is not what its format says (FED-4001 … FED-4004); nothing was read from it."""


def parse_json(data: bytes, what: str) -> object:
    """The value of a UTF-8 JSON text; `what` names the document in errors."""
    if len(data) > SCHEDULE_DOCUMENT_BYTES_MAX:
        refuse(what, f"is larger than {SCHEDULE_DOCUMENT_BYTES_MAX} bytes", code="FED-4004")
    try:
        return json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=lambda pairs: _no_repeats(pairs, what),
            parse_constant=lambda name: refuse(what, f"holds {name}, which is no JSON number"),
        )
    except UnicodeDecodeError:
        refuse(what, "is not UTF-8 text")
    except json.JSONDecodeError as error:
        refuse(what, f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    except (RecursionError, ValueError):
        refuse(what, "is not JSON that can be read: nested too deeply, or a number too long")


def as_object(
    value: object, where: str, required: Sequence[str], optional: Sequence[str] = ()
) -> Mapping[str, object]:
    """`value` as an object with all the required keys and no unknown one."""
    if not isinstance(value, dict):
        refuse(where, f"must be an object, not {_type_name(value)}")
    known = [*required, *optional]
    for key in value:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else "known keys: " + ", ".join(known)
            refuse(where, f"has the unknown key {_shown(str(key))}", remedy=hint, code="FED-4002")
    for key in required:
        if key not in value:
            refuse(where, f"lacks the key {key!r}", code="FED-4003")
    return value


def as_list(value: object, where: str, *, items_max: int) -> Sequence[object]:
    """`value` as a list of at most `items_max` items."""
    if not isinstance(value, list):
        refuse(where, f"must be a list, not {_type_name(value)}")
    if len(value) > items_max:
        refuse(where, f"has {len(value)} items; at most {items_max} are allowed", code="FED-4004")
    return value


def as_text(value: object, where: str, *, may_be_empty: bool = False) -> str:
    """`value` as a printable text without blanks at its ends."""
    if not isinstance(value, str):
        refuse(where, f"must be a text, not {_type_name(value)}")
    if len(value) > SCHEDULE_NAME_CHARACTERS_MAX:
        refuse(where, f"has more than {SCHEDULE_NAME_CHARACTERS_MAX} characters", code="FED-4004")
    if not value and not may_be_empty:
        refuse(where, "must not be empty")
    if value != value.strip() or not value.isprintable():
        refuse(where, f"has blanks at an end or unprintable characters: {_shown(value)}")
    return value


def as_choice(value: object, where: str, choices: Sequence[str]) -> str:
    """`value` as one of the listed words."""
    text = as_text(value, where)
    if text not in choices:
        refuse(where, f"is {_shown(text)}", remedy="use one of " + ", ".join(choices))
    return text


def as_count(value: object, where: str, *, most: int) -> int:
    """`value` as a whole number from 0 to `most`; true and false are no numbers."""
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(where, f"must be a whole number, not {_type_name(value)}")
    if not 0 <= value <= most:
        refuse(where, f"must be from 0 to {most}", code="FED-4004")
    return value


def as_date(value: object, where: str) -> date:
    """`value` as a civil date written YYYY-MM-DD."""
    found = _DATE.fullmatch(as_text(value, where))
    try:
        if found is not None:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise wrong(where, f"is {_shown(str(value))}, not a date", remedy="write it like 2015-04-03")


def as_time(value: object, where: str) -> datetime:
    """`value` as an RFC 3339 time; the offset is required, the seconds may be left out."""
    found = _TIME.fullmatch(as_text(value, where))
    try:
        if found is not None:
            return _time_of(found)
    except ValueError:
        pass
    raise wrong(
        where,
        f"is {_shown(str(value))}, not an RFC 3339 time with offset",
        remedy="write it like 2015-03-27T10:00:00+07:00",
    )


def refuse(where: str, problem: str, *, remedy: str = "", code: str = "FED-4001") -> NoReturn:
    """Raise what `wrong` makes."""
    raise wrong(where, problem, remedy=remedy, code=code)


def wrong(where: str, problem: str, *, remedy: str = "", code: str = "FED-4001") -> DocumentError:
    """The one error of this boundary: the place in the document, then what is wrong there."""
    return DocumentError(code, f"{where} {problem}", remedy=remedy)


def _time_of(found: re.Match[str]) -> datetime:
    """The aware time that the groups of `_TIME` spell, or ValueError when it never was."""
    year, month, day, hour, minute, second = (int(found[n] or 0) for n in range(1, 7))
    offset = timedelta()
    if found[8] is None:
        hours, minutes = int(found[10]), int(found[11])
        if hours > 23 or minutes > 59:
            raise ValueError("no such offset")
        offset = timedelta(hours=hours, minutes=minutes) * (-1 if found[9] == "-" else 1)
    micros = int((found[7] or "0").ljust(6, "0"))
    return datetime(year, month, day, hour, minute, second, micros, timezone(offset))


def _no_repeats(pairs: list[tuple[str, object]], what: str) -> dict[str, object]:
    """A JSON object, refused when a key stands in it twice."""
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            refuse(what, f"repeats the key {_shown(key)}", code="FED-4002")
        result[key] = value
    return result


def _type_name(value: object) -> str:
    """What a person calls the JSON type of `value`."""
    names = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}
    return "null" if value is None else names.get(type(value), "a number")


def _shown(text: str) -> str:
    """Foreign text, short and without control characters, as it may stand in an error."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")
