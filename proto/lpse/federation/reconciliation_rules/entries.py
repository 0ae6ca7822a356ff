"""Rows of the log, made from the table: the one way in which a decision gets its words.

Rule: classification, rule, version and reason of an entry come from the table, never from the
decider; what was found fills the words in braces and is kept beside the reason, so that it can be
told in the reader's language. Leaves out which rule applies (each decider) and the rows of the
table (`table`).
"""

from __future__ import annotations

import json
from typing import Final

from lpse.federation.checkpoints import Head
from lpse.federation.limits import RECONCILIATION_EVIDENCE_BYTES_MAX
from lpse.federation.reconciliation_rules.table import DEFAULTS, TABLE
from lpse.federation.reconciliation_rules.words import Rule
from lpse.federation.v1 import records_pb2 as records

PERSON: Final = "a person must look"  # an outcome that ends so waits for one, whatever the rule
ACTOR: Final = "rule"
# A run that had nothing to decide is one line of the log as well: found, counted, exported so.
NOTHING_DECIDED: Final = records.ReconciliationEntry(classification=records.CLASSIFICATION_MATCH)

RULES: Final = {one.name: one for one in (*TABLE, *DEFAULTS)}
CURRENT: Final = {one.id: one for one in sorted((*TABLE, *DEFAULTS), key=lambda rule: rule.version)}
_DEFAULT: Final = {one.classification: one for one in DEFAULTS}


def rule(name: str) -> Rule:
    """By id the version in force, by id/version exactly that one; KeyError for an unknown rule."""
    return RULES[name] if "/" in name else CURRENT[name]


def default_rule(classification: records.Classification.ValueType) -> Rule:
    """What holds where no rule covers a finding: keep both and ask."""
    return _DEFAULT[classification]


def entry(
    rule_id: str,
    subject: str,
    node_evidence: bytes,
    centre_evidence: bytes,
    outcome: str,
    count: int,
    **words: str,
) -> records.ReconciliationEntry:
    """One decision about `subject`; an empty outcome takes the rule's own words."""
    chosen = rule(rule_id)
    return records.ReconciliationEntry(
        object=subject,
        classification=chosen.classification,
        rule=chosen.name,
        reason=chosen.reason_en.format(count=count, **words),
        outcome=outcome or chosen.decision.english,
        node_evidence=node_evidence,
        centre_evidence=centre_evidence,
        count=count,
        actor=ACTOR,
        words=words,
    )


def needs_person(one: records.ReconciliationEntry) -> bool:
    """Whether the decision waits for a person; a later resolution may have closed it."""
    known = RULES.get(one.rule)
    return (known is not None and known.needs_person) or one.outcome.endswith(PERSON)


def reason_of(one: records.ReconciliationEntry, language: str) -> str:
    """The reason in Indonesian ("id") where the rule and its words are known, else as recorded."""
    known = RULES.get(one.rule)
    if language != "id" or known is None:
        return one.reason
    try:
        said = fill(known.reason_id, one)
        again = fill(known.reason_en, one)
    except KeyError:
        return one.reason
    rest = one.reason.removeprefix(again)
    return f"{said}{rest}" if one.reason.startswith(again) else one.reason


def fill(text: str, one: records.ReconciliationEntry) -> str:
    """A rule's text with what the entry found; KeyError where the entry lacks a word."""
    return text.format_map({**one.words, "count": str(one.count)})


def evidence(**facts: object) -> bytes:
    """One side's evidence as canonical JSON; a fact that would make it too long is left out."""
    kept = dict(facts)
    while True:
        data = json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()
        if len(data) <= RECONCILIATION_EVIDENCE_BYTES_MAX or not kept:
            return data
        del kept[max(kept, key=lambda name: len(str(kept[name])))]


def head_evidence(head: Head | None) -> bytes:
    """A head as evidence."""
    if head is None:
        return evidence(head=None)
    return evidence(epoch=head.epoch.hex(), size=head.size, root=head.root.hex())
