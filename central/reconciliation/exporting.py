"""Exporting the log: every run that passes a filter, with the proof of its record.

Owns the order of an export (journal by journal, each in the order of the log) and its proofs.
Rules: it shows the log up to the moment at which it began; memory holds the tree of one journal and
one step of rows; a node's head counts with the key that signed it, also when a newer one is bound.
Leaves out the form of the file (`lpse.federation.recon_export`) and the wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from central.ledger.ledger import Ledger
from central.reconciliation.keys_store import KeysStore
from central.reconciliation.log_store import EntryRow, Journal, LogStore
from central.reconciliation.rows import ReconciliationRow
from central.reconciliation.tokens import Query, query_of
from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.checkpoints import Head
from lpse.federation.errors import NotFound, Unavailable
from lpse.federation.limits import EXPORTS_MAX, LOG_STEP_ROWS, SCAN_ROWS_PER_STEP
from lpse.federation.merkle_paths import PathTree
from lpse.federation.merkle_trees import KeptTrees
from lpse.federation.notes import Signer, Verifier
from lpse.federation.recon_export import About, Writing, entry_row, journal_row, run_row
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.storage.journal import Journal as OwnJournal


@dataclass(frozen=True, slots=True)
class Proving:
    """One journal with the head that paths lead to."""

    head: Head
    key: Verifier
    tree: PathTree


class Sources:
    """Where records of runs stand: the ledger for nodes', the own journal for the centre's."""

    def __init__(self, ledger: Ledger, journal: OwnJournal, keys: KeysStore) -> None:
        self._ledger = ledger
        self._journal = journal
        self._keys = keys
        self._kept = KeptTrees[Proving]()

    async def proving_one(self, journal: Journal, index: int) -> Proving:
        """A head of a journal that covers this entry, from memory where one is kept."""
        kept = self._kept.holding((journal.party, journal.epoch), index)
        return kept or await self.proving(journal)

    async def proving(self, journal: Journal) -> Proving:
        """The newest head of a journal, its key and its tree; NotFound where it is gone."""
        if journal.party == CENTRE_PARTY:
            head, key = self._journal.head, self._journal.verifier
            if journal.epoch != head.epoch:
                head = await self._journal.newest_head(journal.epoch)
        else:
            position = await self._ledger.received.position(journal.party, journal.epoch)
            if position.head is None:
                raise NotFound("FED-2024", "the ledger has no journal of that epoch")
            head = position.head
            key = await self._keys.signer_of(head)
        leaves = await self._leaves(journal, head.size)
        made = Proving(head, key, await asyncio.to_thread(PathTree, leaves))
        return self._kept.keep((journal.party, journal.epoch), made.tree.size, made)

    async def entries(self, journal: Journal, first: int, last: int) -> list[tuple[bytes, bytes]]:
        """Bytes and leaf hashes of entries with first <= index < last, at most one scan step."""
        if journal.party == CENTRE_PARTY:
            own = await self._journal.entries(first, last, epoch=journal.epoch)
            return [(row.data, row.leaf_hash) for row in own]
        received = self._ledger.received
        rows = await received.entries(journal.party, journal.epoch, first, last - first)
        return [(row.data, row.leaf_hash) for row in rows]

    async def _leaves(self, journal: Journal, size: int) -> list[bytes]:
        if journal.party != CENTRE_PARTY:
            received = self._ledger.received
            return await received.leaf_hashes(journal.party, journal.epoch, 0, size)
        found: list[bytes] = []
        while len(found) < size:
            last = min(size, len(found) + SCAN_ROWS_PER_STEP)
            rows = await self._journal.entries(len(found), last, epoch=journal.epoch)
            found.extend(row.leaf_hash for row in rows)
        return found


class Exporting:
    """See the module's first lines."""

    def __init__(self, store: LogStore, sources: Sources, signer: Signer) -> None:
        self._store = store
        self._sources = sources
        self._signer = signer
        self._running = 0

    async def pieces(self, about: About, form: str, head: Head) -> AsyncIterator[log.ExportPiece]:
        """The file in pieces; the last one brings the header. `head` is the centre's own."""
        if self._running >= EXPORTS_MAX:
            raise Unavailable("FED-7042", f"{EXPORTS_MAX} exports are running already")
        self._running += 1
        try:
            writing = Writing(form)
            writing.front(about, head, self._signer)  # refuses a filter that is too long at once
            span = (0, await self._store.newest())
            for journal in await self._store.journals():
                async for _ in self._journal(writing, query_of(about.filter), journal, span):
                    yield log.ExportPiece(data=writing.take(), rows=writing.rows)
            front = writing.front(about, head, self._signer)
            yield log.ExportPiece(data=writing.take(), rows=writing.rows, header=front)
        finally:
            self._running -= 1

    async def _journal(
        self, writing: Writing, query: Query, journal: Journal, span: tuple[int, int]
    ) -> AsyncIterator[None]:
        """Writes the rows of one journal; yields whenever a piece is full."""
        proving: Proving | None = None
        told = 0
        while rows := await self._store.of_journal(query, journal, span=span, limit=LOG_STEP_ROWS):
            span = (rows[-1].id, span[1])
            if proving is None:
                proving = await self._sources.proving(journal)
                writing.add(journal_row(proving.head, proving.key))
            raw = await self._raw(journal, rows)
            for row in rows:
                if row.run.id != told:
                    told = row.run.id
                    path = proving.tree.path(row.run.index)
                    writing.add(run_row(row.run.record.run, row.run.index, raw[told], path))
                row.line.run = row.run.record.run  # its place in the file says which one it is
                writing.add(entry_row(row.line))
            if writing.full():
                yield

    async def _raw(self, journal: Journal, rows: list[EntryRow]) -> dict[int, bytes]:
        runs: dict[int, ReconciliationRow] = {row.run.id: row.run for row in rows}
        first = min(run.index for run in runs.values())
        last = max(run.index for run in runs.values()) + 1
        if last - first <= LOG_STEP_ROWS:  # runs that stand close are read at once
            near = await self._sources.entries(journal, first, last)
            return {run.id: near[run.index - first][0] for run in runs.values()}
        found: dict[int, bytes] = {}
        for run in runs.values():
            listed = await self._sources.entries(journal, run.index, run.index + 1)
            found[run.id] = listed[0][0]
        return found
