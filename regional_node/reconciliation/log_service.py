"""What the officer's tools ask of the log of this node's runs, on the local socket.

Rule: nothing is changed here. Leaves out runs as a whole (`service`) and what filters mean
(`lpse.federation.recon_log`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import grpc

from lpse.federation.entries import decode_entry, timestamp
from lpse.federation.errors import NotFound, Refused
from lpse.federation.notes import Signer
from lpse.federation.recon_export import About
from lpse.federation.recon_log import check_filter
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.intake.v1 import reconciliations_pb2 as api
from lpse.intake.v1 import reconciliations_pb2_grpc as rpc
from lpse.runtime.channels import page_size
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database
from lpse.storage.journal import Journal
from lpse.storage.journal_store import EntryRow
from regional_node.reconciliation.log_exporting import Exporting, Records
from regional_node.reconciliation.log_reading import (
    NEWEST,
    LogReading,
    capped,
    most_common,
)
from regional_node.reconciliation.log_store import LogStore
from regional_node.reconciliation.store import RunRow

Context = grpc.aio.ServicerContext[Any, Any]
FORMS: Final = {log.EXPORT_FORM_JSONL: "jsonl", log.EXPORT_FORM_CSV: "csv"}


@dataclass(frozen=True, slots=True)
class LogParts:
    """What the log is read with."""

    reading: LogReading
    exporting: Exporting
    records: Records
    journal: Journal
    clock: Clock


def open_log(
    database: Database, journal: Journal, signer: Signer, clock: Clock, province: str
) -> LogParts:
    """The log of the node whose journal it is."""
    reading = LogReading(LogStore(database), clock, (journal.party, province))
    exporting = Exporting(reading, journal, signer)
    return LogParts(reading, exporting, Records(journal), journal, clock)


class LogService(rpc.ReconciliationsServicer):
    """The half of `lpse.intake.v1.Reconciliations` that reads entries."""

    def __init__(self, parts: LogParts) -> None:
        self._log = parts

    async def ListEntries(
        self, request: api.ListEntriesRequest, context: Context
    ) -> api.ListEntriesResponse:
        """A page of entries, newest first."""
        size = page_size(request.page_size)
        asked, before = check_filter(request.filter), token_of(request.page_token)
        found = await self._log.reading.page(asked, before, size + 1)
        return api.ListEntriesResponse(
            entries=[line for _, line in found[:size]],
            next_page_token=str(found[size - 1][0]) if len(found) > size else "",
        )

    async def CountFacets(
        self, request: api.CountFacetsRequest, context: Context
    ) -> api.CountFacetsResponse:
        """How many entries pass, and how many of each value."""
        number, counters = await self._log.reading.counts(check_filter(request.filter))
        total, at_least = capped(number)
        facets = [
            log.FacetCount(
                facet=facet, value=value, count=capped(count)[0], at_least=capped(count)[1]
            )
            for facet, counter in counters.items()
            for value, count in most_common(counter)
        ]
        return api.CountFacetsResponse(total=total, at_least=at_least, facets=facets)

    async def WatchEntries(
        self, request: api.WatchEntriesRequest, context: Context
    ) -> AsyncIterator[api.WatchEntriesResponse]:
        """Entries as they come."""
        first = True
        async for lines in self._log.reading.watch(check_filter(request.filter)):
            if lines or first:
                yield api.WatchEntriesResponse(entries=lines)
            first = False

    async def ExportEntries(
        self, request: api.ExportEntriesRequest, context: Context
    ) -> AsyncIterator[api.ExportEntriesResponse]:
        """The file, piece by piece."""
        if request.form not in FORMS:
            raise Refused("FED-7040", "an export is JSONL or CSV")
        about = About(check_filter(request.filter), self._log.clock.wall(), "local socket")
        async for piece in self._log.exporting.pieces(about, FORMS[request.form]):
            yield api.ExportEntriesResponse(piece=piece)

    async def GetEntry(
        self, request: api.GetEntryRequest, context: Context
    ) -> api.GetEntryResponse:
        """One entry with evidence, proof and neighbours."""
        found = await self._log.reading.line(request.name, request.number)
        if found is None:
            raise NotFound("FED-7041", f"{request.name} has no entry {request.number}")
        return api.GetEntryResponse(detail=await self._detail(*found))

    async def _detail(self, row: RunRow, line: log.LogEntry) -> log.EntryDetail:
        detail = log.EntryDetail(entry=line, record=row.record)
        if row.index is None:
            return detail
        place = await self._log.records.place(row)
        index = place.row.index
        head, tree = await self._log.records.tree_with(place.epoch, index)
        detail.entry.epoch, detail.entry.index = place.epoch, index
        detail.place.CopyFrom(
            log.EntryPlace(
                party=head.party,
                key=(await self._log.journal.writer(place.epoch)).text,
                index=index,
                entry=place.row.data,
                leaf_hash=place.row.leaf_hash,
                head=head.message(),
                path=tree.path(index),
            )
        )
        first = max(0, index - 1)
        around = await self._log.journal.entries(first, index + 2, epoch=place.epoch)
        for one in around:
            if one.index == index - 1:
                detail.previous.CopyFrom(_link(one))
            elif one.index == index + 1:
                detail.next.CopyFrom(_link(one))
        return detail


def token_of(text: str) -> int:
    """A place in a list; Refused (FED-7002) for a token of no list."""
    if not text:
        return NEWEST
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refused("FED-7002", "that is no number of a run")
    return int(text)


def _link(row: EntryRow) -> log.ChainLink:
    when = timestamp(decode_entry(row.data).record_time)
    return log.ChainLink(index=row.index, kind=row.kind, leaf_hash=row.leaf_hash, record_time=when)
