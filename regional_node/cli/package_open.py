"""`lpse-node package open CODE --out DIR`: open a package after its deadline and take it over.

Owns the flags, the signature of the officer who opens, and what is shown; `open_package` is mounted
under the noun `package`. Rules: refused before the effective deadline and during a hold, by the
node; with `--confirm` the hand-over is confirmed only when every byte is on this disk. Leaves out
writing (`takeover`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lpse.terminal.output import (
    EXIT_PARTIAL,
    Column,
    Output,
    OutputOption,
    note,
    progress,
    run,
    show,
)
from lpse.terminal.words import date_text, duration_text, say, say_count, size_text
from regional_node.cli import session

if TYPE_CHECKING:
    import grpc

    from lpse.intake.v1 import submissions_pb2 as wire
    from regional_node.cli.takeover import Takeover

COLUMNS: Final = (
    Column("package", "Package"),
    Column("deadline", "Deadline"),
    Column("opened", "Opened"),
    Column("submissions", "Submissions"),
    Column("attempts", "Refused attempts"),
    Column("bytes", "Bytes", size_text),
    Column("late", "Late"),
    Column("undetermined", "Undetermined"),
    Column("replaced", "Replaced"),
    Column("unreadable", "Unreadable files"),
    Column("out", "Folder"),
    Column("confirm_time", "Confirmed"),
)


def open_package(
    code: Annotated[str, typer.Argument(help="Package code.")],
    out: Annotated[Path, typer.Option(help="New folder for everything that is handed over.")],
    *,
    actor: Annotated[
        str | None, typer.Option("--as", help="Name of the Pokja officer who opens.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="File of that officer's private key.")
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Confirm the hand-over once all of it is stored.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Open a package whose effective deadline has passed, and take over all its submissions."""
    taken = run(_open(code, out, (actor, key), confirm=confirm))
    shown = dict(taken)
    if output is Output.TABLE:
        shown["deadline"] = _date(taken["deadline_time"], taken["zone"])
        shown["opened"] = _opened(taken)
    show(shown, COLUMNS, output, name="package")
    if taken["undetermined"]:
        note(say("The clock could not tell whether these bids came before the deadline."))
        note(say("The Pokja decides on each in SPSE; manifests and receipts say what is known."))
    if taken["replaced"]:
        note(say("A bid that was replaced is handed over too: the newer manifest says replaces."))
    if taken["unreadable"]:
        note(say("Some files could not be handed over; their manifests name them."))
        raise typer.Exit(EXIT_PARTIAL)


async def _open(
    code: str, out: Path, signer: tuple[str | None, Path | None], *, confirm: bool
) -> dict[str, Any]:
    from lpse.intake.v1 import submissions_pb2 as wire
    from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
    from regional_node.cli.takeover import Takeover

    takeover = Takeover(out)
    try:
        async with session.connect() as channel:
            request = wire.ReleaseSubmissionsRequest(package=code)
            await _sign(channel, request, signer)
            await _receive(SubmissionsStub(channel), request, takeover)
            takeover.finish()
            return await _confirm(channel, takeover, out, confirm=confirm)
    finally:
        takeover.discard()


async def _sign(
    channel: grpc.aio.Channel,
    request: wire.ReleaseSubmissionsRequest,
    signer: tuple[str | None, Path | None],
) -> None:
    from lpse.federation.errors import Refused
    from regional_node.cli.acting import sign
    from regional_node.intake.rules import OPEN, open_subject

    actor, key = signer
    if actor is None and key is None:
        return
    if actor is None or key is None:
        raise Refused("FED-5210", "an officer opens with a name and a key", remedy="--as and --key")
    digest = open_subject(request.package)
    signed = await sign(channel, actor=actor, key=key, act=OPEN, digest=digest)
    request.act.CopyFrom(signed)


async def _receive(stub: Any, request: wire.ReleaseSubmissionsRequest, takeover: Takeover) -> None:
    with progress() as bars:
        bar = bars.add_task(say("Taking over"), total=None)
        async for message in stub.ReleaseSubmissions(request):
            takeover.take(message)
            if message.HasField("package"):
                bars.update(bar, total=message.package.submissions)
            bars.update(bar, completed=takeover.submissions)


async def _confirm(
    channel: grpc.aio.Channel, takeover: Takeover, out: Path, *, confirm: bool
) -> dict[str, Any]:
    from lpse.intake.v1 import submissions_pb2 as wire
    from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
    from lpse.terminal.plain import plain

    document: dict[str, Any] = {
        **plain(takeover.package),
        "bytes": takeover.received_bytes,
        "late": takeover.late,
        "undetermined": takeover.undetermined,
        "replaced": takeover.replaced,
        "unreadable": takeover.unreadable,
        "out": str(out),
        "confirm_time": None,
    }
    _tell_waiting(takeover.package.waiting)
    if confirm and not takeover.unreadable:
        request = wire.ConfirmHandoverRequest(
            package=takeover.package.package, submissions=takeover.submissions
        )
        answer = await SubmissionsStub(channel).ConfirmHandover(request)
        document["confirm_time"] = plain(answer.confirm_time)
    return document


def _tell_waiting(count: int) -> None:
    """After a rebuild: an opening that may lack submissions says so."""
    if not count:
        return
    note(
        say_count(
            "One submission of this node waits for its details; it may be of this package.",
            "{count} submissions of this node wait for their details; some may be of this package.",
            count,
        )
    )
    note(say("Complete them with receipt restore or recovery-code enter, then open it again."))


def _opened(taken: dict[str, Any]) -> str:
    """The right time: the clock's reading plus what it lacked, and how far that may be wrong."""
    offset, error = taken.get("clock_offset_seconds"), taken.get("clock_error_seconds")
    if offset is None:
        return _date(taken["open_time"], taken["zone"])
    right = datetime.fromisoformat(taken["open_time"]) + timedelta(seconds=offset)
    return f"{date_text(right, taken['zone'])} ± {duration_text(ceil(error or 0))}"


def _date(value: str, zone: str) -> str:
    return date_text(datetime.fromisoformat(value).astimezone(UTC), zone)
