"""All SQL of decisions that officers took about this node's own runs.

Rules: signature, row and journal entry are one transaction, and the bytes of an attachment were
here before it; an answered entry is answered again
only by a correction that names the answer before it, which stays. Leaves out who may decide and
what they sign (`resolving`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lpse.federation import run_names
from lpse.federation.errors import NotFound, Refused
from lpse.federation.reconciliation_rules import check_choice, check_correction
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from lpse.storage.journal import Journal
from regional_node.reconciliation.attachments_store import name_in, named_again_in
from regional_node.reconciliation.store import find_in, places_in
from regional_node.restored import DONE, MissingBlob, Restored, RestoredEntry

PREFIX: Final = "resolutions/"
_SELECT: Final = "SELECT number, record, idx, resolve_time FROM recon_resolutions"


@dataclass(frozen=True, slots=True)
class Resolution:
    """One decision, with its place in the node's journal."""

    number: int
    record: records.ReconciliationResolved
    index: int
    resolve_time: datetime


class ResolutionStore:
    """The table `recon_resolutions`."""

    def __init__(self, database: Database, journal: Journal, clock: Clock) -> None:
        self._database = database
        self._journal = journal
        self._clock = clock

    async def resolve(
        self,
        wanted: records.ReconciliationResolved,
        act: SignedAct,
        verify_in: Callable[[Transaction], object],
    ) -> Resolution:
        """Journal a signed decision; the same act again changes nothing (Invariant 3)."""

        def work(tx: Transaction) -> Resolution:
            newest = _newest_in(tx, wanted)
            if newest is not None and list(newest.record.acts) == [act]:
                return newest
            record = self._record_in(tx, wanted, newest)
            verify_in(tx)
            name_in(tx, record)
            record.acts.append(act)
            now = self._clock.now()
            index = self._journal.append_in(tx, record)
            _insert_in(tx, record, (self._journal.epoch, index), now)
            number = int(record.resolution.removeprefix(PREFIX))
            return Resolution(number, record, index, now)

        return await self._database.write(work)

    async def get(self, name: str) -> Resolution:
        """By name; NotFound (FED-7013)."""
        number = name.removeprefix(PREFIX)
        rows: list[Row] = []
        if number.isascii() and number.isdigit() and len(number) < 16:
            rows = await self._database.read(
                lambda tx: tx.execute(f"{_SELECT} WHERE number = ?", (int(number),))
            )
        if not rows:
            raise NotFound(
                "FED-7013", f"there is no resolution {name[:80]}", remedy="recon resolutions"
            )
        return _resolution(rows[0])

    async def page(self, before: int, limit: int, *, run: str = "") -> list[Resolution]:
        """Newest first, below number `before`."""
        where = (
            "WHERE number < ? AND (? = '' OR run = ? OR run > ? || '@' AND run < ? || 'A')"
            " ORDER BY number DESC LIMIT ?"
        )
        rows = await self._database.read(
            lambda tx: tx.execute(f"{_SELECT} {where}", (before, run, run, run, run, limit))
        )
        return [_resolution(row) for row in rows]

    def _record_in(
        self,
        tx: Transaction,
        wanted: records.ReconciliationResolved,
        newest: Resolution | None,
    ) -> records.ReconciliationResolved:
        entry = _entry_in(tx, wanted)
        check_choice(entry, wanted.choice, at_centre=False)
        check_correction(wanted.corrects, newest.record.resolution if newest else "")
        number = tx.execute("SELECT coalesce(max(number), 0) + 1 FROM recon_resolutions")[0][0]
        record = records.ReconciliationResolved()
        record.CopyFrom(wanted)
        record.resolution = f"{PREFIX}{number}"
        record.node_id = self._journal.party
        record.object, record.rule = entry.object, entry.rule
        return record


def _entry_in(
    tx: Transaction, wanted: records.ReconciliationResolved
) -> records.ReconciliationEntry:
    """The entry; its run must be named as the person signed it, and no number alone."""
    number = find_in(tx, wanted.run)
    rows = tx.execute("SELECT record FROM recon_runs WHERE number = ? AND finished = 1", (number,))
    run = records.ReconciliationRecorded.FromString(rows[0][0]) if rows else None
    if run is None or run.run != run_names.parse(wanted.run).base:
        raise NotFound("FED-7001", "there is no such reconciliation run, or it has not ended")
    if wanted.entry >= len(run.entries):
        raise Refused(
            "FED-7012",
            f"{wanted.run} has {len(run.entries)} entries, numbered from 0",
            remedy="recon get RUN --entries",
        )
    return run.entries[wanted.entry]


def resolved_in(tx: Transaction, entry: RestoredEntry) -> Restored:
    """Take a decision up again from the node's own journal; a known one changes nothing."""
    record = entry.record
    assert isinstance(record, records.ReconciliationResolved)
    _insert_in(tx, record, (entry.epoch, entry.index), entry.record_time)
    if not record.attachment_digest:
        return DONE
    named_again_in(tx, record, entry.record_time)
    return Restored(blobs=(MissingBlob(record.attachment_digest, record.attachment_bytes),))


def moved_in(tx: Transaction, entry: RestoredEntry) -> None:
    """The entry of a decision stands elsewhere now."""
    record = entry.record
    if isinstance(record, records.ReconciliationResolved):
        tx.run(
            "UPDATE recon_resolutions SET epoch = ?, idx = ? WHERE record = ?",
            (entry.epoch, entry.index, record.SerializeToString(deterministic=True)),
        )


def _newest_in(tx: Transaction, wanted: records.ReconciliationResolved) -> Resolution | None:
    """The newest answer to the entry, also one from before another run had the same name."""
    base, places = run_names.parse(wanted.run).base, places_in(tx, wanted.run)
    run = run_names.choose(wanted.run, places)
    rows = tx.execute(
        "SELECT number, record, idx, resolve_time, run, epoch FROM recon_resolutions"
        " WHERE (run = ? OR run > ? || '@' AND run < ? || 'A') AND entry = ? ORDER BY number DESC",
        (base, base, base, wanted.entry),
    )
    for *row, name, epoch in rows:
        if run_names.meant(name, places, bytes(epoch)) == run:
            return _resolution(tuple(row))
    return None


def _insert_in(
    tx: Transaction,
    record: records.ReconciliationResolved,
    place: tuple[bytes, int],
    now: datetime,
) -> None:
    tx.run(
        "INSERT INTO recon_resolutions (number, run, entry, record, epoch, idx, resolve_time)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO NOTHING",
        (
            int(record.resolution.removeprefix(PREFIX)),
            record.run,
            record.entry,
            record.SerializeToString(deterministic=True),
            *place,
            to_micros(now),
        ),
    )


def _resolution(row: Row) -> Resolution:
    number, data, index, moment = row
    record = records.ReconciliationResolved.FromString(data)
    return Resolution(int(number), record, int(index), from_micros(moment))
