"""`lkppctl recon {resolve,approve,apply,resolutions,attachment}`: what persons decide about runs.

Rules: `resolve` only plans; a second person approves and the plan is applied as reviewed; an
attachment is brought before the plan that names it, and its digest is checked when it is read back.
Leaves out which choices a rule offers (`lpse.federation.reconciliation_rules`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from central.ctl import planning, session
from central.ctl.session import Session
from lpse.terminal import attachments
from lpse.terminal.output import Column, Output, OutputOption, note, run, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import say, when

if TYPE_CHECKING:
    from lpse.operator.v1 import resolutions_pb2 as api

ACT: Final = "recon.resolve"
COLUMNS: Final = (
    Column("name", "Resolution"),
    Column("resolve_time", "Decided", when("Asia/Jakarta")),
    Column("run", "Run"),
    Column("entry", "Entry", right=True),
    Column("object", "Object"),
    Column("choice", "Choice"),
    Column("reason", "Reason"),
    Column("corrects", "Corrects"),
    Column("attachment_name", "Attachment"),
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
        reason: Annotated[str, typer.Option(help="Why; it stands in the national journal.")],
        attachment: Annotated[
            Path | None, typer.Option(help="A file that shows it, at most 10 MB.")
        ] = None,
        corrects: Annotated[
            str, typer.Option(help="The earlier decision to correct, for example resolutions/3.")
        ] = "",
        validate_only: Annotated[
            bool, typer.Option("--validate-only", help="Check and show it, plan nothing.")
        ] = False,
        output: OutputOption = Output.TABLE,
    ) -> None:
        """Plan a person's decision about an entry; a second person approves it."""
        from lpse.operator.v1 import resolutions_pb2 as api

        wanted = api.PlanResolutionRequest(
            run=name,
            entry=entry,
            choice=choice.upper().replace("-", "_"),
            reason=reason,
            corrects=corrects,
            validate_only=validate_only,
        )
        run(_resolve(wanted, attachment, output))

    planning.add_commands(app, act=ACT)
    app.command("resolutions")(list_resolutions)
    app.command("attachment")(attachment)


def list_resolutions(
    node: Annotated[str, typer.Option(help="Only this node.")] = "",
    name: Annotated[str, typer.Option("--run", help="Only about this run.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Decisions to show, newest first.")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List what persons decided, newest first."""
    from lpse.operator.v1 import resolutions_pb2 as api

    request = api.ListResolutionsRequest(page_size=min(limit, 1_000), node_id=node, run=name)
    run(_list(request, limit, output))


def attachment(
    name: Annotated[str, typer.Argument(help="Decision, for example resolutions/3.")],
    out: Annotated[Path, typer.Option("--out", help="File to write; it must not exist.")],
) -> None:
    """Read a decision's attachment back and check its digest."""
    attachments.check_target(out)
    run(_attachment(name, out))


async def _resolve(
    wanted: api.PlanResolutionRequest, attached: Path | None, output: Output
) -> None:
    from lpse.operator.v1.resolutions_pb2_grpc import ResolutionsStub

    content = await asyncio.to_thread(attachments.read_attachment, attached) if attached else b""
    async with session.connect() as opened:
        if attached is not None:
            wanted.attachment_name = attached.name
            wanted.attachment_digest = await _bring(opened, content)
        answer = await ResolutionsStub(opened.channel).PlanResolution(wanted)
    planning.show_plan(answer.plan, output)
    if answer.plan.name:
        note(say("Now a second person: lkppctl recon approve --plan {plan}", plan=answer.plan.name))


async def _bring(opened: Session, content: bytes) -> bytes:
    from lpse.operator.v1 import resolutions_pb2 as api
    from lpse.operator.v1.resolutions_pb2_grpc import ResolutionsStub

    async def pieces() -> AsyncIterator[api.UploadAttachmentRequest]:
        for piece in attachments.pieces(content):
            yield api.UploadAttachmentRequest(data=piece)

    stored = await ResolutionsStub(opened.channel).UploadAttachment(pieces())
    attachments.check_stored(stored.digest, content)
    return stored.digest


async def _list(request: api.ListResolutionsRequest, limit: int, output: Output) -> None:
    from lpse.operator.v1.resolutions_pb2_grpc import ResolutionsStub

    found: list[api.Resolution] = []
    async with session.connect() as opened:
        while True:
            page = await ResolutionsStub(opened.channel).ListResolutions(request)
            found.extend(page.resolutions)
            if not page.next_page_token or len(found) >= limit:
                break
            request.page_token = page.next_page_token
    rows = [plain(one) for one in found[:limit]]
    if output is Output.TABLE:
        rows = [{**row["record"], **row} for row in rows]
    show_list(rows, COLUMNS, output)


async def _attachment(name: str, out: Path) -> None:
    from lpse.operator.v1 import resolutions_pb2 as api
    from lpse.operator.v1.resolutions_pb2_grpc import ResolutionsStub

    async with session.connect() as opened:
        stub = ResolutionsStub(opened.channel)
        found = await stub.GetResolution(api.GetResolutionRequest(name=name))
        record = found.resolution.record
        attachments.check_attached(record)
        came = stub.ReadAttachment(api.ReadAttachmentRequest(name=name))
        data = await attachments.gathered(record, (piece.data async for piece in came))
    await asyncio.to_thread(attachments.write_back, out, data)
    note(say("{size} bytes of {name} are in {path}", size=len(data), name=name, path=out))
