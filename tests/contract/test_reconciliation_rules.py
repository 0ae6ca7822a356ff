"""The table of rules: complete, in both languages, without a clock."""

from __future__ import annotations

import ast
import inspect
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse.federation import reconciliation_link, reconciliation_rules
from lpse.federation.reconciliation_findings import (
    CENTRE_DIFFERS,
    NODE_DIFFERS,
    UNSETTLED,
    blob_rule,
    state_rule,
)
from lpse.federation.reconciliation_rules import (
    CURRENT,
    DEFAULTS,
    FIELD_AUTHORITY,
    RULES,
    TABLE,
    Authority,
    Choice,
    Decision,
    Rule,
    authority,
    choices,
    default_rule,
    entry,
    evidence,
    needs_person,
    reason_of,
    rule,
)
from lpse.federation.v1 import records_pb2 as records

EVERY = (*TABLE, *DEFAULTS)
CLASSIFICATIONS = [one for one in records.Classification.values() if one]
ROOT = Path(__file__).resolve().parents[2]


def _braces(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(
    "value",
    [one for one in records.Classification.values() if one],
    ids=records.Classification.Name,
)
def test_every_classification_has_keep_both_and_ask_as_its_default(value: int) -> None:
    """What no rule covers is kept on both sides, and a person is asked."""
    rule_of = default_rule(records.Classification.ValueType(value))
    assert rule_of.decision is Decision.ASK
    assert rule_of.needs_person
    assert rule_of.classification == value


def test_names_are_unique_and_versions_have_no_gaps() -> None:
    """One id and version is one row, and older versions stay in the table."""
    assert len(RULES) == len(EVERY)
    for rule_id, current in CURRENT.items():
        versions = {one.version for one in EVERY if one.id == rule_id}
        assert versions == set(range(1, current.version + 1))


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_every_rule_speaks_both_languages_of_the_same_things(one: Rule) -> None:
    """Both texts exist, differ, and are filled by the same found words."""
    assert one.reason_en != one.reason_id
    assert _braces(one.reason_id) <= _braces(one.reason_en) | {"count"}
    assert one.decision.english
    assert one.decision.indonesian


@pytest.mark.parametrize("one", [rule for rule in EVERY if rule.version > 1], ids=lambda r: r.name)
def test_a_new_version_changes_the_decision_or_the_words(one: Rule) -> None:
    """A version that repeats the former one would hide what has changed."""
    former = RULES[f"{one.id}/{one.version - 1}"]
    assert (one.decision, one.reason_en, one.classification) != (
        former.decision,
        former.reason_en,
        former.classification,
    )


def test_agreement_alone_needs_nothing() -> None:
    """A match asks nobody, and nothing else is passed over as if it were one."""
    match = records.CLASSIFICATION_MATCH
    for one in TABLE:
        assert (one.decision is Decision.NOTHING) == (one.classification == match)


def test_no_rule_reads_time() -> None:
    """No wall-clock winner: neither table nor choice of a rule knows a moment or an age."""
    for module in (
        reconciliation_rules.table,
        reconciliation_rules.authority,
        reconciliation_rules.entries,
        reconciliation_link,
    ):
        source = inspect.getsource(inspect.getmodule(module) or module)
        for word in ("datetime", "_time", "newest", "wall(", "import time"):
            assert word not in source, (module, word)


def test_each_field_has_one_owner_and_a_strange_field_has_none() -> None:
    """The node owns schedules and uploads; the centre releases, declarations, calendars."""
    assert authority("package.schedule") is Authority.NODE
    assert authority("upload.commitment") is Authority.NODE
    assert authority("release.contents") is Authority.CENTRE
    assert authority("outage.declared") is Authority.CENTRE
    assert authority("calendar.national") is Authority.CENTRE
    assert authority("blob.bytes") is Authority.DIGEST
    assert authority("weather") is None
    assert set(FIELD_AUTHORITY.values()) == set(Authority)


def test_a_field_without_an_owner_is_put_before_a_person() -> None:
    """Only an owner's journal settles a difference."""
    assert state_rule("upload.commitment", CENTRE_DIFFERS) == "R-STATE-CENTRE-REBUILT"
    assert state_rule("release.contents", NODE_DIFFERS) == "R-STATE-NODE-REBUILT"
    for field, situation in (("weather", CENTRE_DIFFERS), ("upload.commitment", UNSETTLED)):
        assert rule(state_rule(field, situation)).needs_person


def test_an_entry_takes_its_words_from_the_table() -> None:
    """Classification, version and reason cannot be chosen by the decider."""
    one = entry("R-NATIONAL-BEHIND", "national 3..6", b"", b"", "received", 4)
    assert one.rule == "R-NATIONAL-BEHIND/1"
    assert one.classification == records.CLASSIFICATION_MISSING_AT_NODE
    assert one.reason == "the centre published 4 entries while the node was away"
    assert reason_of(one, "id") == "Pusat menerbitkan 4 entri selama simpul terputus"
    assert reason_of(one, "en") == one.reason


def test_what_was_added_to_a_reason_survives_its_translation() -> None:
    """A cause behind the rule's words is kept as it was recorded."""
    one = entry(blob_rule("node", missing=True), "blob", b"", b"", "", 1, found="missing")
    one.reason += "; FED-7402 nobody has it"
    assert reason_of(one, "id").endswith("missing; FED-7402 nobody has it")


@pytest.mark.parametrize("damage", ["R-FROM-THE-FUTURE/1", "R-DIRECTIVE-LATE/1"])
def test_a_rule_of_a_newer_program_is_shown_as_it_is(damage: str) -> None:
    """Unknown rules and missing words never hide what was recorded."""
    one = records.ReconciliationEntry(rule=damage, reason="as it came {", outcome="kept")
    assert reason_of(one, "id") == "as it came {"
    assert not needs_person(one)
    one.outcome = "kept, a person must look"
    assert needs_person(one)


def test_evidence_keeps_its_limit_and_its_small_facts() -> None:
    """Invariant 12: the longest fact gives way, the others stay."""
    assert evidence(size=3, note="x" * 1_000) == b'{"size":3}'


def _calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield node


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.parametrize("folder", ["central", "regional_node", "proto/lpse"])
def test_no_decider_words_its_own_decisions(folder: str) -> None:
    """Every entry of the log takes rule, classification and reason from the table."""
    own = ROOT / "proto/lpse/federation/reconciliation_rules/entries.py"
    worded = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != own and not path.stem.endswith(("_pb2", "_pb2_grpc"))
        for call in _calls(path)
        if _name(call) == "ReconciliationEntry" and call.keywords
    ]
    assert not worded


