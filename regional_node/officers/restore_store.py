"""Officers made again from own entries, and the signatures that were used: all their SQL.

Rules: restoring twice has the effect of once (Invariant 3); a person who was added again meanwhile
stays as that was done, and it is told; a signature that came back counts as used. Leaves out which
entry comes here.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.entries import moment
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros
from regional_node.restored import DONE, KEPT_BOTH, Note, Restored, RestoredEntry

_OTHER: Final = Note(KEPT_BOTH, "a person was registered twice with another key or role")


def added_in(tx: Transaction, entry: RestoredEntry) -> Restored:
    """A person."""
    record = entry.record
    assert isinstance(record, records.OfficerAdded)
    by = record.act.actor if record.HasField("act") else ""
    fresh = tx.run(
        "INSERT INTO officers (name, role, signing_key, added_by, create_time, revoke_reason)"
        " VALUES (?, ?, ?, ?, ?, '') ON CONFLICT DO NOTHING",
        (record.officer, record.role, record.signing_key, by, to_micros(entry.record_time)),
    )
    if fresh:
        return DONE
    rows = tx.execute("SELECT role, signing_key FROM officers WHERE name = ?", (record.officer,))
    same = (rows[0][0], bytes(rows[0][1])) == (record.role, record.signing_key)
    return DONE if same else Restored(notes=(_OTHER,))


def revoked_in(tx: Transaction, entry: RestoredEntry) -> Restored:
    """The end of a person's rights: it stands, whatever was done since."""
    record = entry.record
    assert isinstance(record, records.OfficerRevoked)
    tx.run(
        "UPDATE officers SET revoke_time = ?, revoke_reason = ? WHERE name = ?"
        " AND revoke_time IS NULL",
        (to_micros(entry.record_time), record.reason, record.officer),
    )
    return DONE


def used_in(tx: Transaction, act: SignedAct) -> None:
    """A signature counts once, also across a loss."""
    tx.run(
        "INSERT INTO officer_acts (signature, act_time) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (act.signature, to_micros(moment(act.act_time))),
    )
