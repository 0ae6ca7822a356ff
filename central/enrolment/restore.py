"""Nodes' keys, taken up again from national entries that came back to a restored centre.

Rules: the newest key of a node is the one that counts, earlier ones stay known; a code that was
spent cannot be redeemed again; until the node renews, its certificate counts as ending when it
would have. Leaves out certificates themselves: nodes kept theirs, and the CA is in its own folder.
"""

from __future__ import annotations

from datetime import timedelta

from central.national.restoring import Handler, Returned
from lpse.federation.v1 import directives_pb2 as directives
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros


def handlers(certificate_seconds: int) -> dict[str, Handler]:
    """By kind; `certificate_seconds` is the life that the centre gives to nodes' certificates."""
    life = timedelta(seconds=certificate_seconds)
    return {
        "node.enrolled": lambda tx, entry: _enrolled_in(tx, entry, life),
        "node.revoked": _revoked_in,
        "quarantine.released": _released_in,
    }


def _enrolled_in(tx: Transaction, entry: Returned, life: timedelta) -> None:
    record = entry.record
    assert isinstance(record, directives.NodeEnrolled)
    moment = to_micros(entry.record_time)
    if tx.execute("SELECT 1 FROM node_bindings WHERE signing_key = ?", (record.signing_key,)):
        return
    tx.run(
        "UPDATE node_bindings SET revoke_time = ?, revoke_reason = 'followed by a new key'"
        " WHERE node_id = ? AND revoke_time IS NULL",
        (moment, record.node_id),
    )
    tx.run(
        "INSERT INTO node_bindings (signing_key, node_id, province, zone, enrol_time,"
        " certificate_expire_time, revoke_time, revoked_by, revoke_reason)"
        " VALUES (?, ?, ?, ?, ?, ?, NULL, '', '')",
        (
            *(record.signing_key, record.node_id, record.province, record.zone, moment),
            to_micros(entry.record_time + life),
        ),
    )
    tx.run(
        "UPDATE enrolment_codes SET state = 'USED', use_time = ?, signing_key = ?"
        " WHERE subject_kind = 'node' AND subject = ? AND state = 'OPEN'",
        (moment, record.signing_key, record.node_id),
    )


def _revoked_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.NodeRevoked)
    tx.run(
        "UPDATE node_bindings SET revoke_time = ?, revoked_by = ?, revoke_reason = ?"
        " WHERE node_id = ? AND revoke_time IS NULL",
        (to_micros(entry.record_time), record.revoked_by, record.reason, record.node_id),
    )


def _released_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.QuarantineReleased)
    tx.run("DELETE FROM link_quarantines WHERE node_id = ?", (record.node_id,))
