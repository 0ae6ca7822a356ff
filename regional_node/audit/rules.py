"""What is decided about an object on which both sides differ: pure.

Rules: the node's own journal says what its objects are, so a centre that differs projects again; a
row that is gone at the node is put back from its own journal; a row of the node that contradicts
its journal is never overwritten by a program, for deadlines and receipts hang on it: both are kept
and a person is asked. Leaves out finding differences (`comparing`) and healing (`healing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from lpse.federation.limits import RECONCILIATION_ENTRIES_MAX
from lpse.federation.reconciliation_rules import PERSON, entry, evidence
from lpse.federation.reconciliation_sets import Sets
from lpse.federation.state_objects import (
    BLOB,
    DECLARED,
    OUTAGE,
    PACKAGE,
    ROLLOUT,
    UPLOAD,
    ObjectKey,
)
from lpse.federation.v1 import records_pb2 as records

_FIELD: Final = {
    UPLOAD: "upload.commitment",
    BLOB: "upload.size",
    PACKAGE: "package.schedule",
    OUTAGE: "outage.measured",
    DECLARED: "directive.applied",
    ROLLOUT: "upgrade.state",
}
_PROJECTED: Final = "projected again from the ledger"
_PUT_BACK: Final = "put back from the own journal"


@dataclass(frozen=True, slots=True)
class Look:
    """One object on both sides; canonical fields, empty where it is not there."""

    key: ObjectKey
    truth: bytes  # as the own journal says
    node_before: bytes
    node_after: bytes
    centre_before: bytes
    centre_after: bytes
    problem: str = ""  # why the centre could not project it again

    @property
    def differs(self) -> bool:
        """Whether a side was wrong; an object that moved while it was looked at is not."""
        return self.node_before != self.truth or self.centre_before != self.truth

    @property
    def healed(self) -> bool:
        """Whether both sides are right now."""
        return self.node_after == self.truth == self.centre_after


@dataclass(frozen=True, slots=True)
class Compared:
    """What a whole comparison found."""

    objects: int  # at the node
    digest: bytes  # of all of them at the node
    looks: Sequence[Look]  # those that differ
    left: int = 0  # differing objects that no run had room for


def decide(
    compared: Compared, rows_max: int = RECONCILIATION_ENTRIES_MAX
) -> list[records.ReconciliationEntry]:
    """The rows of the run, in the order in which they were found; one row when nothing differs."""
    if not compared.looks and not compared.left:
        proof = evidence(objects=compared.objects, digest=compared.digest.hex())
        return [entry("R-STATE-EQUAL", "state", proof, proof, "", compared.objects)]
    found = [one for look in compared.looks for one in _entries(look)]
    if compared.left:
        found.append(_left(compared.left))
    if len(found) <= rows_max:
        return found
    kept = found[: rows_max - 1]
    return [*kept, _left(compared.left + len(found) - len(kept))]


def sets_of(compared: Compared) -> Sets:
    """The set algebra over objects as they were before anything was healed."""
    only_node = sum(1 for one in compared.looks if one.node_before and not one.centre_before)
    only_centre = sum(1 for one in compared.looks if one.centre_before and not one.node_before)
    neither = sum(1 for one in compared.looks if not one.centre_before and not one.node_before)
    different = len(compared.looks) - only_node - only_centre - neither
    both = compared.objects - only_node - different
    union = compared.objects + only_centre
    return Sets(both, only_node, only_centre, different, union)


def _entries(one: Look) -> list[records.ReconciliationEntry]:
    rows = []
    if one.centre_before != one.truth:
        mended = one.centre_after == one.truth
        rule = "R-STATE-CENTRE-REBUILT" if mended else "R-STATE-DIFFERENT"
        outcome = _PROJECTED if mended else f"{one.problem or 'not projected'}; {PERSON}"
        rows.append(_entry(rule, one, outcome, one.centre_after if mended else b""))
    if one.node_before != one.truth:
        mended = one.node_after == one.truth
        rule = "R-STATE-NODE-REBUILT" if mended else "R-STATE-DIFFERENT"
        outcome = _PUT_BACK if mended else f"both kept; {PERSON}"
        rows.append(_entry(rule, one, outcome, one.node_after if mended else b""))
    return rows


def _entry(rule: str, one: Look, outcome: str, after: bytes) -> records.ReconciliationEntry:
    row = entry(
        rule,
        f"{one.key.area} {one.key.name}",
        _evidence(one.node_before, one.truth),
        _evidence(one.centre_before, one.truth),
        outcome,
        1,
        field=_FIELD[one.key.area],
    )
    if after:
        row.hash_after = sha256(after).digest()
    return row


def _evidence(held: bytes, truth: bytes) -> bytes:
    return evidence(
        held=held.decode() or None,
        held_digest=sha256(held).hexdigest() if held else None,
        journal=truth.decode() or None,
        journal_digest=sha256(truth).hexdigest() if truth else None,
    )


def _left(count: int) -> records.ReconciliationEntry:
    nothing = evidence()
    return entry(
        "R-STATE-DIFFERENT",
        f"{count} further objects",
        nothing,
        nothing,
        "taken up by the next audit",
        count,
        field="further objects",
    )
