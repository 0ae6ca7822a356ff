"""`lkppctl release {add,list,get,verify,withdraw}`: versions that nodes may be asked to run.

Rules: `add` asks the centre first how much of the bundle it has and sends the rest, so it can be
repeated after a cut; publishing the same bytes again is harmless. Leaves out rollouts.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from central.ctl import session
from central.ctl.session import Session
from lpse.federation.errors import Refused, Unavailable
from lpse.federation.limits import BUNDLE_BYTES_MAX, MIB
from lpse.terminal.output import (
    EXIT_FAILURE,
    Column,
    ConfirmationNeeded,
    Output,
    OutputOption,
    ask,
    note,
    progress,
    run,
    show,
    show_list,
)
from lpse.terminal.plain import plain
from lpse.terminal.words import say, size_text, when

app = typer.Typer(help="Releases of SPSE: bundles, published for good.")

_WHEN: Final = when("Asia/Jakarta")
_CHUNK_BYTES: Final = MIB
COLUMNS: Final = (
    Column("version", "Version"),
    Column("state", "State", say),
    Column("from_versions", "From", ", ".join),
    Column("bundle_bytes", "Size", size_text, right=True),
    Column("publish_time", "Published", _WHEN),
    Column("published_by", "By"),
)
DETAILS: Final = (
    *COLUMNS,
    Column("bundle_digest", "Digest"),
    Column("manifest_digest", "Manifest digest"),
    Column("national_index", "National entry", right=True),
    Column("notes", "Notes"),
    Column("withdraw_time", "Withdrawn", _WHEN),
    Column("withdrawn_by", "Withdrawn by"),
    Column("withdraw_reason", "Reason"),
)
VersionArgument = Annotated[str, typer.Argument(help="Version, for example 3.6.")]


@app.command()
def add(
    bundle: Annotated[Path, typer.Argument(help="The bundle, a tar.gz with its manifest first.")],
    version: Annotated[str, typer.Option(help="Its version; another one inside is refused.")],
    from_versions: Annotated[
        list[str] | None,
        typer.Option("--from", help="Version to upgrade from; repeat. Default: all it knows."),
    ] = None,
    notes: Annotated[str, typer.Option(help="A remark for people.")] = "",
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Bring and check it, publish nothing.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Bring a bundle to the centre, check it, publish it."""
    run(_add(bundle, (version, from_versions or [], notes), validate_only, output))


@app.command("list")
def list_releases(output: OutputOption = Output.TABLE) -> None:
    """List releases, newest first."""
    run(_list(output))


@app.command()
def get(version: VersionArgument, output: OutputOption = Output.TABLE) -> None:
    """Show one release."""
    run(_get(version, output))


