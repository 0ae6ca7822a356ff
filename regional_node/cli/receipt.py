"""`lpse-node receipt {show,verify}`: the signed word of a node, and its check by anyone.

Rule: `verify` needs the receipt and the node's public key, no daemon, no network and no database.
Leaves out what a receipt says and how it is checked (`lpse.federation.receipts`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lpse.terminal.output import Column, Output, OutputOption, fail, note, run, show
from lpse.terminal.words import say
from regional_node.cli import session

if TYPE_CHECKING:
    from lpse.federation.notes import Verifier
    from lpse.federation.receipts import VerifiedReceipt

app = typer.Typer(help="Receipts of submissions and proofs of attempts.")

COLUMNS: Final = (
    Column("kind", "Kind", say),
    Column("node", "Node"),
    Column("verdict", "Verdict", say),
    Column("reason", "Reason", say),
    Column("accept_time_local", "Accepted"),
    Column("refuse_time_local", "Refused"),
    Column("deadline_time_local", "Deadline"),
    Column("package", "Package"),
    Column("vendor", "Vendor"),
    Column("files", "Files"),
    Column("files_checked", "Files compared"),
    Column("exercise", "Exercise"),
)


@app.command("show")
def show_receipt(
    key: Annotated[str, typer.Argument(help="Intake key of the submission.")],
    public_key_out: Annotated[
        Path | None, typer.Option("--public-key", help="Where the node's public key is put.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print a receipt, or the proof of an attempt, byte for byte."""
    run(_show(key, public_key_out, output))


@app.command()
def verify(
    receipt: Annotated[Path, typer.Argument(help="File of the receipt.")],
    public_key: Annotated[
        str, typer.Option(help="Public key of the node, name+id+key, or a file that holds it.")
    ],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files to compare with the receipt.")
    ] = None,
    centre_key: Annotated[
        str, typer.Option(help="Public key of the centre, to check the national head as well.")
    ] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Check a receipt offline: signature, commitment and files; exit code 1 if anything differs."""
    from lpse.federation.errors import FederationError

    try:
        verified = _verify(receipt, public_key, files or [], centre_key)
    except FederationError as error:
        fail(error)
    show(_row(verified, len(files or [])), COLUMNS, output)
    for file in verified.files_missing if files else ():
        note(say("Not compared: {name}", name=file.name))


async def _show(key: str, public_key_out: Path | None, output: Output) -> None:
    from lpse.intake.v1 import submissions_pb2 as wire
    from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
    from lpse.terminal.plain import plain
    from regional_node.cli.keeping import keep_file

    name = key if key.startswith("submissions/") else f"submissions/{key}"
    async with session.connect() as channel:
        answer = await SubmissionsStub(channel).GetReceipt(wire.GetReceiptRequest(name=name))
    if public_key_out is not None:
        keep_file(public_key_out, f"{answer.public_key}\n".encode())
    if output is Output.TABLE:
        sys.stdout.buffer.write(answer.receipt)
        sys.stdout.buffer.flush()
        return
    document = {"name": name, **plain(answer), "receipt": answer.receipt.decode("utf-8")}
    show(document, (), output)


def _verify(receipt: Path, public_key: str, files: list[Path], centre_key: str) -> VerifiedReceipt:
    from lpse.federation.receipts import verify_receipt
    from regional_node.cli.uploading import examine

    node = _key(public_key)
    centre = _key(centre_key) if centre_key else None
    contents = [examine(path, lambda _: None) for path in files]
    return verify_receipt(
        _read(receipt),
        node,
        [(file.size_bytes, file.sha256) for file in contents],
        centre=centre,
    )


def _key(source: str) -> Verifier:
    from lpse.federation.notes import Verifier

    path = Path(source)
    is_file = "+" not in source or path.is_file()
    text = _read(path).decode("utf-8", errors="replace") if is_file else source
    return Verifier.parse(text.strip())


def _read(path: Path) -> bytes:
    from lpse.federation.errors import Refused
    from lpse.federation.limits import NOTE_BYTES_MAX

    try:
        with path.open("rb") as file:
            return file.read(NOTE_BYTES_MAX + 1)
    except OSError as error:
        raise Refused("FED-5017", f"{path} cannot be read: {error.strerror}") from error


def _row(verified: VerifiedReceipt, compared: int) -> dict[str, Any]:
    return {
        "valid": True,
        "kind": "RECEIPT" if verified.accepted else "ATTEMPT",
        **{key: value for key, value in verified.document.items() if key != "details"},
        "package": verified.details.package,
        "vendor": verified.details.vendor,
        "files": len(verified.details.files),
        "files_checked": compared,
        "details": verified.document["details"],
    }
