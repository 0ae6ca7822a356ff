"""Human text in Indonesian and English: messages, dates with their zone, durations, sizes.

Owns the choice of the language (LC_ALL, LC_MESSAGES, LANG; English otherwise) and the catalogues,
gettext `.po` files read at start. The English text is the message id; a text without a translation
is shown in English. Rule: JSON, enums, logs and codes never pass through here. Leaves out letters,
which are always Indonesian.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES: Final = ("en", "id")
_OWN: Final = Path(__file__).with_name("locale")
_CLOCK: Final = {"id": "HH.mm", "en": "HH:mm"}
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_SIZES: Final = ("B", "kB", "MB", "GB", "TB")


class Words:
    """One language with its catalogues."""

    def __init__(self, language: str = "en") -> None:
        self.language = language if language in LANGUAGES else "en"
        self._texts: dict[str, str] = {}
        self.load(_OWN)

    def load(self, folder: Path) -> None:
        """Add `<language>.po` and `<language>/*.po` of a folder; English needs none."""
        if self.language == "en":
            return
        for path in (
            folder / f"{self.language}.po",
            *sorted((folder / self.language).glob("*.po")),
        ):
            if path.exists():
                self._texts.update(_texts(path))

    def knows(self, text: str) -> bool:
        """Whether `text` has its own form in this language."""
        return text in self._texts

    def __call__(self, text: str, /, **fields: object) -> str:
        """`text` in this language, its `{fields}` filled in afterwards."""
        said = self._texts.get(text, text)
        return said.format(**fields) if fields else said


_current = Words()


def choose(environment: Mapping[str, str], *folders: Path) -> None:
    """Set the program's language once, at its start."""
    global _current  # noqa: PLW0603 - the language of a process's terminal is one per process
    _current = Words(language_of(environment))
    for folder in folders:
        _current.load(folder)


def language_of(environment: Mapping[str, str]) -> str:
    """`id` or `en`, as POSIX orders the variables; anything else is English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            return "id" if value.split(".")[0].split("_")[0].lower() in {"id", "in"} else "en"
    return "en"


def language() -> str:
    """The language in use, `id` or `en`."""
    return _current.language


def say(text: str, /, **fields: object) -> str:
    """`text` (an English message id) in the language in use, its `{fields}` filled in."""
    return _current(text, **fields)


def say_count(one: str, many: str, count: int, **fields: object) -> str:
    """`one` for exactly one, else `many` (English message ids), with `{count}` filled in."""
    return say(one if count == 1 else many, count=count, **fields)


def date_text(moment: datetime, zone: str, *, lang: str | None = None) -> str:
    """An aware instant for people: `Jum, 27 Mar 2015 10.00 WIB`, `Fri, 27 Mar 2015 10:00 WIB`."""
    lang = lang or language()
    local = moment.astimezone(ZoneInfo(zone))
    # Babel's English locale knows no WIB; zoneinfo does in every language.
    said = format_datetime(local, f"EEE, d MMM y {_CLOCK[lang]}", locale=lang)
    return f"{said} {local.tzname()}"


def when(zone: str) -> Callable[[str], str]:
    """For a column of a table: an RFC 3339 text as people read it in `zone`."""
    return lambda text: date_text(datetime.fromisoformat(text), zone)


def duration_text(span: timedelta | float) -> str:
    """Both ways: `3 hari 8 jam (80 jam)`; below one day once; seconds only below one hour."""
    seconds = round(span.total_seconds() if isinstance(span, timedelta) else span)
    if seconds < 0:
        return "-" + duration_text(-seconds)
    if seconds >= 3_600:
        seconds -= seconds % 60
    whole = _parts(seconds, _UNITS)
    return f"{whole} ({_parts(seconds, _UNITS[1:])})" if seconds >= 86_400 else whole


def size_text(size_bytes: int, *, lang: str | None = None) -> str:
    """Decimal units with one digit: `1,5 MB` in Indonesian, `1.5 MB` in English."""
    value, unit = float(size_bytes), 0
    while value >= 999.95 and unit < len(_SIZES) - 1:
        value, unit = value / 1_000, unit + 1
    digits = "#,##0" if unit == 0 else "#,##0.#"
    return f"{format_decimal(value, format=digits, locale=lang or language())} {_SIZES[unit]}"


def _parts(seconds: int, units: tuple[tuple[str, int], ...]) -> str:
    said: list[str] = []
    for name, length in units:
        count, seconds = divmod(seconds, length)
        if count or (not said and length == 1):
            said.append(f"{count} {say_count(name, name + 's', count)}")
    return " ".join(said)


@cache
def _texts(path: Path) -> dict[str, str]:
    """Read once: catalogues are part of the program. Nobody changes the answer."""
    with path.open("rb") as file:
        catalogue = read_po(file)
    return {
        message.id: message.string
        for message in catalogue
        if isinstance(message.id, str) and isinstance(message.string, str)
        if message.id and message.string and not message.fuzzy
    }
