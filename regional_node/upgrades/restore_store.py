"""Attempts of upgrades and their steps made again from own entries: all their SQL.

Rules: restoring twice has the effect of once (Invariant 3); what came back is history: it is never
the attempt that the node works on, because what is on the disk decides that. Leaves out which entry
comes here.

Not restored: the slots of an attempt, which are names on a disk that may be another one.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.entries import moment
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros
from regional_node.restored import DONE, Restored, RestoredEntry
from regional_node.upgrades.rules import FINAL, Reason, State

_STATE_PREFIX: Final = "UPGRADE_STATE_"
_HOLD_PREFIX: Final = "HOLD_REASON_"


def stepped_in(tx: Transaction, entry: RestoredEntry) -> Restored:
    """One step: the first one of an attempt begins it."""
    record = entry.record
    assert isinstance(record, records.UpgradeStepped)
    state = State(records.UpgradeState.Name(record.state).removeprefix(_STATE_PREFIX))
    reason, detail = _reason_of(record)
    held = to_micros(moment(record.hold_until_time)) if record.HasField("hold_until_time") else None
    step_time = to_micros(moment(record.step_time))
    attempt = _attempt_in(tx, record)
    if attempt is not None and _has_step_in(tx, attempt, state, step_time):
        return DONE
    if attempt is None or state is State.RECEIVED:
        attempt = _begin_in(tx, record, step_time)
    tx.run(
        "UPDATE upgrade_attempts SET state = ?, reason = ?, detail = ?, hold_until = ?,"
        " changed_time = ?, active = CASE WHEN ? THEN 0 ELSE active END"
        " WHERE attempt = ? AND changed_time <= ?",
        (
            state.value,
            reason,
            detail,
            held,
            step_time,
            int(state in FINAL),
            attempt,
            step_time,
        ),
    )
    tx.run(
        "INSERT INTO upgrade_steps (attempt, step, state, reason, detail, hold_until, record_time,"
        " journal_index) SELECT ?1, COUNT(*), ?2, ?3, ?4, ?5, ?6, ?7 FROM upgrade_steps"
        " WHERE attempt = ?1",
        (attempt, state.value, reason, detail, held, step_time, entry.index),
    )
    return DONE


def moved_in(tx: Transaction, entry: RestoredEntry) -> None:
    """The entry of a step stands elsewhere now."""
    record = entry.record
    if isinstance(record, records.UpgradeStepped):
        attempt = _attempt_in(tx, record)
        state = records.UpgradeState.Name(record.state).removeprefix(_STATE_PREFIX)
        tx.run(
            "UPDATE upgrade_steps SET journal_index = ? WHERE attempt = ? AND state = ?"
            " AND record_time = ?",
            (entry.index, attempt, state, to_micros(moment(record.step_time))),
        )


def _reason_of(record: records.UpgradeStepped) -> tuple[str, str]:
    """Holds carry their reason as an enum, failures in front of the detail."""
    if record.hold_reason:
        name = records.HoldReason.Name(record.hold_reason).removeprefix(_HOLD_PREFIX)
        return (name if name in Reason.__members__ else ""), record.detail
    word, mark, rest = record.detail.partition(": ")
    if mark and word in Reason.__members__:
        return word, rest
    return "", record.detail


def _attempt_in(tx: Transaction, record: records.UpgradeStepped) -> int | None:
    """The newest attempt of that release in that rollout."""
    rows = tx.execute(
        "SELECT attempt FROM upgrade_attempts WHERE rollout = ? AND version = ?"
        " AND (bundle_digest = ? OR ? = x'') ORDER BY attempt DESC LIMIT 1",
        (record.rollout, record.to_version, record.bundle_digest, record.bundle_digest),
    )
    return int(rows[0][0]) if rows else None


def _has_step_in(tx: Transaction, attempt: int, state: State, step_time: int) -> bool:
    return bool(
        tx.execute(
            "SELECT 1 FROM upgrade_steps JOIN upgrade_attempts USING (attempt)"
            " WHERE attempt <= ? AND upgrade_steps.state = ? AND record_time = ?",
            (attempt, state.value, step_time),
        )
    )


def _begin_in(tx: Transaction, record: records.UpgradeStepped, step_time: int) -> int:
    rows = tx.execute(
        "INSERT INTO upgrade_attempts (rollout, version, from_version, bundle_digest,"
        " bundle_bytes, state, reason, detail, hold_until, from_slot, to_slot, received_time,"
        " changed_time, active) VALUES (?, ?, ?, ?, ?, ?, '', '', NULL, '', '', ?, ?, 0)"
        " RETURNING attempt",
        (
            record.rollout,
            record.to_version,
            record.from_version,
            record.bundle_digest,
            record.bundle_bytes,
            State.RECEIVED.value,
            step_time,
            step_time,
        ),
    )
    return int(rows[0][0])
