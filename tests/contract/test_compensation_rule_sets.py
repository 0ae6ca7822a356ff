"""Rule sets: strict reading, the built-in one, couplings and the stages they arrange."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from lpse.federation.documents import DocumentError
from lpse.federation.errors import NotFound
from lpse.federation.rule_sets import (
    BUILT_IN,
    Counting,
    Coupling,
    DayKind,
    RuleSet,
    built_in,
    parse_rule_set,
)
from lpse.federation.stages import ScheduleError, Stage, arrange

DOCUMENT: dict[str, Any] = {
    "id": "example-2026",
    "citation": "Example",
    "effective_from": "2026-01-01",
    "counting": "started_24h",
    "day_kind": "working",
    "end_on_working_day": ["Upload Dokumen Penawaran"],
    "min_usable_hours": 6,
    "compensable_stages": ["Upload Dokumen Penawaran", "Masa Sanggah"],
    "couplings": [{"stage": "Masa Sanggah", "follows": "Pengumuman Pemenang"}],
}


def stage(name: str, start: int, end: int) -> Stage:
    return Stage(
        name,
        datetime(2015, 3, 1, start, tzinfo=UTC),
        datetime(2015, 3, 1, end, tzinfo=UTC),
    )


def test_built_in_rules_of_2015() -> None:
    """`perka-1-2015` counts touched calendar dates, and every stage ends on a working day."""
    rules = built_in("perka-1-2015")
    assert rules.counting is Counting.TOUCHED_DAYS
    assert rules.day_kind is DayKind.CALENDAR
    assert rules.must_end_on_working_day("Masa Sanggah")
    assert rules.is_compensable("Masa Sanggah")
    assert rules.min_usable_hours == 0
    assert rules.couplings is None
    assert "Nomor 1 Tahun 2015" in rules.citation


def test_unknown_built_in_is_not_found() -> None:
    """A rule set that does not ship with the program is named as missing, with those that do."""
    with pytest.raises(NotFound) as caught:
        built_in("perka-2-2015")
    assert caught.value.code == "FED-4042"
    assert "perka-1-2015" in caught.value.remedy


def test_whole_document_is_read() -> None:
    """Every field of the document arrives in the rule set."""
    assert parse_rule_set(DOCUMENT) == RuleSet(
        id="example-2026",
        citation="Example",
        counting=Counting.STARTED_24H,
        day_kind=DayKind.WORKING,
        end_on_working_day=("Upload Dokumen Penawaran",),
        min_usable_hours=6,
        compensable_stages=("Upload Dokumen Penawaran", "Masa Sanggah"),
        effective_from=date(2026, 1, 1),
        couplings=(Coupling("Masa Sanggah", "Pengumuman Pemenang"),),
    )


@pytest.mark.parametrize(
    "rules", [*BUILT_IN.values(), parse_rule_set(DOCUMENT)], ids=lambda r: r.id
)
def test_document_form_reads_back(rules: RuleSet) -> None:
    """Writing a rule set and reading it gives the same rule set."""
    assert parse_rule_set(rules.document()) == rules


def test_absent_and_empty_couplings_differ() -> None:
    """Absent: the order of the stages decides. Empty: no stage follows another."""
    without = {key: value for key, value in DOCUMENT.items() if key != "couplings"}
    assert parse_rule_set(without).couplings is None
    assert parse_rule_set(without | {"couplings": None}).couplings is None
    assert parse_rule_set(without | {"couplings": []}).couplings == ()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"min_usable_hour": 1}, "FED-4002", "min_usable_hours"),
        ({"countng": "exact"}, "FED-4002", "counting"),
        ({"xyz": 1}, "FED-4002", "known keys"),
        ({"id": "a b"}, "FED-4001", "identifier"),
        ({"id": ""}, "FED-4001", "empty"),
        ({"citation": None}, "FED-4001", "null"),
        ({"counting": "days"}, "FED-4001", "touched_days"),
        ({"counting": "Exact"}, "FED-4001", "exact"),
        ({"day_kind": "business"}, "FED-4001", "working"),
        ({"end_on_working_day": "yes"}, "FED-4001", "true, false"),
        ({"end_on_working_day": 1}, "FED-4001", "true, false"),
        ({"end_on_working_day": ["A", "A"]}, "FED-4001", "twice"),
        ({"end_on_working_day": [""]}, "FED-4001", "empty"),
        ({"compensable_stages": "some"}, "FED-4001", '"all"'),
        ({"compensable_stages": True}, "FED-4001", '"all"'),
        ({"min_usable_hours": -1}, "FED-4004", "from 0"),
        ({"min_usable_hours": True}, "FED-4001", "whole number"),
        ({"min_usable_hours": 1.5}, "FED-4001", "whole number"),
        ({"min_usable_hours": 10**9}, "FED-4004", "from 0"),
        ({"effective_from": "2026-13-01"}, "FED-4001", "date"),
        ({"couplings": {}}, "FED-4001", "list"),
        ({"couplings": [{"stage": "A"}]}, "FED-4003", "follows"),
        ({"couplings": [{"stage": "A", "follows": "A"}]}, "FED-4001", "itself"),
        (
            {"couplings": [{"stage": "A", "follows": "B"}, {"stage": "A", "follows": "C"}]},
            "FED-4001",
            "two others",
        ),
    ],
    ids=str,
)
def test_wrong_rule_sets_are_refused(change: dict[str, Any], code: str, words: str) -> None:
    """A rule set that is not understood to the last key is refused, with a suggestion."""
    with pytest.raises(DocumentError) as caught:
        parse_rule_set(DOCUMENT | change)
    assert caught.value.code == code
    assert words in str(caught.value)


@pytest.mark.parametrize("key", sorted(set(DOCUMENT) - {"effective_from", "couplings"}))
def test_missing_keys_are_refused(key: str) -> None:
    """Only the effective date and the couplings may be left out."""
    with pytest.raises(DocumentError) as caught:
        parse_rule_set({name: value for name, value in DOCUMENT.items() if name != key})
    assert caught.value.code == "FED-4003"
    assert key in caught.value.message


def test_stage_follows_the_last_listed_one_that_ended() -> None:
    """Without couplings the order of the list decides, not the latest end."""
    stages = [stage("a", 0, 5), stage("b", 0, 3), stage("c", 5, 8), stage("d", 2, 4)]
    assert arrange(stages, None).follows == (None, None, 1, None)


def test_moment_at_the_end_follows_the_stage_that_ends_there() -> None:
    """A stage of one moment may follow the stage it ends together with."""
    arrangement = arrange([stage("a", 0, 5), stage("b", 5, 5)], None)
    assert arrangement.follows == (None, 0)
    assert arrangement.groups == ((0, 1),)


def test_couplings_that_name_absent_stages_bind_nobody() -> None:
    """One rule set serves packages with different stages."""
    couplings = [Coupling("a", "nowhere"), Coupling("nowhere", "a")]
    assert arrange([stage("a", 0, 5), stage("b", 6, 7)], couplings).follows == (None, None)


@pytest.mark.parametrize(
    "couplings",
    [
        [Coupling("a", "b"), Coupling("b", "a")],
        [Coupling("a", "b"), Coupling("b", "c"), Coupling("c", "a")],
        # a ends with b, and each of the two pairs waits for the other
        [Coupling("a", "c"), Coupling("d", "b")],
    ],
    ids=["two", "three", "through-equal-ends"],
)
def test_stages_that_follow_in_a_circle_are_refused(couplings: list[Coupling]) -> None:
    """A circle has no first stage to compute; it is refused, not walked for ever."""
    stages = [stage("a", 0, 5), stage("b", 1, 5), stage("c", 2, 6), stage("d", 3, 6)]
    with pytest.raises(ScheduleError) as caught:
        arrange(stages, couplings)
    assert caught.value.code == "FED-4052"


def test_unusable_stages_are_refused() -> None:
    """An end before the start and two stages of one name are no schedule."""
    with pytest.raises(ScheduleError) as backwards:
        stage("a", 5, 4)
    assert backwards.value.code == "FED-4050"
    with pytest.raises(ScheduleError) as twins:
        arrange([stage("a", 0, 1), stage("a", 2, 3)], None)
    assert twins.value.code == "FED-4051"
