"""`lpse-node recon {resolve,resolutions}`: what an admin of this node decided about its own runs.

Rule: only what changes nothing at the centre is decided here; the private key is read where the
command runs and never sent. Leaves out what a person decides for the federation (`lkppctl`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from lpse.terminal.output import Column, Output, OutputOption, run, show, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import when
from regional_node.cli import acting, session
from regional_node.cli.acting import AsOption, KeyOption
from regional_node.cli.status import zone_of

if TYPE_CHECKING:
    from pathlib import Path

    from lpse.intake.v1 import resolutions_pb2 as api

_MORE: Final = (
    Column("run", "Run"),
    Column("entry", "Entry", right=True),
    Column("object", "Object"),
    Column("choice", "Choice"),
    Column("reason", "Reason"),
    Column("corrects", "Corrects"),
)


def add_commands(app: typer.Typer) -> None:
    """Give the noun its commands about decisions."""

    @app.command("resolve")
    def resolve(
        name: Annotated[str, typer.Argument(help="Run, for example recon/lpse-pacitan/7.")],
        *,
        entry: Annotated[int, typer.Option(min=0, help="Entry of the run, 0 for the first.")],
        choice: Annotated[
            str, typer.Option(help="What is decided; a wrong one lists the choices.")
        ],
        reason: Annotated[str, typer.Option(help="Why; it stands in the node's journal.")],
        actor: AsOption,
        key: KeyOption,
        corrects: Annotated[
            str, typer.Option(help="The earlier decision to correct, for example resolutions/3.")
        ] = "",
        output: OutputOption = Output.TABLE,
    ) -> None:
        """Journal an admin's decision about an entry of this node's own runs."""
        from lpse.intake.v1 import resolutions_pb2 as api

        wanted = api.ResolveEntryRequest(
            run=name,
            entry=entry,
            choice=choice.upper().replace("-", "_"),
            reason=reason,
            corrects=corrects,
        )
        run(_resolve(wanted, actor, key, output))

    app.command("resolutions")(list_resolutions)


def list_resolutions(
    name: Annotated[str, typer.Option("--run", help="Only about this run.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Decisions to show, newest first.")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List what persons decided, newest first."""
    run(_list(name, limit, output))


async def _resolve(wanted: api.ResolveEntryRequest, actor: str, key: Path, output: Output) -> None:
    from lpse.intake.v1.resolutions_pb2_grpc import ResolutionsStub
    from regional_node.reconciliation.resolving import ACT, resolution_digest

    async with session.connect() as channel:
        digest = resolution_digest(wanted)
        signed = await acting.sign(channel, actor=actor, key=key, act=ACT, digest=digest)
        wanted.act.CopyFrom(signed)
        answer = await ResolutionsStub(channel).ResolveEntry(wanted)
        zone = await zone_of(channel)
    show(_row(answer.resolution, output), _columns(zone), output)


async def _list(name: str, limit: int, output: Output) -> None:
    from lpse.intake.v1 import resolutions_pb2 as api
    from lpse.intake.v1.resolutions_pb2_grpc import ResolutionsStub

    request = api.ListResolutionsRequest(page_size=min(limit, 1_000), run=name)
    found: list[api.Resolution] = []
    async with session.connect() as channel:
        while True:
            page = await ResolutionsStub(channel).ListResolutions(request)
            found.extend(page.resolutions)
            if not page.next_page_token or len(found) >= limit:
                break
            request.page_token = page.next_page_token
        zone = await zone_of(channel)
    show_list([_row(one, output) for one in found[:limit]], _columns(zone), output)


def _columns(zone: str) -> tuple[Column, ...]:
    return (Column("name", "Resolution"), Column("resolve_time", "Decided", when(zone)), *_MORE)


def _row(found: api.Resolution, output: Output) -> dict[str, object]:
    row = plain(found)
    return {**row["record"], **row} if output is Output.TABLE else row
