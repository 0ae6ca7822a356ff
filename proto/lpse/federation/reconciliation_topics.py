"""Which question an entry of the log asks or answers, so that one answer closes all who asked.

Owns the naming of questions. Rules: two findings ask the same question only if the same answer
settles both: which history of one epoch goes on, which national history a node holds, where good
bytes of a blob or of a side's journal are, what a field's value is, or the very same finding again;
a new fork, a new epoch or other evidence is a new question, and no clock has a say in it. Leaves
out the answers.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from lpse.federation.reconciliation_rules import RULES, needs_person
from lpse.federation.v1 import records_pb2 as records

_HISTORIES: Final = {
    "R-REGIONAL-FORKED",
    "R-CLONE-SUSPECT",
    "R-EPOCH-OLD",
    "R-HEARTBEAT-CONTRADICTED",
}
_NATIONAL: Final = {"R-NATIONAL-FORKED", "R-CENTRE-REWOUND"}
_BLOB: Final = "R-BLOB-"
_BUNDLE: Final = "R-BUNDLE-"
_STATE: Final = "R-STATE-"
_JOURNAL: Final = {"R-JOURNAL-DAMAGED", "R-JOURNAL-HEALED"}
_NOTHING: Final = b"{}"  # the evidence of a side that showed none


@dataclass(frozen=True, slots=True)
class Topic:
    """A question; `asks` or answers it, and whether an answer also holds for who asks later."""

    digest: bytes
    asks: bool
    lasting: bool


def topic(node_id: str, entry: records.ReconciliationEntry) -> Topic | None:
    """The question of an entry about this node; None where it neither asks nor answers one."""
    known = RULES.get(entry.rule)
    rule_id = known.id if known is not None else entry.rule
    asks = needs_person(entry)
    if rule_id in _HISTORIES and asks:
        return _named(node_id, "histories", _epoch(entry.node_evidence), asks=True, lasting=True)
    if rule_id == "R-EPOCH-CONTINUED":
        epoch = _epoch(entry.centre_evidence)
        return _named(node_id, "histories", epoch, asks=False, lasting=True)
    if rule_id in _NATIONAL and asks:
        return _named(node_id, "national", entry.node_evidence.hex(), asks=True, lasting=True)
    if rule_id.startswith(_BLOB) and entry.object.startswith("blob "):
        return _named(node_id, _BLOB, entry.object, asks=asks, lasting=False)
    if rule_id.startswith(_BUNDLE):  # the centre's own bytes, whichever node lets it notice
        return _named("", _BUNDLE, entry.object, asks=asks, lasting=False)
    if rule_id.startswith(_STATE):
        return _named(node_id, _STATE, entry.object, asks=asks, lasting=False)
    if rule_id in _JOURNAL and known is not None and known.name != "R-JOURNAL-DAMAGED/1":
        side = "centre" if entry.node_evidence == _NOTHING else "node"
        return _named(node_id, "journal", side, entry.object, asks=asks, lasting=False)
    if not asks:
        return None
    sides = entry.node_evidence.hex(), entry.centre_evidence.hex()
    return _named(node_id, rule_id, entry.object, *sides, asks=True, lasting=True)


def _named(node_id: str, *parts: str, asks: bool, lasting: bool) -> Topic:
    text = json.dumps([node_id, *parts], ensure_ascii=False)
    return Topic(hashlib.sha256(text.encode("utf-8", "replace")).digest(), asks, lasting)


def _epoch(evidence: bytes) -> str:
    """The epoch that a side showed; evidence without one stands for itself."""
    try:
        said = json.loads(evidence)
    except (ValueError, RecursionError):
        return evidence.hex()
    epoch = said.get("epoch") if isinstance(said, dict) else None
    return epoch if isinstance(epoch, str) else evidence.hex()
