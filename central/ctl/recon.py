"""`lkppctl recon {list,get,export,verify,…}`: the reconciliation log of all nodes.

Rule: JSON is the record itself; tables and the story are for people. Leaves out runs on demand,
which are asked for at the node, the national gate (`national`) and parked entries (`parked`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from central.ctl import (
    national,
    parked,
    parked_blobs,
    recon_replay,
    recon_resolve,
    session,
)
from lpse.terminal import recon_flags as flags
from lpse.terminal.output import Output, OutputOption, run

if TYPE_CHECKING:
    from lpse.federation.v1 import recon_log_pb2 as log

app = typer.Typer(help="Reconciliation: runs, entries, exports, and what was set aside.")
national.add_commands(app)
parked.add_commands(app)
parked_blobs.add_commands(app)
recon_replay.add_commands(app)
recon_resolve.add_commands(app)

ZONE = "Asia/Jakarta"
_PAGE = 1_000


@app.command("list")
@flags.filtered()
def list_runs(
    *,
    asked: flags.Flags,
    entries: flags.Entries = False,
    facets: flags.Facets = False,
    watch: flags.Watch = False,
    limit: flags.Limit = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List reconciliation runs or their entries, newest first."""
    flags.check_alone(facets=facets, watch=watch)
    narrowed = run(_narrowed(asked))
    if facets:
        run(_facets(narrowed, output))
    elif watch:
        run(_watch(narrowed, output))
    elif entries:
        run(_entries(narrowed, limit, output))
    else:
        run(_runs(narrowed, limit, output))


@app.command()
def get(
    name: flags.Name,
    entries: flags.EntriesOfRun = False,
    entry: flags.EntryNumber = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Tell one run as a story, its entries, or one entry with both sides' evidence."""
    if entry is not None:
        run(_entry(name, entry, output))
    elif entries:
        run(_entries_of(name, output))
    else:
        run(_get(name, output))


@app.command()
@flags.filtered()
def export(
    target: flags.Target,
    *,
    asked: flags.Flags,
    form: flags.FormOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write the entries of a filter to a signed file that anybody can verify offline."""
    run(_export(run(_narrowed(asked)), target, form, output))


@app.command()
def verify(
    source: flags.Source,
    key: flags.Key = "",
    node_key: flags.NodeKeys = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check an exported file offline: its bytes, its signatures, and each run's journal proof."""
    run(_verify(source, key, node_key, output))


async def _narrowed(asked: flags.Flags) -> log.LogFilter:
    from lpse.terminal.recon_filters import filter_of

    return filter_of(asked, ZONE)


async def _verify(source: Any, key: str, node_keys: Any, output: Output) -> None:
    from lpse.terminal import recon_exports

    own = None if key else session.pinned_key()
    recon_exports.check(source, key, node_keys, own, output)


async def _runs(asked: log.LogFilter, limit: int, output: Output) -> None:
    from lpse.operator.v1 import reconciliations_pb2 as api
    from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal import recon_views

    request = api.ListReconciliationsRequest(page_size=min(limit, _PAGE))
    if asked.ByteSize():
        request.filter.CopyFrom(asked)
    found: list[api.Reconciliation] = []
    async with session.connect() as opened:
        while True:
            page = await ReconciliationsStub(opened.channel).ListReconciliations(request)
            found.extend(page.reconciliations)
            if not page.next_page_token or len(found) >= limit:
                break
            request.page_token = page.next_page_token
    recon_views.show_runs(found[:limit], ZONE, output)


async def _listed(channel: Any, asked: log.LogFilter, limit: int) -> list[log.LogEntry]:
    from lpse.operator.v1 import reconciliations_pb2 as api
    from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub

    request = api.ListEntriesRequest(page_size=min(limit, _PAGE), filter=asked)
    found: list[log.LogEntry] = []
    while True:
        page = await ReconciliationsStub(channel).ListEntries(request)
        found.extend(page.entries)
        if not page.next_page_token or len(found) >= limit:
            return found[:limit]
        request.page_token = page.next_page_token


async def _entries(asked: log.LogFilter, limit: int, output: Output) -> None:
    from lpse.terminal import recon_lists

    async with session.connect() as opened:
        found = await _listed(opened.channel, asked, limit)
    recon_lists.show_entries(found, ZONE, output)


async def _entries_of(name: str, output: Output) -> None:
    from lpse.terminal import recon_lists

    async with session.connect() as opened:
        answer = await _one(opened.channel, name)
        found = await _of_run(opened.channel, answer.name)
    recon_lists.show_entries(found, ZONE, output)


async def _get(name: str, output: Output) -> None:
    from lpse.terminal import recon_views

    async with session.connect() as opened:
        answer = await _one(opened.channel, name)
        lines = await _of_run(opened.channel, answer.name) if output is Output.TABLE else []
    recon_views.show_run(answer, lines, ZONE, output)


async def _one(channel: Any, name: str) -> Any:
    from lpse.operator.v1 import reconciliations_pb2 as api
    from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub

    asked = api.GetReconciliationRequest(name=name)
    return (await ReconciliationsStub(channel).GetReconciliation(asked)).reconciliation


async def _of_run(channel: Any, name: str) -> list[log.LogEntry]:
    """The entries of one run, the first one first."""
    from lpse.federation.v1 import recon_log_pb2 as log

    return (await _listed(channel, log.LogFilter(run=name), _PAGE))[::-1]


async def _entry(name: str, number: int, output: Output) -> None:
    from lpse.operator.v1 import reconciliations_pb2 as api
    from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal import recon_entry

    async with session.connect() as opened:
        asked = api.GetEntryRequest(name=name, number=number)
        answer = await ReconciliationsStub(opened.channel).GetEntry(asked)
    recon_entry.show_entry(answer.detail, ZONE, output)


async def _facets(asked: log.LogFilter, output: Output) -> None:
    from lpse.operator.v1 import reconciliations_pb2 as api
    from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal import recon_lists

    async with session.connect() as opened:
        request = api.CountFacetsRequest(filter=asked)
        answer = await ReconciliationsStub(opened.channel).CountFacets(request)
    recon_lists.show_facets(answer, output)


async def _watch(asked: log.LogFilter, output: Output) -> None:
    from lpse.operator.v1 import reconciliations_pb2 as api
    from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal import recon_lists

    async with session.connect() as opened:
        request = api.WatchEntriesRequest(filter=asked)
        pages = ReconciliationsStub(opened.channel).WatchEntries(request)
        await recon_lists.follow(aiter(pages), ZONE, output)


async def _export(asked: log.LogFilter, target: Any, form: Any, output: Output) -> None:
    from lpse.operator.v1 import reconciliations_pb2 as api
    from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal import recon_exports

    spelled = recon_exports.form_value(recon_exports.form_of(form, target))
    async with session.connect() as opened:
        request = api.ExportEntriesRequest(filter=asked, form=spelled)
        pieces = ReconciliationsStub(opened.channel).ExportEntries(request)
        await recon_exports.receive(aiter(pieces), target, output)