@app.command()
def verify(
    version: VersionArgument,
    bundle: Annotated[
        Path | None, typer.Argument(help="Compare this file too, without sending it.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Have the centre read the bundle again from its disk; compare a file of yours with it."""
    run(_verify(version, bundle, output))


@app.command()
def withdraw(
    version: VersionArgument,
    reason: Annotated[str, typer.Option(help="Why; it stands in the national journal.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let no node begin with this release any more."""
    if not yes and ask(say("Type the version to withdraw it:")) != version:
        raise ConfirmationNeeded("FED-8013", "the version was not confirmed")
    run(_withdraw(version, reason, output))


async def _add(
    path: Path, wanted: tuple[str, list[str], str], validate_only: bool, output: Output
) -> None:
    from lpse.operator.v1.releases_pb2 import AddReleaseRequest
    from lpse.operator.v1.releases_pb2_grpc import ReleasesStub

    version, from_versions, notes = wanted
    digest, size = await asyncio.to_thread(_digest_of, path)
    async with session.connect() as opened:
        await _bring(opened, path, digest, size)
        release = await ReleasesStub(opened.channel).AddRelease(
            AddReleaseRequest(
                version=version,
                from_versions=from_versions,
                bundle_digest=digest,
                notes=notes,
                validate_only=validate_only,
            )
        )
    show(release, DETAILS, output)


async def _bring(opened: Session, path: Path, digest: bytes, size: int) -> None:
    """Send what the centre does not have yet."""
    from lpse.operator.v1 import releases_pb2 as api
    from lpse.operator.v1.releases_pb2_grpc import ReleasesStub

    call = ReleasesStub(opened.channel).UploadBundle()
    begin = api.BeginBundle(digest=digest, size_bytes=size)
    await call.write(api.UploadBundleRequest(begin=begin))
    offset = (await _answer(call)).accepted.offset_bytes
    if offset == size:
        note(say("The centre has these bytes already."))
    with progress() as bar:
        task = bar.add_task(say("Sending"), total=size, completed=offset)

        async def send() -> None:
            async for data in _chunks(path, offset):
                await call.write(api.UploadBundleRequest(chunk=data))
            await call.write(api.UploadBundleRequest(finish=api.FinishBundle()))
            await call.done_writing()

        await _until_verified(call, send, lambda done: bar.update(task, completed=done))
    note(say("The centre has verified {size}.", size=size_text(size)))


async def _until_verified(call: Any, send: Callable[[], Any], told: Callable[[int], None]) -> None:
    """The centre's last word decides; a write that fails knows less than its answer."""
    sending = asyncio.ensure_future(send())
    try:
        while True:
            answer = await _answer(call)
            if answer.WhichOneof("part") == "verified":
                return
            told(answer.durable.offset_bytes)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _answer(call: Any) -> Any:
    import grpc

    answer = await call.read()
    if answer is grpc.aio.EOF:
        raise Unavailable("FED-2313", "the centre's answer to a transfer was not understood")
    return answer


async def _chunks(path: Path, offset: int) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while data := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield data


def _digest_of(path: Path) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").digest()
            size = file.tell()
    except OSError as error:
        raise Refused("FED-6010", f"{path} cannot be read: {error.strerror}") from error
    if not 0 < size <= BUNDLE_BYTES_MAX:
        raise Refused("FED-6010", f"{path} has {size} bytes; a bundle has 1 to {BUNDLE_BYTES_MAX}")
    return found, size


async def _list(output: Output) -> None:
    from lpse.operator.v1.releases_pb2 import ListReleasesRequest
    from lpse.operator.v1.releases_pb2_grpc import ReleasesStub

    rows: list[Any] = []
    request = ListReleasesRequest()
    async with session.connect() as opened:
        while True:
            answer = await ReleasesStub(opened.channel).ListReleases(request)
            rows.extend(answer.releases)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    show_list(rows, COLUMNS, output)


async def _get(version: str, output: Output) -> None:
    from lpse.operator.v1.releases_pb2 import GetReleaseRequest
    from lpse.operator.v1.releases_pb2_grpc import ReleasesStub

    async with session.connect() as opened:
        release = await ReleasesStub(opened.channel).GetRelease(
            GetReleaseRequest(name=_name(version))
        )
    show(release, DETAILS, output)


async def _verify(version: str, bundle: Path | None, output: Output) -> None:
    from lpse.operator.v1.releases_pb2 import VerifyReleaseRequest
    from lpse.operator.v1.releases_pb2_grpc import ReleasesStub

    async with session.connect() as opened:
        answer = await ReleasesStub(opened.channel).VerifyRelease(
            VerifyReleaseRequest(name=_name(version))
        )
    row = {**plain(answer.release), "intact": answer.intact, "detail": answer.detail}
    if bundle is not None:
        digest, _ = await asyncio.to_thread(_digest_of, bundle)
        row["file_matches"] = digest == answer.release.bundle_digest
    columns = [Column("intact", "Intact at the centre"), Column("detail", "Difference")]
    if bundle is not None:
        columns.append(Column("file_matches", "Your file is the same"))
    show(row, [*DETAILS, *columns], output)
    if not row["intact"] or not row.get("file_matches", True):
        raise typer.Exit(EXIT_FAILURE)


async def _withdraw(version: str, reason: str, output: Output) -> None:
    from lpse.operator.v1.releases_pb2 import WithdrawReleaseRequest
    from lpse.operator.v1.releases_pb2_grpc import ReleasesStub

    async with session.connect() as opened:
        release = await ReleasesStub(opened.channel).WithdrawRelease(
            WithdrawReleaseRequest(name=_name(version), reason=reason)
        )
    show(release, DETAILS, output)


def _name(version: str) -> str:
    return version if version.startswith("releases/") else f"releases/{version}"
