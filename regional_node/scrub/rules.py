"""What is decided about a damaged copy: pure.

Owns the rules with their ids, and the decision as the reconciliation log keeps it. Rules: bytes are
good only if they have the digest that the receipt names, whoever holds them; where nobody has good
bytes the entry says that a person must look, and a later look may still heal it. Leaves out
finding and healing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lpse.federation.limits import SCRUB_RETRY_SECONDS_FIRST, SCRUB_RETRY_SECONDS_MAX
from lpse.federation.v1 import records_pb2 as records

C = records.Classification
OWN: Final = "OWN"  # the side of a finding: this node's copy
OTHER: Final = "OTHER"  # the side of a finding: the centre's copy

FETCHED: Final = "fetched from the centre, digest re-read from disk"
WHOLE_AGAIN: Final = "whole again, digest re-read from disk"
SENT_AGAIN: Final = "sent again, digest re-read from disk"
PERSON: Final = "no good copy found, a person must look"

_MISSING: Final = "MISSING"
_RULES: Final = {
    (OWN, True): ("R-BLOB-NODE-MISSING/1", C.CLASSIFICATION_MISSING_AT_NODE),
    (OWN, False): ("R-BLOB-NODE-DAMAGED/1", C.CLASSIFICATION_CORRUPT),
    (OTHER, True): ("R-BLOB-CENTRE-MISSING/1", C.CLASSIFICATION_MISSING_AT_CENTRE),
    (OTHER, False): ("R-BLOB-CENTRE-DAMAGED/1", C.CLASSIFICATION_CORRUPT),
}
_REASONS: Final = {
    OWN: "the node re-read its own copy and found it {found}",
    OTHER: "the centre re-read its copy and found it {found}",
}


@dataclass(frozen=True, slots=True)
class Damage:
    """A copy that is not what its digest says: whose, how it was found, and what was tried."""

    digest: bytes
    side: str
    size_bytes: int
    found: str
    find_time: datetime
    cause: str = ""


def decision(one: Damage, outcome: str) -> records.ReconciliationEntry:
    """One row of the log, with what each side's copy is known to be."""
    rule, classification = _RULES[one.side, one.found == _MISSING]
    reason = _REASONS[one.side].format(found=one.found.lower())
    healed = outcome != PERSON
    mine, theirs = (one.found, "") if one.side == OWN else ("", one.found)
    return records.ReconciliationEntry(
        object=f"blob {one.digest.hex()}",
        classification=classification,
        rule=rule,
        reason=f"{reason}; {one.cause}" if one.cause and not healed else reason,
        outcome=outcome,
        node_evidence=_evidence(one, mine),
        centre_evidence=_evidence(one, theirs),
        count=1,
        actor="rule",
        hash_after=one.digest if healed else b"",
    )


def wait_seconds(attempts: int) -> float:
    """Until the next attempt after so many: doubled each time, up to the limit."""
    doubled = SCRUB_RETRY_SECONDS_FIRST * 2.0 ** min(attempts, 30)
    return float(min(doubled, SCRUB_RETRY_SECONDS_MAX))


def _evidence(one: Damage, found: str) -> bytes:
    said = {"found": found or None, "size_bytes": one.size_bytes}
    if found:
        said["find_time"] = one.find_time.isoformat()
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
