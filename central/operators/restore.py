"""Operators, taken up again from national entries that came back to a restored centre.

Rule: what the entry says happened, so nothing is checked again and nothing is published; taking an
entry up twice has the effect of once. Leaves out everything that needs a caller (`service`).
"""

from __future__ import annotations

from central.national.restoring import Handler, Returned
from lpse.federation.v1 import directives_pb2 as directives
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros


def handlers() -> dict[str, Handler]:
    """By kind."""
    return {"operator.added": _added_in, "operator.revoked": _revoked_in}


def _added_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.OperatorAdded)
    moment = to_micros(entry.record_time)
    tx.run(
        "INSERT INTO operators (name, role, signing_key, added_by, create_time, revoke_time,"
        " revoked_by, revoke_reason) VALUES (?, ?, ?, ?, ?, NULL, '', '')"
        " ON CONFLICT (name) DO NOTHING",
        (record.operator, record.role, record.signing_key, record.added_by, moment),
    )
    # The invitation was spent: nobody redeems it a second time.
    tx.run(
        "UPDATE enrolment_codes SET state = 'USED', use_time = ?, signing_key = ?"
        " WHERE subject_kind = 'operator' AND subject = ? AND state = 'OPEN'",
        (moment, record.signing_key, record.operator),
    )


def _revoked_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.OperatorRevoked)
    tx.run(
        "UPDATE operators SET revoke_time = ?, revoked_by = ?, revoke_reason = ?"
        " WHERE name = ? AND revoke_time IS NULL",
        (to_micros(entry.record_time), record.revoked_by, record.reason, record.operator),
    )
