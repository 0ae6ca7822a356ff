"""`lpse-node recon {resolve,resolutions,attachment}`: what an admin decided about the node's runs.

Rules: only what changes nothing at the centre is decided here; the private key is read where the
command runs and never sent; an attachment is brought before it is signed for, stays at the node,
and its digest is checked when it is read back. Leaves out what a person decides for the federation
(`lkppctl`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lpse.terminal import attachments
from lpse.terminal.output import Column, Output, OutputOption, note, run, show, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import say, when
from regional_node.cli import acting, session
from regional_node.cli.acting import AsOption, KeyOption
from regional_node.cli.status import zone_of

if TYPE_CHECKING:
    import grpc

    from lpse.intake.v1 import resolutions_pb2 as api

_MORE: Final = (
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
        reason: Annotated[str, typer.Option(help="Why; it stands in the node's journal.")],
        actor: AsOption,
        key: KeyOption,
        attachment: Annotated[
            Path | None,
            typer.Option(
                help="A file that shows it, at most 10 MB. It stays at this node; the centre sees"
                " its name, its size and the digest that proves it."
            ),
        ] = None,
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
        run(_resolve(wanted, (actor, key), attachment, output))

    app.command("resolutions")(list_resolutions)
    app.command("attachment")(attachment)


def list_resolutions(
    name: Annotated[str, typer.Option("--run", help="Only about this run.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Decisions to show, newest first.")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List what persons decided, newest first."""
    run(_list(name, limit, output))


def attachment(
    name: Annotated[str, typer.Argument(help="Decision, for example resolutions/3.")],
    out: Annotated[Path, typer.Option("--out", help="File to write; it must not exist.")],
) -> None:
    """Read a decision's attachment back and check its digest."""
    attachments.check_target(out)
    run(_attachment(name, out))


async def _resolve(
    wanted: api.ResolveEntryRequest,
    signer: tuple[str, Path],
    attached: Path | None,
    output: Output,
) -> None:
    from lpse.intake.v1.resolutions_pb2_grpc import ResolutionsStub
    from regional_node.reconciliation.resolving import ACT, resolution_digest

    actor, key = signer
    content = await asyncio.to_thread(attachments.read_attachment, attached) if attached else b""
    async with session.connect() as channel:
        if attached is not None:
            wanted.attachment_name, wanted.attachment_bytes = attached.name, len(content)
            wanted.attachment_digest = await _bring(channel, content)
        digest = resolution_digest(wanted)
        signed = await acting.sign(channel, actor=actor, key=key, act=ACT, digest=digest)
        wanted.act.CopyFrom(signed)
        answer = await ResolutionsStub(channel).ResolveEntry(wanted)
        zone = await zone_of(channel)
    show(_row(answer.resolution, output), _columns(zone), output)


async def _bring(channel: grpc.aio.Channel, content: bytes) -> bytes:
    from lpse.intake.v1 import resolutions_pb2 as api
    from lpse.intake.v1.resolutions_pb2_grpc import ResolutionsStub

    async def pieces() -> AsyncIterator[api.UploadAttachmentRequest]:
        for piece in attachments.pieces(content):
            yield api.UploadAttachmentRequest(data=piece)

    stored = await ResolutionsStub(channel).UploadAttachment(pieces())
    attachments.check_stored(stored.digest, content)
    return stored.digest


async def _attachment(name: str, out: Path) -> None:
    from lpse.intake.v1 import resolutions_pb2 as api
    from lpse.intake.v1.resolutions_pb2_grpc import ResolutionsStub

    async with session.connect() as channel:
        stub = ResolutionsStub(channel)
        found = await stub.GetResolution(api.GetResolutionRequest(name=name))
        record = found.resolution.record
        attachments.check_attached(record)
        came = stub.ReadAttachment(api.ReadAttachmentRequest(name=name))
        data = await attachments.gathered(record, (piece.data async for piece in came))
    await asyncio.to_thread(attachments.write_back, out, data)
    note(say("{size} bytes of {name} are in {path}", size=len(data), name=name, path=out))


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
