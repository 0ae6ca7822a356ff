"""`lpse-node upload FILE… --package CODE --details FILE|-`: hand a submission in at this node.

Owns the flags and what the person sees. Rules: a vendor's reference comes from the details document
only, never from a flag (command lines are visible to others); repeating the same command gives the
same receipt. Leaves out reading and sending (`uploading`).
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lpse.terminal.output import (
    Column,
    Output,
    OutputOption,
    interactive,
    note,
    progress,
    run,
    show,
)
from lpse.terminal.words import say, say_count, size_text
from regional_node.cli import session

if TYPE_CHECKING:
    from lpse.intake.v1 import submissions_pb2 as wire
    from regional_node.cli.uploading import LocalFile

app = typer.Typer()


class Door(StrEnum):
    """By which door a submission comes."""

    DIRECT = "direct"
    BIDDING_ROOM = "bidding-room"


@app.command("upload")
def upload(
    files: Annotated[list[Path], typer.Argument(help="1 to 250 sealed files, one submission.")],
    *,
    package: Annotated[str, typer.Option(help="Package code.")],
    details: Annotated[
        str, typer.Option(help='JSON with "vendor" and more: a file, or - for standard input.')
    ],
    channel: Annotated[Door, typer.Option(help="By which door it comes.")] = Door.DIRECT,
    seat: Annotated[int, typer.Option(help="Number of the PC in the Bidding Room.", min=0)] = 0,
    stage: Annotated[str, typer.Option(help="Upload stage, where a package has several.")] = "",
    key: Annotated[
        str, typer.Option(help="Intake key; made from the content where it is not given.")
    ] = "",
    replaces: Annotated[
        str, typer.Option(help="Intake key of the earlier submission that this one replaces.")
    ] = "",
    receipt: Annotated[
        Path | None, typer.Option(help="Where the receipt, or the proof of an attempt, is put.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Hand in a submission; it is safe here once the receipt is printed, centre or no centre."""
    from lpse.intake.v1 import submissions_pb2 as wire

    async def work() -> None:
        begin = wire.BeginSubmission(
            intake_key=key,
            package=package,
            stage=stage,
            details_json=read_details(details),
            channel=(wire.CHANNEL_DIRECT if channel is Door.DIRECT else wire.CHANNEL_BIDDING_ROOM),
            seat=seat,
            replaces=replaces.removeprefix("submissions/"),
        )
        accepted = await _upload(begin, files, receipt)
        show(_document(accepted), _columns(accepted.zone), output)
        _tell(accepted, receipt)

    run(work())


async def _upload(
    begin: wire.BeginSubmission, files: list[Path], receipt: Path | None
) -> wire.Submission:
    from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
    from regional_node.cli.uploading import send

    _check_early(begin, files)
    with progress() as bars:
        local = _examine(files, bars)
        _declare(begin, local)
        total = sum(file.size_bytes for file in local)
        if not interactive():
            note(
                say_count(
                    "Sending {count} file, {size}.",
                    "Sending {count} files, {size}.",
                    len(local),
                    size=size_text(total),
                )
            )
        bar = bars.add_task(say("Sending"), total=total)
        async with session.connect() as channel:
            accepted = await send(
                SubmissionsStub(channel),
                begin,
                local,
                lambda size: bars.advance(bar, size),
                lambda proof: _keep_proof(begin.intake_key, proof, receipt),
            )
    if receipt is not None:
        _keep(receipt, accepted.receipt)
    return accepted


def _check_early(begin: wire.BeginSubmission, files: list[Path]) -> None:
    """Refuse what the node would refuse, before gigabytes are read."""
    from lpse.federation.errors import Refused
    from lpse.federation.limits import SUBMISSION_FILES_MAX
    from regional_node.intake.details import check_key, check_package, read_vendor_details

    if not 1 <= len(files) <= SUBMISSION_FILES_MAX:
        raise Refused("FED-5002", f"a submission has 1 to {SUBMISSION_FILES_MAX} files")
    if len({path.name for path in files}) != len(files):
        raise Refused("FED-5002", "two files have the same name", remedy="rename one of them")
    check_package(begin.package)
    read_vendor_details(begin.details_json)
    for key in (begin.intake_key, begin.replaces):
        if key:
            check_key(key)


def _examine(files: list[Path], bars: Any) -> list[LocalFile]:
    from regional_node.cli.uploading import examine

    bar = bars.add_task(say("Reading"), total=None)
    return [examine(path, lambda size: bars.advance(bar, size)) for path in files]


def _declare(begin: wire.BeginSubmission, files: list[LocalFile]) -> None:
    """Add names, sizes and digests; and a key that the same content makes again."""
    from hashlib import sha256

    from lpse.intake.v1 import submissions_pb2 as wire

    begin.files.extend(
        wire.DeclaredFile(name=file.path.name, size_bytes=file.size_bytes, sha256=file.sha256)
        for file in files
    )
    if not begin.intake_key:
        content = begin.SerializeToString(deterministic=True)
        begin.intake_key = f"up-{sha256(content).hexdigest()[:40]}"


def read_details(source: str) -> bytes:
    """A details document from a file, or from standard input for `-`; Refused FED-5017."""
    from lpse.federation.errors import Refused
    from lpse.federation.limits import DETAILS_FILE_BYTES_MAX

    try:
        if source == "-":
            return sys.stdin.buffer.read(DETAILS_FILE_BYTES_MAX)
        with Path(source).open("rb") as file:
            return file.read(DETAILS_FILE_BYTES_MAX)
    except OSError as error:
        reason = error.strerror or "an error"
        raise Refused("FED-5017", f"the details cannot be read: {reason}") from error


def _tell(accepted: wire.Submission, receipt: Path | None) -> None:
    """What a person should know besides the table: empty files, doubt, and where the receipt is."""
    from lpse.federation.v1.records_pb2 import Verdict

    for warning in accepted.warnings:
        number = warning.file + 1
        note(say("Look again: file {number} is empty. It was accepted as it is.", number=number))
    if accepted.verdict == Verdict.VERDICT_UNDETERMINED:
        note(say("This node's clock is too uncertain to say whether it came before the deadline."))
        note(say("Everything is kept and handed over; the Pokja decides, and writes down why."))
    if receipt is not None:
        note(say("The receipt is in {path}.", path=receipt))
    else:
        key = accepted.name.removeprefix("submissions/")
        note(say("The receipt: lpse-node receipt show {key}", key=key))


def _keep_proof(key: str, proof: bytes, receipt: Path | None) -> None:
    if receipt is not None:
        _keep(receipt, proof)
        note(say("The proof of the attempt is in {path}.", path=receipt))
    else:
        note(say("Proof of the attempt: lpse-node receipt show {key}", key=key))


def _keep(path: Path, content: bytes) -> None:
    from regional_node.cli.keeping import keep_file

    keep_file(path, content)


def _document(accepted: wire.Submission) -> dict[str, Any]:
    from lpse.terminal.plain import plain

    return {**plain(accepted), "receipt": accepted.receipt.decode("utf-8")}


def _columns(zone: str) -> list[Column]:
    from datetime import datetime

    from lpse.terminal.words import date_text

    def date(value: str) -> str:
        return date_text(datetime.fromisoformat(value), zone)

    return [
        Column("name", "Name"),
        Column("verdict", "Verdict", say),
        Column("accept_time", "Accepted", date),
        Column("deadline_time", "Deadline", date),
        Column("replaces", "Replaces"),
        Column("commitment", "Commitment"),
        Column("repeated", "Repeated"),
    ]
