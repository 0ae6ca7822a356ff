"""The newest recovery of each node, as the centre's own findings tell it.

Owns writing the table `recon_recoveries`, which the fleet shows. Rules: it is told from the same
transaction as the finding, also where the finding is only counted; the same recovery keeps the time
at which it was noticed first. Leaves out who acknowledged it (resolutions).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros

_RULE: Final = "R-RECOVERY-NOTICED/"


def note_in(
    tx: Transaction, node_id: str, entries: Sequence[records.ReconciliationEntry], now: datetime
) -> None:
    """Remember what these findings say about recoveries of the node."""
    for one in entries:
        if one.rule.startswith(_RULE):
            tx.run(
                "INSERT INTO recon_recoveries (node_id, object, notice_time, machine)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (node_id) DO UPDATE SET"
                " object = excluded.object, notice_time = excluded.notice_time,"
                " machine = excluded.machine WHERE object <> excluded.object"
                " AND notice_time <= excluded.notice_time",
                (node_id, one.object, to_micros(now), one.node_evidence),
            )
