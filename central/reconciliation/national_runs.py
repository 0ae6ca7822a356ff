"""What the centre itself wrote about reconciliations, taken into the log.

Owns the cursor with which the log follows the national journal: runs that the centre recorded, and
resolutions by persons. Rule: what is read and the cursor move in one transaction, so that each
entry counts once (Invariant 3). Leaves out writing such entries (`recorder`, `resolutions`).
"""

from __future__ import annotations

from typing import Final

from central.ledger.ports import Source
from central.reconciliation import entries_store
from central.reconciliation.store import ReconciliationStore
from lpse.federation.entries import decode_entry
from lpse.federation.errors import Unavailable
from lpse.federation.kinds import record_of
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal
from lpse.storage.journal_store import EntryRow

_NAME: Final = "national"
_STEP: Final = 256  # entries of the national journal that one transaction takes
_PAUSE_SECONDS: Final = 5.0  # after a disk that was full or busy


class NationalRuns:
    """See the module's first lines; `step` takes some entries, `run` goes on for ever."""

    def __init__(
        self, database: Database, journal: Journal, store: ReconciliationStore, clock: Clock
    ) -> None:
        self._database = database
        self._journal = journal
        self._store = store
        self._clock = clock

    async def step(self) -> bool:
        """Take some entries; False when the log is at the end of the national journal."""
        epoch, first = self._journal.epoch, await self._database.read(self._next_in)
        rows = await self._journal.entries(first, min(first + _STEP, self._journal.head.size))
        if rows:
            await self._database.write(lambda tx: self._take_in(tx, epoch, rows))
        return bool(rows)

    async def run(self) -> None:
        """Follow the national journal, until cancelled."""
        while True:
            try:
                while await self.step():
                    pass
                await self._journal.wait_beyond(await self._database.read(self._next_in))
            except Unavailable:
                await self._clock.sleep(_PAUSE_SECONDS)

    def _next_in(self, tx: Transaction) -> int:
        rows = tx.execute(
            "SELECT next FROM recon_cursors WHERE name = ? AND epoch = ?",
            (_NAME, self._journal.epoch),
        )
        return int(rows[0][0]) if rows else 0

    def _take_in(self, tx: Transaction, epoch: bytes, rows: list[EntryRow]) -> None:
        for row in rows:
            self._take_entry_in(tx, epoch, row)
        tx.run(
            "INSERT INTO recon_cursors (name, epoch, next) VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, next = excluded.next",
            (_NAME, epoch, rows[-1].index + 1),
        )

    def _take_entry_in(self, tx: Transaction, epoch: bytes, row: EntryRow) -> None:
        if not row.kind.startswith("reconciliation."):
            return
        entry = decode_entry(row.data)
        match record_of(entry.kind, entry.payload):
            case records.ReconciliationRecorded() as run:
                about = Source(run.node_id, epoch, row.index, entry.record_time, entry.entry_id)
                self._store.keep_in(tx, about, run, self._journal.party)
            case records.ReconciliationResolved() as resolved:
                by = f"{self._journal.party} {resolved.resolution}"
                entries_store.resolve_in(tx, resolved, epoch, by)
            case _:
                pass
