"""What is decided about a damaged copy: pure.

Owns the decision as the reconciliation log keeps it. Rules: bytes are
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
from lpse.federation.reconciliation_findings import blob_rule
from lpse.federation.reconciliation_rules import PERSON as A_PERSON
from lpse.federation.reconciliation_rules import entry
from lpse.federation.v1 import records_pb2 as records

OWN: Final = "OWN"  # the side of a finding: this node's copy
OTHER: Final = "OTHER"  # the side of a finding: the centre's copy

FETCHED: Final = "fetched from the centre, digest re-read from disk"
WHOLE_AGAIN: Final = "whole again, digest re-read from disk"
SENT_AGAIN: Final = "sent again, digest re-read from disk"
PERSON: Final = f"no good copy found, {A_PERSON}"

_MISSING: Final = "MISSING"
_SIDES: Final = {OWN: "node", OTHER: "centre"}


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
    mine, theirs = (one.found, "") if one.side == OWN else ("", one.found)
    told = entry(
        blob_rule(_SIDES[one.side], missing=one.found == _MISSING),
        f"blob {one.digest.hex()}",
        _evidence(one, mine),
        _evidence(one, theirs),
        outcome,
        1,
        found=one.found.lower(),
    )
    if outcome != PERSON:
        told.hash_after = one.digest
    elif one.cause:
        told.reason = f"{told.reason}; {one.cause}"
    return told


def wait_seconds(attempts: int) -> float:
    """Until the next attempt after so many: doubled each time, up to the limit."""
    doubled = SCRUB_RETRY_SECONDS_FIRST * 2.0 ** min(attempts, 30)
    return float(min(doubled, SCRUB_RETRY_SECONDS_MAX))


def _evidence(one: Damage, found: str) -> bytes:
    said = {"found": found or None, "size_bytes": one.size_bytes}
    if found:
        said["find_time"] = one.find_time.isoformat()
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
