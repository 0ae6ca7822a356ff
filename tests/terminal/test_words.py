"""Promises about human text: two languages, zones always named, durations both ways."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from lpse.terminal import words

ROOT = Path(__file__).resolve().parents[2]
MOMENT = datetime(2015, 3, 27, 3, 0, tzinfo=UTC)
CATALOGUES = sorted(path for path in ROOT.glob("**/locale/**/*.po") if ".venv" not in path.parts)


@pytest.fixture(params=["id", "en"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    words.choose({"LANG": {"id": "id_ID.UTF-8", "en": "en_GB.UTF-8"}[request.param]})
    yield request.param
    words.choose({})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "id_ID.UTF-8"}, "id"),
        ({"LANG": "id"}, "id"),
        ({"LANG": "id_ID", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "id_ID"}, "id"),
        ({"LANG": "idx"}, "en"),
        ({"LANG": "de_DE"}, "en"),
    ],
)
def test_language_follows_the_environment(environment: dict[str, str], expected: str) -> None:
    """LC_ALL, LC_MESSAGES and LANG decide in this order; what we do not speak is English."""
    assert words.language_of(environment) == expected


@pytest.mark.parametrize(
    ("zone", "indonesian", "english"),
    [
        ("Asia/Jakarta", "Jum, 27 Mar 2015 10.00 WIB", "Fri, 27 Mar 2015 10:00 WIB"),
        ("Asia/Pontianak", "Jum, 27 Mar 2015 10.00 WIB", "Fri, 27 Mar 2015 10:00 WIB"),
        ("Asia/Makassar", "Jum, 27 Mar 2015 11.00 WITA", "Fri, 27 Mar 2015 11:00 WITA"),
        ("Asia/Jayapura", "Jum, 27 Mar 2015 12.00 WIT", "Fri, 27 Mar 2015 12:00 WIT"),
    ],
)
def test_dates_name_their_zone(zone: str, indonesian: str, english: str) -> None:
    """An instant is told with weekday and WIB, WITA or WIT in both languages, never +0700."""
    assert words.date_text(MOMENT, zone, lang="id") == indonesian
    assert words.date_text(MOMENT, zone, lang="en") == english


def test_durations_are_told_both_ways(language: str) -> None:
    """A day and more is told in days and in hours; less, once; seconds only below an hour."""
    spans = [80 * 3600, 86_400, 3_600, 5_430, 61, 0, -90, 90_061]
    told = [words.duration_text(timedelta(seconds=span)) for span in spans]
    expected = {
        "id": [
            "3 hari 8 jam (80 jam)", "1 hari (24 jam)", "1 jam", "1 jam 30 menit",
            "1 menit 1 detik", "0 detik", "-1 menit 30 detik",
            "1 hari 1 jam 1 menit (25 jam 1 menit)",
        ],
        "en": [
            "3 days 8 hours (80 hours)", "1 day (24 hours)", "1 hour", "1 hour 30 minutes",
            "1 minute 1 second", "0 seconds", "-1 minute 30 seconds",
            "1 day 1 hour 1 minute (25 hours 1 minute)",
        ],
    }  # fmt: skip
    assert told == expected[language]


def test_sizes_have_one_digit_of_the_language(language: str) -> None:
    """Bytes are whole, larger units have one digit with the language's own comma."""
    told = [words.size_text(size) for size in (0, 999, 1_500_000, 2_000_000_000)]
    comma = {"id": "1,5 MB", "en": "1.5 MB"}[language]
    assert told == ["0 B", "999 B", comma, "2 GB"]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_translations_keep_their_fields(path: Path) -> None:
    """Every text of a catalogue is translated and has exactly the fields of its English form."""
    with path.open("rb") as file:
        catalogue = read_po(file)
    for message in catalogue:
        if message.id:
            assert message.string, f"{message.id!r} has no translation"
            fields = [
                sorted(name for _, name, _, _ in string.Formatter().parse(str(text)) if name)
                for text in (message.id, message.string)
            ]
            assert fields[0] == fields[1], message.id


@pytest.mark.parametrize(
    ("language", "count", "said"),
    [
        ("en", 1, "1 file, 2 kB"),
        ("en", 0, "0 files, 2 kB"),
        ("en", 250, "250 files, 2 kB"),
        ("id", 1, "1 berkas, 2 kB"),
        ("id", 250, "250 berkas, 2 kB"),
    ],
)
def test_counts_agree_with_their_nouns(
    tmp_path: Path, language: str, count: int, said: str
) -> None:
    """English tells one from many; Indonesian does not."""
    catalogue = 'msgid "{count} file, {size}"\nmsgstr "{count} berkas, {size}"\n\n'
    (tmp_path / "id.po").write_text(catalogue + catalogue.replace("file,", "files,"), "utf-8")
    words.choose({"LANG": language}, tmp_path)
    told = words.say_count("{count} file, {size}", "{count} files, {size}", count, size="2 kB")
    words.choose({})
    assert told == said


def test_queue_is_spelled_as_in_the_glossary() -> None:
    """The queue is `antrean`, never `antrian`."""
    for path in CATALOGUES:
        assert not re.search("antrian", path.read_text("utf-8"), re.IGNORECASE), path
