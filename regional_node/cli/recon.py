"""`lpse-node recon {run,list,get,export,verify,…}`: the reconciliation log of this node.

Rule: JSON is the record itself; tables and the story are for people. Leaves out the decisions
themselves (`regional_node.reconciliation`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lpse.terminal import recon_flags as flags
from lpse.terminal.output import Output, OutputOption, note, run, show
from lpse.terminal.words import say
from regional_node.cli import recon_audit, recon_replay, recon_resolve, session

if TYPE_CHECKING:
    from lpse.federation.v1 import recon_log_pb2 as log
    from lpse.intake.v1 import reconciliations_pb2 as api

app = typer.Typer(help="Reconciliation: what was compared, what was decided, and why.")
recon_replay.add_commands(app)
recon_resolve.add_commands(app)

_PAGE = 1_000


@app.command("list")
@flags.filtered(without=flags.OF_MANY_NODES)
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
    if facets:
        run(_facets(asked, output))
    elif watch:
        run(_watch(asked, output))
    elif entries:
        run(_entries(asked, limit, output))
    else:
        run(_runs(asked, limit, output))


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
    else:
        run(_get(name, output, entries=entries))


@app.command("run")
def run_now(
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare every object with the centre, and wait.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask for a run now: the link says hello to the centre again."""
    run(recon_audit.run_deep(output) if deep else _run(output))


@app.command("audit")
def show_audit(output: OutputOption = Output.TABLE) -> None:
    """Show the last audit, and how far every stored journal was read again."""
    run(recon_audit.show_audit(output))


@app.command()
@flags.filtered(without=flags.OF_MANY_NODES)
def export(
    target: flags.Target,
    *,
    asked: flags.Flags,
    form: flags.FormOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write the entries of a filter to a signed file that anybody can verify offline."""
    run(_export(asked, target, form, output))


@app.command()
def verify(
    source: flags.Source,
    key: flags.Key = "",
    node_key: flags.NodeKeys = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check an exported file offline: its bytes, its signatures, and each run's journal proof."""
    run(_verify(source, key, node_key, output))


async def _run(output: Output) -> None:
    from lpse.intake.v1 import reconciliations_pb2 as api
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub

    async with session.connect() as channel:
        answer = await ReconciliationsStub(channel).RunReconciliation(
            api.RunReconciliationRequest()
        )
    if output is not Output.TABLE:
        show(answer, (), output)
    elif answer.immediate:
        note(say("The link says hello again; the run appears in: lpse-node recon list"))
    else:
        note(say("The link is down or paused; the run follows the next hello."))


async def _narrowed(channel: Any, asked: flags.Flags) -> tuple[log.LogFilter, str]:
    """The filter with dates as days of the office's zone, and that zone."""
    from lpse.terminal.recon_filters import filter_of
    from regional_node.cli.status import zone_of

    zone = await zone_of(channel)
    return filter_of(asked, zone), zone


async def _runs(asked: flags.Flags, limit: int, output: Output) -> None:
    from lpse.intake.v1 import reconciliations_pb2 as api
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal import recon_views

    found: list[api.Reconciliation] = []
    async with session.connect() as channel:
        narrowed, zone = await _narrowed(channel, asked)
        request = api.ListReconciliationsRequest(page_size=min(limit, _PAGE))
        if narrowed.ByteSize():
            request.filter.CopyFrom(narrowed)
        while True:
            page = await ReconciliationsStub(channel).ListReconciliations(request)
            found.extend(page.reconciliations)
            if not page.next_page_token or len(found) >= limit:
                break
            request.page_token = page.next_page_token
    recon_views.show_runs(found[:limit], zone, output)


async def _listed(channel: Any, asked: log.LogFilter, limit: int) -> list[log.LogEntry]:
    from lpse.intake.v1 import reconciliations_pb2 as api
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub

    request = api.ListEntriesRequest(page_size=min(limit, _PAGE), filter=asked)
    found: list[log.LogEntry] = []
    while True:
        page = await ReconciliationsStub(channel).ListEntries(request)
        found.extend(page.entries)
        if not page.next_page_token or len(found) >= limit:
            return found[:limit]
        request.page_token = page.next_page_token


async def _entries(asked: flags.Flags, limit: int, output: Output) -> None:
    from lpse.terminal import recon_lists

    async with session.connect() as channel:
        narrowed, zone = await _narrowed(channel, asked)
        found = await _listed(channel, narrowed, limit)
    recon_lists.show_entries(found, zone, output)


async def _get(name: str, output: Output, *, entries: bool) -> None:
    from lpse.intake.v1 import reconciliations_pb2 as api
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal import recon_lists, recon_views

    async with session.connect() as channel:
        request = api.GetReconciliationRequest(name=name)
        answer = await ReconciliationsStub(channel).GetReconciliation(request)
        one = answer.reconciliation
        asked, zone = await _narrowed(channel, flags.Flags(run=one.name))
        lines = (await _listed(channel, asked, _PAGE))[::-1]
    if entries:
        recon_lists.show_entries(lines, zone, output)
    else:
        recon_views.show_run(one, lines, zone, output)


async def _entry(name: str, number: int, output: Output) -> None:
    from lpse.intake.v1 import reconciliations_pb2 as api
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal import recon_entry
    from regional_node.cli.status import zone_of

    async with session.connect() as channel:
        request = api.GetEntryRequest(name=name, number=number)
        answer = await ReconciliationsStub(channel).GetEntry(request)
        zone = await zone_of(channel)
    recon_entry.show_entry(answer.detail, zone, output)


async def _facets(asked: flags.Flags, output: Output) -> None:
    from lpse.intake.v1 import reconciliations_pb2 as api
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal import recon_lists

    async with session.connect() as channel:
        narrowed, _ = await _narrowed(channel, asked)
        request = api.CountFacetsRequest(filter=narrowed)
        answer = await ReconciliationsStub(channel).CountFacets(request)
    recon_lists.show_facets(answer, output)


async def _watch(asked: flags.Flags, output: Output) -> None:
    from lpse.intake.v1 import reconciliations_pb2 as api
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal import recon_lists

    async with session.connect() as channel:
        narrowed, zone = await _narrowed(channel, asked)
        pages = ReconciliationsStub(channel).WatchEntries(api.WatchEntriesRequest(filter=narrowed))
        await recon_lists.follow(aiter(pages), zone, output)


async def _export(asked: flags.Flags, target: Any, form: Any, output: Output) -> None:
    from lpse.intake.v1 import reconciliations_pb2 as api
    from lpse.intake.v1.reconciliations_pb2_grpc import ReconciliationsStub
    from lpse.terminal import recon_exports

    spelled = recon_exports.form_value(recon_exports.form_of(form, target))
    async with session.connect() as channel:
        narrowed, _ = await _narrowed(channel, asked)
        pieces = ReconciliationsStub(channel).ExportEntries(
            api.ExportEntriesRequest(filter=narrowed, form=spelled)
        )
        await recon_exports.receive(aiter(pieces), target, output)


async def _verify(source: Any, key: str, node_keys: Any, output: Output) -> None:
    from lpse.terminal import recon_exports

    recon_exports.check(source, key, node_keys, None, output)
