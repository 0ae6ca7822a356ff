"""SPSE versions: the grammar refuses everything else, and the order is total."""

import itertools
import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.errors import FederationError
from lpse.federation.versions import SpseVersion, VersionError, parse_version

VECTORS = json.loads((Path(__file__).parent / "vectors" / "versions.json").read_text("utf-8"))
ASCENDING = VECTORS["ascending"]

versions = st.builds(
    SpseVersion,
    st.integers(0, 9999),
    st.integers(0, 9999),
    st.integers(0, 9999),
    st.none() | st.dates(date(2000, 1, 1), date(2099, 12, 31)),
)


@pytest.mark.parametrize("vector", ASCENDING, ids=[vector["text"] for vector in ASCENDING])
def test_canonical_text(vector: dict[str, str]) -> None:
    """A version is written in one way only, and that way reads as the same version."""
    version = parse_version(vector["text"])
    assert str(version) == vector["canonical"]
    assert parse_version(str(version)) == version


def test_golden_order_is_total() -> None:
    """Every listed version is smaller than every later one, whichever way they are compared."""
    parsed = [parse_version(vector["text"]) for vector in ASCENDING]
    for lower, higher in itertools.combinations(parsed, 2):
        assert lower < higher and lower <= higher and higher > lower and higher >= lower
        assert lower != higher and not higher < lower and not lower >= higher
    backwards = parsed[::-1]
    assert sorted(backwards) == parsed


@pytest.mark.parametrize(
    "spellings", VECTORS["equal"], ids=[group[0] for group in VECTORS["equal"]]
)
def test_spellings_of_one_version_are_equal(spellings: list[str]) -> None:
    """A leading v and a patch of 0 say nothing: equal, same hash, same text."""
    assert len({parse_version(text) for text in spellings}) == 1
    assert len({str(parse_version(text)) for text in spellings}) == 1


@pytest.mark.parametrize("text", VECTORS["refused"], ids=ascii)
def test_anything_else_is_refused(text: str) -> None:
    """A text outside the grammar is an error with a code, never a guess."""
    with pytest.raises(VersionError) as caught:
        parse_version(text)
    assert caught.value.code == "FED-4010"
    assert caught.value.remedy


def test_over_long_text_is_refused_and_not_echoed_whole() -> None:
    """A megabyte of digits is refused by its length and does not come back in the message."""
    with pytest.raises(VersionError) as caught:
        parse_version("3." + "1" * 1_000_000)
    assert "longer than" in caught.value.message
    assert len(str(caught.value)) < 300


@given(st.text(max_size=40))
def test_no_text_crashes_the_grammar(text: str) -> None:
    """Every text is either a version that reads back or a refusal with a code."""
    try:
        version = parse_version(text)
    except FederationError as error:
        assert error.code == "FED-4010"
    else:
        assert parse_version(str(version)) == version
        assert text.isascii()


@given(versions)
def test_every_version_reads_back(version: SpseVersion) -> None:
    """The canonical text of any version parses to that version."""
    assert parse_version(str(version)) == version


@given(versions, versions, versions)
def test_order_is_transitive_and_agrees_with_equality(
    one: SpseVersion, two: SpseVersion, three: SpseVersion
) -> None:
    """Exactly one of smaller, equal and greater holds, and sorting never contradicts itself."""
    assert (one < two) + (one == two) + (one > two) == 1
    low, middle, high = sorted([one, two, three])
    assert low <= middle <= high and low <= high
