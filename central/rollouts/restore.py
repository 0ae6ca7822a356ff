"""Rollouts, taken up again from national entries that came back to a restored centre.

Rule: waves and states are as published; what nodes reported since the backup comes back with their
own journals (the ledger) and is projected as ever. Leaves out that projection (`store`).
"""

from __future__ import annotations

from central.national.restoring import Handler, Returned
from central.plans.restore import applied_in
from lpse.federation.errors import NotFound
from lpse.federation.v1 import directives_pb2 as directives
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros


def handlers() -> dict[str, Handler]:
    """By kind."""
    return {
        "rollout.applied": _applied_in,
        "rollout.wave_opened": _wave_opened_in,
        "rollout.state_changed": _state_changed_in,
    }


def _applied_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.RolloutApplied)
    applied_in(tx, record.plan_digest, record.rollout)
    if tx.execute("SELECT 1 FROM rollouts WHERE name = ?", (record.rollout,)):
        return
    moment = to_micros(entry.record_time)
    tx.run(
        "INSERT INTO rollouts (name, record, state, reason, changed_by, apply_time,"
        " change_time) VALUES (?, ?, ?, ?, '', ?, ?)",
        (
            record.rollout,
            record.SerializeToString(deterministic=True),
            directives.ROLLOUT_STATE_RUNNING,
            record.reason,
            moment,
            moment,
        ),
    )
    number = _number_in(tx, record.rollout)
    tx.many(
        "INSERT INTO rollout_nodes (rollout, node_id, wave_index) VALUES (?, ?, ?)",
        [
            (number, node_id, index)
            for index, wave in enumerate(record.waves)
            for node_id in wave.node_ids
        ],
    )


def _wave_opened_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.RolloutWaveOpened)
    tx.run(
        "INSERT INTO rollout_waves (rollout, wave_index, open_time)"
        " VALUES (?, ?, ?) ON CONFLICT (rollout, wave_index) DO NOTHING",
        (_number_in(tx, record.rollout), record.wave_index, to_micros(entry.record_time)),
    )


def _state_changed_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.RolloutStateChanged)
    tx.run(
        "UPDATE rollouts SET state = ?, reason = ?, changed_by = ?, change_time = ? WHERE name = ?",
        (
            record.state,
            record.reason,
            record.changed_by,
            to_micros(entry.record_time),
            record.rollout,
        ),
    )


def _number_in(tx: Transaction, name: str) -> int:
    rows = tx.execute("SELECT rollout FROM rollouts WHERE name = ?", (name,))
    if not rows:
        raise NotFound("FED-6207", f"there is no rollout {name}")
    return int(rows[0][0])
