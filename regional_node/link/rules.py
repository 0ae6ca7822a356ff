"""Decisions of the link at the node, without a clock, a disk or a wire.

Owns what a Welcome shows about the centre's national journal, how much may be in flight, and the
phases that people see. Rule: a centre that shows less than, or something else than, what this node
holds is contradicted and changes nothing here (Invariant 5). Leaves out the frames.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpse.federation.checkpoints import Agreement
from lpse.federation.limits import BATCH_BYTES_MAX, BATCH_ENTRIES_MAX
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import node_pb2 as api

Phase = api.LinkPhase
T = records.ReconciliationTrigger

NATIONAL_RELATION = {
    Agreement.IN_SYNC: "equal",
    Agreement.BEHIND: "behind",
    Agreement.AHEAD: "rewound",
    Agreement.FORKED: "forked",
    Agreement.OTHER_EPOCH: "forked",
}


def contradicts(agreement: Agreement) -> str:
    """Say "rewound" or "forked" where the centre contradicts the copy; empty where it does not."""
    relation = NATIONAL_RELATION[agreement]
    return relation if relation in ("rewound", "forked") else ""


@dataclass(frozen=True, slots=True)
class InFlight:
    """What was sent and is not acknowledged, and what the centre grants."""

    credit_entries: int
    credit_bytes: int
    entries: int
    bytes: int


def may_send(state: InFlight) -> bool:
    """Whether a whole batch fits; smaller pieces would only make more signatures to verify."""
    return (
        state.entries + BATCH_ENTRIES_MAX <= state.credit_entries
        and state.bytes + BATCH_BYTES_MAX <= state.credit_bytes
    )


def choose_trigger(*, demanded: bool, ever_connected: bool, new_epoch: bool) -> T.ValueType:
    """Why the next run is started."""
    if not ever_connected:
        return T.RECONCILIATION_TRIGGER_ENROLMENT
    if new_epoch:
        return T.RECONCILIATION_TRIGGER_RESTORE
    if demanded:
        return T.RECONCILIATION_TRIGGER_DEMAND
    return T.RECONCILIATION_TRIGGER_RECONNECT


@dataclass(frozen=True, slots=True)
class PhaseFacts:
    """What decides the phase that an officer sees."""

    paused: bool
    present: bool
    refused: bool
    quarantined: bool
    queue_entries: int
    national_behind: int


def phase(facts: PhaseFacts) -> Phase.ValueType:
    """One word for one moment."""
    if facts.paused:
        return Phase.LINK_PHASE_PAUSED
    if not facts.present:
        return Phase.LINK_PHASE_REFUSED if facts.refused else Phase.LINK_PHASE_DISCONNECTED
    if facts.quarantined:
        return Phase.LINK_PHASE_QUARANTINED
    if facts.queue_entries or facts.national_behind:
        return Phase.LINK_PHASE_CATCHING_UP
    return Phase.LINK_PHASE_CONNECTED
