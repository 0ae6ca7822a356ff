"""Exporting the log of this node's runs from its own journal, with proofs.

Owns where the record of a run stands in the journal, in which epoch, and the proof of it. Rules: a
run counts where it was first written, though a later epoch may carry it again; memory holds the
tree of one epoch. Leaves out the form of the file (`lpse.federation.recon_export`) and filters.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from lpse.federation.checkpoints import Head
from lpse.federation.entries import decode_entry
from lpse.federation.errors import NotFound, Unavailable
from lpse.federation.limits import EXPORTS_MAX, SCAN_ROWS_PER_STEP
from lpse.federation.merkle_paths import PathTree
from lpse.federation.merkle_trees import KeptTrees
from lpse.federation.notes import Signer
from lpse.federation.recon_export import About, Writing, entry_row, journal_row, run_row
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.storage.journal import Journal
from lpse.storage.journal_store import EntryRow
from regional_node.reconciliation.log_reading import LogReading
from regional_node.reconciliation.store import RunRow

_KIND: Final = "reconciliation.recorded"


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the own journal."""

    epoch: bytes
    row: EntryRow


class Records:
    """Where the records of runs stand in the own journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._kept = KeptTrees[tuple[Head, PathTree]]()

    async def tree_with(self, epoch: bytes, index: int) -> tuple[Head, PathTree]:
        """A head of an epoch that covers this entry, and its tree; from memory where kept."""
        kept = self._kept.holding((self._journal.party, epoch), index)
        return kept or await self.tree(epoch)

    async def place(self, row: RunRow) -> Place:
        """The entry that holds a run's record; NotFound where the journal has it no more."""
        if row.epoch and row.index is not None:
            epoch, index = row.epoch, row.index
            for one in await self._journal.entries(index, index + 1, epoch=epoch):
                if one.kind == _KIND and _record_of(one) == row.record:
                    return Place(epoch, one)
        async for place in self.every():
            if _record_of(place.row) == row.record:
                return place
        raise NotFound("FED-7001", "the journal holds no record of this run")

    async def every(self) -> AsyncIterator[Place]:
        """All records of runs, epoch by epoch."""
        for epoch in await self._journal.epochs():
            head = await self._journal.newest_head(epoch.epoch)
            for first in range(0, head.size, SCAN_ROWS_PER_STEP):
                last = min(head.size, first + SCAN_ROWS_PER_STEP)
                for row in await self._journal.entries(first, last, epoch=epoch.epoch):
                    if row.kind == _KIND:
                        yield Place(epoch.epoch, row)

    async def tree(self, epoch: bytes) -> tuple[Head, PathTree]:
        """The newest head of an epoch and its tree."""
        head = await self._journal.newest_head(epoch)
        leaves: list[bytes] = []
        while len(leaves) < head.size:
            last = min(head.size, len(leaves) + SCAN_ROWS_PER_STEP)
            rows = await self._journal.entries(len(leaves), last, epoch=epoch)
            leaves.extend(row.leaf_hash for row in rows)
        tree = await asyncio.to_thread(PathTree, leaves)
        return self._kept.keep((self._journal.party, epoch), tree.size, (head, tree))


class Exporting:
    """See the module's first lines."""

    def __init__(self, reading: LogReading, journal: Journal, signer: Signer) -> None:
        self._reading = reading
        self._journal = journal
        self._signer = signer
        self._records = Records(journal)
        self._running = 0

    async def pieces(self, about: About, form: str) -> AsyncIterator[log.ExportPiece]:
        """The file in pieces; the last one brings the header."""
        if self._running >= EXPORTS_MAX:
            raise Unavailable("FED-7042", f"{EXPORTS_MAX} exports are running already")
        self._running += 1
        try:
            writing = Writing(form)
            writing.front(about, self._journal.head, self._signer)  # a filter may be too long
            passing = {
                _key(row.record): row.number async for row, _ in self._reading.every(about.filter)
            }
            async for _ in self._rows(writing, about, passing):
                yield log.ExportPiece(data=writing.take(), rows=writing.rows)
            front = writing.front(about, self._journal.head, self._signer)
            yield log.ExportPiece(data=writing.take(), rows=writing.rows, header=front)
        finally:
            self._running -= 1

    async def _rows(
        self, writing: Writing, about: About, passing: dict[bytes, int]
    ) -> AsyncIterator[None]:
        """Writes run by run; yields whenever a piece is full."""
        epoch, head, tree = b"", self._journal.head, PathTree(())
        async for place in self._records.every():
            record = _record_of(place.row)
            number = passing.pop(_key(record), None)
            if number is None:
                continue
            if place.epoch != epoch:
                epoch = place.epoch
                head, tree = await self._records.tree(epoch)
                writing.add(journal_row(head, await self._journal.writer(epoch)))
            if place.row.index >= tree.size:
                continue  # written since the export began
            path = tree.path(place.row.index)
            writing.add(run_row(record.run, place.row.index, place.row.data, path))
            for line in await self._reading.passing(number, about.filter):
                # A machine may go on under a new name; the place in the file tells namesakes apart.
                line.run, line.node_id = record.run, head.party
                writing.add(entry_row(line))
            if writing.full():
                yield


def _record_of(row: EntryRow) -> records.ReconciliationRecorded:
    return records.ReconciliationRecorded.FromString(decode_entry(row.data).payload)


def _key(record: records.ReconciliationRecorded) -> bytes:
    """Runs of two histories that came together may have one name; what they tell differs."""
    return record.SerializeToString(deterministic=True)
