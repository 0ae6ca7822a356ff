"""Which rule applies to a single finding, from its facts in the record alone.

Owns the choice between rules for stored bytes (whose copy, missing or damaged) and for differing
fields (who decides about them); every other finding has one rule, whose id it carries. Rule: facts
are what the entry shows as evidence, words and outcome, so the choice can be repeated from the
record. Leaves out the words of the rules (`reconciliation_rules`) and the finding itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from lpse.federation.errors import Refused
from lpse.federation.limits import JOURNAL_ENTRIES_MAX
from lpse.federation.reconciliation_rules import Authority, authority, fill, rule
from lpse.federation.reconciliation_sets import Sets
from lpse.federation.v1 import records_pb2 as records

METHOD: Final = "findings"

Entry = records.ReconciliationEntry
Finding = records.ReconciliationFinding

_BLOB: Final = "blob"
_BLOB_RULES: Final = {
    ("node", True): "R-BLOB-NODE-MISSING",
    ("node", False): "R-BLOB-NODE-DAMAGED",
    ("centre", True): "R-BLOB-CENTRE-MISSING",
    ("centre", False): "R-BLOB-CENTRE-DAMAGED",
}
_RETURNED: Final = ("R-TAIL-RETURNED", "R-MACHINE-RECOVERED")
CENTRE_DIFFERS: Final = "state.centre_differs"  # from what the owner's journal gives
NODE_DIFFERS: Final = "state.node_differs"
UNSETTLED: Final = "state.unsettled"  # no journal gives the value
_STATE_RULES: Final = {
    CENTRE_DIFFERS: "R-STATE-CENTRE-REBUILT",
    NODE_DIFFERS: "R-STATE-NODE-REBUILT",
    UNSETTLED: "R-STATE-DIFFERENT",
}
_SITUATIONS: Final = {
    **dict.fromkeys(_BLOB_RULES.values(), _BLOB),
    **{rule_id: situation for situation, rule_id in _STATE_RULES.items()},
}


def blob_rule(side: str, *, missing: bool) -> str:
    """The rule for a copy of sealed bytes; `side` is "node" or "centre"."""
    return _BLOB_RULES[side, missing]


def state_rule(field: str, situation: str) -> str:
    """The rule for a differing field: without an owner, or a journal of the owner's, a person."""
    if authority(field) not in (Authority.NODE, Authority.CENTRE):
        return _STATE_RULES[UNSETTLED]
    return _STATE_RULES[situation]


def finding_of(entry: Entry) -> Finding:
    """What the record keeps beside the entry, so that its rule can be chosen again."""
    rule_id = entry.rule.partition("/")[0]
    return Finding(
        situation=_SITUATIONS.get(rule_id, rule_id),
        field=entry.words.get("field", ""),
        detail=_detail(entry),
    )


def name_findings(record: records.ReconciliationRecorded) -> None:
    """Write the inputs of a run of findings, one for each of its entries."""
    record.inputs.method = METHOD
    del record.inputs.findings[:]
    record.inputs.findings.extend(finding_of(one) for one in record.entries)


def sets_of_recovery(entries: Sequence[Entry]) -> Sets | None:
    """The sets of a run that ended a recovery, from its entries; None for any other run.

    The centre's history up to the agreed head, what of it came back, and the branch kept beside it.
    """
    rows = {one.rule.partition("/")[0]: one for one in entries}
    continued = rows.get("R-EPOCH-CONTINUED")
    if continued is None:
        return None
    returned = sum(rows[name].count for name in _RETURNED if name in rows)
    kept = rows["R-BRANCH-KEPT"].count if "R-BRANCH-KEPT" in rows else 0
    centre = max(returned, _size(continued.centre_evidence))
    sets = Sets()
    sets.add_branches(centre - returned + kept, centre, common=centre - returned)
    return sets


def decide_again(finding: Finding, facts: Entry) -> Entry:
    """The entry with rule, classification and reason chosen anew; its facts stay.

    Refused (FED-7011) where the facts do not suffice, KeyError where this program knows no such
    rule.
    """
    chosen = rule(_rule_id(finding, facts))
    decided = Entry()
    decided.CopyFrom(facts)
    decided.rule = chosen.name
    decided.classification = chosen.classification
    try:
        said = fill(chosen.reason_en, facts)
    except KeyError as error:
        raise _insufficient(f"the words of {chosen.name} are not in the record") from error
    decided.reason = f"{said}; {finding.detail}" if finding.detail else said
    return decided


def _rule_id(finding: Finding, facts: Entry) -> str:
    if finding.situation == _BLOB:
        return _blob_from_evidence(facts)
    if finding.situation in _STATE_RULES:
        return state_rule(finding.field, finding.situation)
    return finding.situation


def _blob_from_evidence(facts: Entry) -> str:
    node, centre = _found(facts.node_evidence), _found(facts.centre_evidence)
    if bool(node) == bool(centre):
        raise _insufficient("the evidence does not say whose copy was found")
    side = "node" if node else "centre"
    return blob_rule(side, missing=(node or centre) == "MISSING")


def _found(evidence: bytes) -> str:
    found = _said(evidence).get("found")
    return found if isinstance(found, str) else ""


def _size(evidence: bytes) -> int:
    size = _said(evidence).get("size")
    return size if isinstance(size, int) and 0 <= size <= JOURNAL_ENTRIES_MAX else 0


def _said(evidence: bytes) -> dict[str, Any]:
    try:
        said = json.loads(evidence)
    except (ValueError, RecursionError) as error:
        raise _insufficient("the evidence is not readable") from error
    return said if isinstance(said, dict) else {}


def _detail(entry: Entry) -> str:
    """What the decider said behind the words of the rule."""
    try:
        said = fill(rule(entry.rule).reason_en, entry)
    except KeyError:
        return ""
    return entry.reason.removeprefix(said).removeprefix("; ")


def _insufficient(detail: str) -> Refused:
    return Refused("FED-7011", f"the decision cannot be taken again: {detail}")
