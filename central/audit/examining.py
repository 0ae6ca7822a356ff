"""Objects that differ, looked at one by one: what the ledger says, and the projection put right.

Owns the walk through a node's stored journals for some objects, and the unit that compares and
mends. Rules: the ledger's verified entries decide, never the node's word for its fields; what is
compared and what is mended is one transaction, at exactly the watermark up to which the ledger was
read; a ledger with damaged entries decides nothing. Leaves out finding the objects (`comparisons`)
and the SQL (`objects`, `mending`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from google.protobuf.message import Message

from central.audit.comparisons import later
from central.audit.mending import Mending, Told, Truth
from central.audit.objects import fields_in
from central.ledger.ledger import Ledger
from central.ledger.ports import Source
from lpse.federation import kinds
from lpse.federation.entries import decode_entry
from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    EXAMINATIONS_MAX,
    EXAMINED_OBJECTS_MAX,
    EXAMINED_RECORDS_MAX,
    SCAN_ROWS_PER_STEP,
)
from lpse.federation.merkle import leaf_hashes
from lpse.federation.state_objects import BLOB, OUTAGE, UPLOAD, Fields, ObjectKey, fold, touched
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.received import StoredEntry

_FROM_FIELDS = (UPLOAD, BLOB, OUTAGE)  # areas whose rows are made from fields, not from records


@dataclass(frozen=True, slots=True)
class Examined:
    """One object at the centre: before, as the ledger says, and after."""

    key: ObjectKey
    before: Fields | None
    truth: Fields | None
    after: Fields | None
    problem: str


@dataclass(slots=True)
class _Reading:
    """What was read of a node's journals so far, for some objects."""

    wanted: frozenset[ObjectKey]
    places: dict[bytes, int] = field(default_factory=dict)
    state: dict[ObjectKey, Fields] = field(default_factory=dict)
    told: dict[ObjectKey, list[Told]] = field(default_factory=dict)

    def take(self, node_id: str, epoch: bytes, rows: Sequence[StoredEntry]) -> None:
        """Fold some entries in; those that cannot be read are parked anyway, and passed over."""
        for row in rows:
            read = _read(node_id, epoch, row)
            if read is None:
                continue
            fold(self.state, read[1], self.wanted)
            for key in touched(read[1]):
                if key in self.wanted and key.area not in _FROM_FIELDS:
                    kept = self.told.setdefault(key, [])
                    kept.append(read)
                    del kept[:-EXAMINED_RECORDS_MAX]

    def truth(self, key: ObjectKey) -> Truth:
        """What the ledger says about one of them."""
        return Truth(self.state.get(key), self.told.get(key, ()))


class Examining:
    """See the module's first lines."""

    def __init__(self, database: Database, ledger: Ledger, mending: Mending, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._mending = mending
        self._clock = clock

    async def examine(self, node_id: str, keys: Sequence[ObjectKey]) -> list[Examined]:
        """Compare these objects with the ledger and project again what differs.

        Unavailable (FED-7075) where the journal grows faster than it can be read.
        """
        assert len(keys) <= EXAMINED_OBJECTS_MAX, "checked at the door"
        reading = _Reading(frozenset(keys))
        for _ in range(EXAMINATIONS_MAX):
            await self._read_on(node_id, reading)
            examined = await self._database.write(
                lambda tx: self._examine_in(tx, node_id, keys, reading)
            )
            if examined is not None:
                return examined
        raise later("FED-7075", "the node's journal is being projected now", 5.0)

    async def truths(self, node_id: str, keys: Sequence[ObjectKey]) -> dict[ObjectKey, Fields]:
        """What the ledger says about these objects, without looking at any projection."""
        reading = _Reading(frozenset(keys))
        await self._read_on(node_id, reading)
        return reading.state

    async def _read_on(self, node_id: str, reading: _Reading) -> None:
        for position in self._ledger.positions(node_id):
            applied = (await self._ledger.applied(node_id, position.epoch)).size
            place = reading.places.get(position.epoch, 0)
            while place < applied:
                limit = min(SCAN_ROWS_PER_STEP, applied - place)
                rows = await self._ledger.received.entries(node_id, position.epoch, place, limit)
                _check_whole(rows, place, limit)
                reading.take(node_id, position.epoch, rows)
                place = rows[-1].index + 1
                await self._clock.sleep(0)
            reading.places[position.epoch] = place

    def _examine_in(
        self, tx: Transaction, node_id: str, keys: Sequence[ObjectKey], reading: _Reading
    ) -> list[Examined] | None:
        """None where entries were projected since the ledger was read."""
        for epoch, place in reading.places.items():
            if self._ledger.store.watermark_in(tx, node_id, epoch) != place:
                return None
        return [self._one_in(tx, node_id, key, reading.truth(key)) for key in keys]

    def _one_in(self, tx: Transaction, node_id: str, key: ObjectKey, truth: Truth) -> Examined:
        before = fields_in(tx, node_id, key)
        if before == truth.fields:
            return Examined(key, before, truth.fields, before, "")
        problem = self._mending.mend_in(tx, node_id, key, truth)
        return Examined(key, before, truth.fields, fields_in(tx, node_id, key), problem)


def _check_whole(rows: Sequence[StoredEntry], place: int, limit: int) -> None:
    """Unavailable (FED-2428) where entries are gone or changed: they come back from the node."""
    whole = [row.index for row in rows] == list(range(place, place + limit))
    if not whole or leaf_hashes(row.data for row in rows) != [row.leaf_hash for row in rows]:
        raise later("FED-2428", "the journal is damaged here and is being healed", 600.0)


def _read(node_id: str, epoch: bytes, row: StoredEntry) -> tuple[Source, Message] | None:
    try:
        entry = decode_entry(row.data)
        record = kinds.record_of(entry.kind, entry.payload)
    except FederationError:
        return None
    if record is None:
        return None
    return Source(node_id, epoch, row.index, entry.record_time, entry.entry_id), record
