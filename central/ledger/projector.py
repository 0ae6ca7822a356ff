"""Projects stored regional entries into the areas' read models.

Owns the order of work: journals that have entries above their watermark are taken in turn, a
bounded number of entries per unit. Rules: projection and watermark are one transaction
(Invariant 3); an entry that cannot be read, has an unknown kind or makes a projection raise is
parked with its reason and the rest goes on (Invariant 10); so is one whose bytes were damaged or
are gone, until they are healed: nothing is projected that no signed head covers. Leaves out what is
projected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message
from structlog.typing import FilteringBoundLogger

from central.ledger.ports import OnAdvance, Projection, Source
from central.ledger.store import LedgerStore, Parked
from lpse.federation import kinds
from lpse.federation.entries import DecodedEntry, decode_entry
from lpse.federation.errors import FederationError, Unavailable
from lpse.federation.limits import PROJECTION_ENTRIES_MAX, PROJECTION_JOURNALS_MAX
from lpse.federation.merkle import leaf_hash
from lpse.runtime.clock import Clock
from lpse.runtime.logs import origin_of
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.received import ReceivedJournals, StoredEntry

Journal = tuple[str, bytes]  # node id and epoch
_DAMAGED: Final = "its bytes were damaged or lost here; it is projected as soon as they are healed"


class NotApplicable(Exception):
    """An entry is set aside: the reason is for people and holds nothing of the entry."""

    def __init__(self, kind: str, reason: str, *, unknown_kind: bool = False) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.unknown_kind = unknown_kind


@dataclass(frozen=True, slots=True)
class Progress:
    """What one unit did."""

    applied: int
    parked: int
    more: bool


class Projector:
    """See the module's first lines; `step` does one round, `run` goes on for ever."""

    def __init__(
        self,
        database: Database,
        received: ReceivedJournals,
        projections: Sequence[Projection],
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._database = database
        self._received = received
        self._projections = tuple(projections)
        self._store = LedgerStore(database)
        self._clock = clock
        self._log = log
        self._waiting: dict[Journal, None] = {}  # a dict keeps the order of arrival
        self._wake = asyncio.Event()
        self._on_advance: list[OnAdvance] = []

    def on_advance(self, callback: OnAdvance) -> None:
        """Tell `callback` (node id, epoch) whenever a watermark has moved."""
        self._on_advance.append(callback)

    def notice(self, node_id: str, epoch: bytes) -> None:
        """That journal has new entries."""
        self._waiting[(node_id, epoch)] = None
        self._wake.set()

    async def open(self) -> None:
        """Take up what an earlier run left, and what this program has learnt to read."""
        for one in await self._store.backlog():
            self.notice(one.node_id, one.epoch)
        await self.replay(unknown_only=True)

    async def step(self) -> bool:
        """Project some entries of every waiting journal; False when nothing waits."""
        taken = list(self._waiting)[:PROJECTION_JOURNALS_MAX]
        for journal in taken:
            del self._waiting[journal]
        if taken:
            await asyncio.gather(*(self._advance(journal) for journal in taken))
        return bool(self._waiting)

    async def run(self) -> None:
        """Project whatever comes, until cancelled."""
        while True:
            self._wake.clear()
            if not await self.step():
                await self._wake.wait()

    async def replay(self, *, node_id: str = "", unknown_only: bool = False) -> tuple[int, int]:
        """Project parked entries again: (applied now, still parked)."""
        applied = parked = 0
        after: tuple[str, bytes, int] | None = None
        while listed := await self._store.parked(
            node_id=node_id,
            after=after,
            limit=PROJECTION_ENTRIES_MAX,
            unknown_only=unknown_only,
        ):
            last = listed[-1]
            after = (last.node_id, last.epoch, last.index)
            done = await self._replay(listed)
            applied += done
            parked += len(listed) - done
            for one in {(one.node_id, one.epoch): None for one in listed}:
                self._tell(one)
        return applied, parked

    async def _replay(self, listed: list[Parked]) -> int:
        return await self._database.write(
            lambda tx: sum(self._replay_in(tx, one) for one in listed)
        )

    async def _advance(self, journal: Journal) -> None:
        try:
            progress = await self._database.write(lambda tx: self._project_in(tx, journal))
        except Unavailable as error:
            # The disk is full or busy: nothing moved. Come back when new entries are stored.
            self._log.warning("projection.postponed", node=journal[0], code=error.code)
            return
        except Exception as error:
            # Our own bug with one journal must not stop the others.
            where = origin_of(error)
            self._log.error("projection.failed", node=journal[0], code="FED-1000", where=where)
            return
        if progress.more:
            self.notice(*journal)
        if progress.parked:
            self._log.warning("projection.parked", node=journal[0], entries=progress.parked)
        if progress.applied or progress.parked:
            self._tell(journal)

    def _tell(self, journal: Journal) -> None:
        for callback in self._on_advance:
            callback(*journal)

    # --- inside the database thread ---

    def _project_in(self, tx: Transaction, journal: Journal) -> Progress:
        node_id, epoch = journal
        first = self._store.watermark_in(tx, node_id, epoch)
        rows = self._received.entries_in(tx, node_id, epoch, first, PROJECTION_ENTRIES_MAX)
        last = rows[-1].index + 1 if rows else self._lost_in(tx, journal, first)
        gone = sorted(set(range(first, last)) - {row.index for row in rows})
        if not rows and not gone:
            return Progress(0, 0, more=False)
        for index in gone:
            self._store.park_in(tx, self._parked(journal, index, NotApplicable("", _DAMAGED)))
        parked = self._apply_all(tx, journal, rows) + len(gone)
        self._store.move_watermark_in(tx, node_id, epoch, last)
        more = bool(gone) or len(rows) == PROJECTION_ENTRIES_MAX
        return Progress(last - first - parked, parked, more)

    def _lost_in(self, tx: Transaction, journal: Journal, first: int) -> int:
        """Where nothing is stored behind `first` although it was received: how far to go on."""
        size = self._received.position_in(tx, *journal).tree.size
        return min(size, first + PROJECTION_ENTRIES_MAX)

    def _apply_all(self, tx: Transaction, journal: Journal, rows: list[StoredEntry]) -> int:
        """Quickly if all is well, else one by one; the number of parked entries."""
        try:
            with tx.nested():
                for row in rows:
                    self._apply(tx, journal, row)
            return 0
        except Exception:
            if tx.broken:
                raise
        return sum(not self._apply_alone(tx, journal, row) for row in rows)

    def _apply_alone(self, tx: Transaction, journal: Journal, row: StoredEntry) -> bool:
        try:
            with tx.nested():
                self._apply(tx, journal, row)
            return True
        except Exception as error:
            if tx.broken:
                raise
            self._store.park_in(tx, self._parked(journal, row.index, error))
            return False

    def _apply(self, tx: Transaction, journal: Journal, row: StoredEntry) -> None:
        if leaf_hash(row.data) != row.leaf_hash:
            raise NotApplicable("", _DAMAGED)
        entry = _decoded(row)
        record = _record(entry)
        if entry.imported is not None and self._known(tx, journal[0], entry):
            return
        source = Source(
            *journal, row.index, entry.record_time, entry.entry_id, imported=entry.imported
        )
        for projection in self._projections:
            try:
                projection.apply_in(tx, source, record)
            except FederationError as error:
                reason = f"{projection.name}: {error.code} {error.message}"
                raise NotApplicable(entry.kind, reason) from error
            except Exception as error:
                reason = f"{projection.name}: {type(error).__name__}"
                raise NotApplicable(entry.kind, reason) from error

    def _known(self, tx: Transaction, node_id: str, entry: DecodedEntry) -> bool:
        """Whether an imported entry had reached the centre before, in its first epoch."""
        assert entry.imported is not None
        epoch, index = entry.imported
        rows = self._received.entries_in(tx, node_id, epoch, index, 1)
        if not rows or rows[0].index != index:
            return False
        try:
            return decode_entry(rows[0].data).entry_id == entry.entry_id
        except FederationError:
            return False

    def _replay_in(self, tx: Transaction, parked: Parked) -> bool:
        rows = self._received.entries_in(tx, parked.node_id, parked.epoch, parked.index, 1)
        journal = (parked.node_id, parked.epoch)
        if rows and rows[0].index == parked.index and self._apply_alone(tx, journal, rows[0]):
            self._store.unpark_in(tx, parked.node_id, parked.epoch, parked.index)
            return True
        return False

    def _parked(self, journal: Journal, index: int, error: Exception) -> Parked:
        known = error if isinstance(error, NotApplicable) else NotApplicable("", _class(error))
        moment = self._clock.wall().isoformat()
        return Parked(*journal, index, known.kind, known.reason, known.unknown_kind, moment)


def _decoded(row: StoredEntry) -> DecodedEntry:
    try:
        return decode_entry(row.data)
    except FederationError as error:
        raise NotApplicable("", f"the entry cannot be read: {error.code}") from error


def _record(entry: DecodedEntry) -> Message:
    try:
        record = kinds.record_of(entry.kind, entry.payload)
    except FederationError as error:
        raise NotApplicable(entry.kind, f"the payload cannot be read: {error.code}") from error
    if record is None:
        reason = "the kind is unknown to this program; an upgrade may know it"
        raise NotApplicable(entry.kind, reason, unknown_kind=True)
    return record


def _class(error: Exception) -> str:
    """The class alone: a message may quote what must not be shown."""
    return f"unexpected {type(error).__name__}"
