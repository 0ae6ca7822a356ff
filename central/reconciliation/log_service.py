"""What operators and auditors ask of the log of reconciliation: entries, counts, live, exports.

Rule: every role may read, and nobody changes anything here. Leaves out runs as a whole (`service`)
and what filters mean (`lpse.federation.recon_log`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import grpc

from central.operators.rules import Operator
from central.reconciliation.exporting import Exporting, Sources
from central.reconciliation.following import Following
from central.reconciliation.log_store import NEWEST, Count, EntryRow, Journal, LogStore
from central.reconciliation.tokens import query_of
from lpse.federation.entries import decode_entry, timestamp
from lpse.federation.errors import FederationError, NotFound, Refused
from lpse.federation.recon_export import About
from lpse.federation.recon_log import check_filter
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.operator.v1 import reconciliations_pb2 as api
from lpse.operator.v1 import reconciliations_pb2_grpc as rpc
from lpse.runtime.channels import page_size
from lpse.runtime.clock import Clock
from lpse.storage.journal import Journal as OwnJournal

Context = grpc.aio.ServicerContext[Any, Any]
FORMS: Final = {log.EXPORT_FORM_JSONL: "jsonl", log.EXPORT_FORM_CSV: "csv"}


class Operators(Protocol):
    """Who may ask; implemented by enrolment."""

    async def require_operator(self, context: Context, *roles: str) -> Operator:
        """The person behind the call; Denied otherwise."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the log is read with."""

    store: LogStore
    sources: Sources
    exporting: Exporting
    journal: OwnJournal
    clock: Clock


class LogService(rpc.ReconciliationsServicer):
    """The half of `lpse.operator.v1.Reconciliations` that reads entries."""

    def __init__(self, reading: Reading, admission: Operators) -> None:
        self._reading = reading
        self._following = Following(reading.store, reading.clock)
        self._admission = admission

    async def ListEntries(
        self, request: api.ListEntriesRequest, context: Context
    ) -> api.ListEntriesResponse:
        """A page of entries, newest first."""
        await self._admission.require_operator(context)
        size = page_size(request.page_size)
        query = query_of(check_filter(request.filter))
        before = place_of(request.page_token)
        rows = await self._reading.store.page(query, before=before, limit=size + 1)
        return api.ListEntriesResponse(
            entries=[row.line for row in rows[:size]],
            next_page_token=str(rows[size - 1].id) if len(rows) > size else "",
        )

    async def CountFacets(
        self, request: api.CountFacetsRequest, context: Context
    ) -> api.CountFacetsResponse:
        """How many entries pass, and how many of each value."""
        await self._admission.require_operator(context)
        query = query_of(check_filter(request.filter))
        total, counted = await self._reading.store.counts(query)
        return api.CountFacetsResponse(
            total=total.count, at_least=total.at_least, facets=map(_count, counted)
        )

    async def WatchEntries(
        self, request: api.WatchEntriesRequest, context: Context
    ) -> AsyncIterator[api.WatchEntriesResponse]:
        """Entries as they come."""
        await self._admission.require_operator(context)
        query = query_of(check_filter(request.filter))
        async for rows in self._following.watch(query):
            yield api.WatchEntriesResponse(entries=[row.line for row in rows])

    async def ExportEntries(
        self, request: api.ExportEntriesRequest, context: Context
    ) -> AsyncIterator[api.ExportEntriesResponse]:
        """The file, piece by piece."""
        person = await self._admission.require_operator(context)
        if request.form not in FORMS:
            raise Refused("FED-7040", "an export is JSONL or CSV")
        about = About(check_filter(request.filter), self._reading.clock.wall(), person.name)
        head = self._reading.journal.head
        pieces = self._reading.exporting.pieces(about, FORMS[request.form], head)
        async for piece in pieces:
            yield api.ExportEntriesResponse(piece=piece)

    async def GetEntry(
        self, request: api.GetEntryRequest, context: Context
    ) -> api.GetEntryResponse:
        """One entry with evidence, proof and neighbours."""
        await self._admission.require_operator(context)
        row = await self._reading.store.entry(request.name, request.number)
        if row is None:
            raise NotFound("FED-7041", f"{request.name} has no entry {request.number}")
        return api.GetEntryResponse(detail=await self._detail(row))

    async def _detail(self, row: EntryRow) -> log.EntryDetail:
        journal, index = Journal(row.run.writer, row.run.epoch), row.run.index
        proving = await self._reading.sources.proving_one(journal, index)
        first = max(0, index - 1)
        around = await self._reading.sources.entries(journal, first, index + 2)
        links = dict(enumerate(around, first))
        detail = log.EntryDetail(
            entry=row.line,
            record=row.run.record,
            place=log.EntryPlace(
                party=journal.party,
                key=proving.key.text,
                index=index,
                entry=links[index][0],
                leaf_hash=links[index][1],
                head=proving.head.message(),
                path=proving.tree.path(index),
            ),
        )
        if index - 1 in links:
            detail.previous.CopyFrom(chain_link(index - 1, *links[index - 1]))
        if index + 1 in links:
            detail.next.CopyFrom(chain_link(index + 1, *links[index + 1]))
        return detail


def chain_link(index: int, data: bytes, leaf: bytes) -> log.ChainLink:
    """A neighbour in the journal; one that cannot be read shows its hash alone."""
    try:
        entry = decode_entry(data)
    except FederationError:
        return log.ChainLink(index=index, leaf_hash=leaf)
    when: datetime = entry.record_time
    return log.ChainLink(index=index, kind=entry.kind, leaf_hash=leaf, record_time=timestamp(when))


def place_of(token: str) -> int:
    """Where a page begins; Refused (FED-7002) for a token of no list."""
    if not token:
        return NEWEST
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise Refused("FED-7002", "the page token is not one of this list")
    return int(token)


def _count(one: Count) -> log.FacetCount:
    return log.FacetCount(facet=one.facet, value=one.value, count=one.count, at_least=one.at_least)
