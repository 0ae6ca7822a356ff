"""One run as the centre keeps it: the row, and how it is read.

Leaves out the table (`store`), its names (`names_store`) and its index (`entries_store`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Row

RUN_COLUMNS: Final = "id, name, node_id, epoch, idx, record_time, record, party"


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """One run with its place in the journal of who wrote it; `name` finds it alone."""

    id: int
    name: str
    node_id: str
    epoch: bytes
    index: int
    record_time: str
    record: records.ReconciliationRecorded
    party: str  # whose journal holds it, if not the node's own

    @property
    def writer(self) -> str:
        """The party whose journal holds the record."""
        return self.party or self.node_id


def run_row(row: Row) -> ReconciliationRow:
    """A row of RUN_COLUMNS, with the record's own name."""
    number, name, node_id, epoch, index, moment, data, party = row
    record = records.ReconciliationRecorded.FromString(data)
    return ReconciliationRow(number, name, node_id, epoch, index, moment, record, party)
