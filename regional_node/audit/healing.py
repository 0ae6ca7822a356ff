"""The node's side of objects that differ: what its tables hold, what its journal says, put back.

Owns the walk through the own journal for some objects. Rules: tables and journal are compared at
one and the same entry; a row that is gone is put back by its area's own handler, inside one
transaction; a row that is there is never overwritten (`rules`). Leaves out the centre's side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lpse.federation import kinds
from lpse.federation.entries import decode_entry
from lpse.federation.errors import FederationError, Unavailable
from lpse.federation.limits import (
    EXAMINATION_PAUSE_SECONDS,
    EXAMINATIONS_MAX,
    EXAMINED_RECORDS_MAX,
)
from lpse.federation.state_objects import Fields, ObjectKey, canonical, fold, touched
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal
from lpse.storage.journal_store import EntryRow
from regional_node.audit.objects import fields_in
from regional_node.restored import RestoredEntry


class Rebuilding(Protocol):
    """Who puts own entries back into the tables of their areas (recovery)."""

    def restore_in(self, tx: Transaction, entry: RestoredEntry) -> object:
        """Take an entry into the tables again; the same entry twice has the effect of once."""

    def restored(self) -> None:
        """What came back is durable: workers look at their tables again."""


@dataclass(frozen=True, slots=True)
class OwnLook:
    """Some objects at one place of the own journal."""

    epoch: bytes
    size: int
    keys: frozenset[ObjectKey]
    fields: dict[ObjectKey, Fields]
    truth: dict[ObjectKey, Fields]

    def fields_of(self, key: ObjectKey | None) -> bytes:
        """What the tables hold; empty for nothing."""
        return _bytes(self.fields, key)

    def truth_of(self, key: ObjectKey) -> bytes:
        """What the journal says; empty for nothing."""
        return _bytes(self.truth, key)


@dataclass(slots=True)
class _Reading:
    """The own journal, read for some objects."""

    wanted: frozenset[ObjectKey]
    places: dict[bytes, int] = field(default_factory=dict)
    state: dict[ObjectKey, Fields] = field(default_factory=dict)
    told: list[RestoredEntry] = field(default_factory=list)

    def take(self, epoch: bytes, rows: Sequence[EntryRow]) -> None:
        """Fold some entries in."""
        for row in rows:
            entry = decode_entry(row.data)
            record = kinds.record_of(entry.kind, entry.payload)
            if record is None or self.wanted.isdisjoint(touched(record)):
                continue
            fold(self.state, record, self.wanted)
            self.told.append(
                RestoredEntry(
                    epoch, row.index, entry.kind, record, entry.entry_id, entry.record_time
                )
            )
            del self.told[:-EXAMINED_RECORDS_MAX]


class Healing:
    """See the module's first lines; without `rebuilding` people are asked."""

    def __init__(
        self, database: Database, journal: Journal, rebuilding: Rebuilding | None, clock: Clock
    ) -> None:
        self._database = database
        self._journal = journal
        self._rebuilding = rebuilding
        self._clock = clock

    async def look(self, keys: Sequence[ObjectKey]) -> OwnLook:
        """Tables and journal at one place; Unavailable (FED-7079) where it grows too fast."""
        reading = _Reading(frozenset(keys))
        for _ in range(EXAMINATIONS_MAX):
            epoch, size = await self._read_on(reading)
            fields = await self._database.read(lambda tx: fields_in(tx, keys))
            # Rows and entries are one commit: no entry since means no row since.
            if (self._journal.epoch, self._journal.head.size) == (epoch, size):
                return OwnLook(epoch, size, reading.wanted, fields, dict(reading.state))
        raise Unavailable("FED-7079", "the own journal grows faster than it can be read")

    async def put_back(self, key: ObjectKey) -> bytes:
        """Have the area's handler put a lost row back; the fields afterwards."""
        reading = _Reading(frozenset([key]))
        await self._read_on(reading)
        rebuilding = self._rebuilding
        held = await self._database.read(lambda tx: fields_in(tx, [key]))
        if held or rebuilding is None or key not in reading.state:
            return _bytes(held, key)

        def work(tx: Transaction) -> None:
            for entry in reading.told:
                rebuilding.restore_in(tx, entry)

        try:
            await self._database.write(work)
        except FederationError:
            return b""
        rebuilding.restored()
        return await self._come_back(key)

    async def _come_back(self, key: ObjectKey) -> bytes:
        """Some rows are made by the area's own worker, a moment after it was woken."""
        for _ in range(EXAMINATIONS_MAX):
            held = await self._database.read(lambda tx: fields_in(tx, [key]))
            if held:
                break
            await self._clock.sleep(EXAMINATION_PAUSE_SECONDS)
        return _bytes(held, key)

    async def _read_on(self, reading: _Reading) -> tuple[bytes, int]:
        """Read every epoch to its end as of now; the present epoch and how far it was read."""
        present, size = self._journal.epoch, self._journal.head.size
        for row in await self._journal.epochs():
            ended = row.epoch != present
            last = (await self._journal.newest_head(row.epoch)).size if ended else size
            place = reading.places.get(row.epoch, 0)
            while place < last:
                rows = await self._journal.entries(place, last, epoch=row.epoch)
                if not rows:
                    break
                reading.take(row.epoch, rows)
                place = rows[-1].index + 1
                await self._clock.sleep(0)
            reading.places[row.epoch] = place
        return present, size


def _bytes(held: dict[ObjectKey, Fields], key: ObjectKey | None) -> bytes:
    fields = held.get(key) if key is not None else None
    return b"" if fields is None else canonical(fields)
