"""Older entries, read into the audit's projection once: a centre may be older than it.

Rules: journal by journal, in the order in which they were met; rows and place move in one
transaction, and the last unit of a journal ends at its watermark, so that the projection takes over
without a gap. Leaves out new entries (`store.AuditProjection`).
"""

from __future__ import annotations

from central.audit.store import OWN_AREAS, Backlog, BacklogStore, advance_in, take_in
from central.ledger.ledger import Ledger
from lpse.federation import kinds
from lpse.federation.entries import decode_entry
from lpse.federation.errors import FederationError
from lpse.federation.limits import PROJECTION_ENTRIES_MAX
from lpse.federation.state_objects import touched
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction


class BacklogWorker:
    """See the module's first lines; ends when nothing is left."""

    def __init__(
        self, database: Database, ledger: Ledger, backlog: BacklogStore, clock: Clock
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._backlog = backlog
        self._clock = clock

    async def step(self) -> bool:
        """Read some entries; False when none are left."""
        one = await self._backlog.next()
        if one is None:
            return False
        await self._database.write(lambda tx: self._read_in(tx, one))
        return True

    async def run(self) -> None:
        """Until nothing is left, giving way to everybody."""
        while await self.step():
            await self._clock.sleep(0)

    def _read_in(self, tx: Transaction, one: Backlog) -> None:
        watermark = self._ledger.store.watermark_in(tx, one.node_id, one.epoch)
        limit = min(PROJECTION_ENTRIES_MAX, watermark - one.place)
        rows = self._ledger.received.entries_in(tx, one.node_id, one.epoch, one.place, limit)
        for row in rows:
            _take_in(tx, one.node_id, row.data)
        place = rows[-1].index + 1 if rows else watermark
        advance_in(tx, one, place, whole=place >= watermark)


def _take_in(tx: Transaction, node_id: str, data: bytes) -> None:
    try:
        entry = decode_entry(data)
        record = kinds.record_of(entry.kind, entry.payload)
    except FederationError:
        return  # parked, and visible there
    if record is not None:
        keys = [key for key in touched(record) if key.area in OWN_AREAS]
        take_in(tx, node_id, keys, record)
