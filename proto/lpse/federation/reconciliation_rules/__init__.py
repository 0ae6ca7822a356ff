"""The rules by which reconciliation decides: one table, who owns which field, rows made from it.

`table` is what a lawyer reads; `authority` says whose journal settles a field; `entries` makes rows
of the log from the table; `choices` says what a person may answer. Everything is used through this
package. Leaves out finding differences.
"""

from __future__ import annotations

from lpse.federation.reconciliation_rules.authority import FIELD_AUTHORITY, Authority, authority
from lpse.federation.reconciliation_rules.choices import (
    Choice,
    check_choice,
    check_correction,
    choices,
)
from lpse.federation.reconciliation_rules.entries import (
    ACTOR,
    CURRENT,
    NOTHING_DECIDED,
    PERSON,
    RULES,
    default_rule,
    entry,
    evidence,
    fill,
    head_evidence,
    needs_person,
    reason_of,
    rule,
)
from lpse.federation.reconciliation_rules.table import DEFAULTS, TABLE
from lpse.federation.reconciliation_rules.words import Decision, Rule

__all__ = [
    "ACTOR",
    "CURRENT",
    "DEFAULTS",
    "FIELD_AUTHORITY",
    "NOTHING_DECIDED",
    "PERSON",
    "RULES",
    "TABLE",
    "Authority",
    "Choice",
    "Decision",
    "Rule",
    "authority",
    "check_choice",
    "check_correction",
    "choices",
    "default_rule",
    "entry",
    "evidence",
    "fill",
    "head_evidence",
    "needs_person",
    "reason_of",
    "rule",
]