def test_every_rule_that_a_decider_names_stands_in_the_table() -> None:
    """A finding is never lost to a misspelt rule."""
    named = {
        node.value: path.name
        for folder in ("central", "regional_node", "proto/lpse")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"R-[A-Z][A-Z-]*[A-Z](/\d+)?", node.value)
    }
    assert not {name: file for name, file in named.items() if name not in {*CURRENT, *RULES}}


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_choices_are_offered_where_a_person_is_asked(one: Rule) -> None:
    """A question has answers, agreement has none; two histories are settled at the centre alone."""
    words = dict.fromkeys(_braces(RULES[CURRENT[one.id].name].reason_en) - {"count"}, "x")
    told = entry(one.id, "object", b"{}", b"{}", "", 1, **words)
    told.rule = one.name
    at_centre, at_node = choices(told, at_centre=True), choices(told, at_centre=False)
    assert bool(at_centre) == bool(at_node) == one.needs_person
    assert not {Choice.CONTINUE_STORED, Choice.CONTINUE_OFFERED} & set(at_node)
    if one.id in {"R-REGIONAL-FORKED", "R-CLONE-SUSPECT", "R-EPOCH-OLD"}:
        assert {Choice.CONTINUE_STORED, Choice.CONTINUE_OFFERED} <= set(at_centre)
