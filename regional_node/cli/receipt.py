"""`lpse-node receipt {show,verify,upgrade,restore,waiting}`: a node's signed word, and its check.

Rule: `verify` needs the receipt, or the proof that it became, and public keys: no daemon, no
network and no database. Leaves out what a receipt says and how it is checked
(`lpse.federation.receipts`, `receipt_proofs`) and the choice of the signed file (`receipt_files`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from lpse.terminal.output import Column, Output, OutputOption, fail, note, run, show
from lpse.terminal.words import say
from regional_node.cli import session

app = typer.Typer(help="Receipts of submissions and proofs of attempts.")

COLUMNS: Final = (
    Column("kind", "Kind", say),
    Column("code", "Code"),
    Column("node", "Node"),
    Column("verdict", "Verdict", say),
    Column("reason", "Reason", say),
    Column("accept_time_local", "Accepted"),
    Column("refuse_time_local", "Refused"),
    Column("deadline_time_local", "Deadline"),
    Column("not_after_time", "Not after"),
    Column("journal_index", "Journal entry"),
    Column("package", "Package"),
    Column("vendor", "Vendor"),
    Column("files", "Files"),
    Column("files_checked", "Files compared"),
    Column("exercise", "Exercise"),
)
KEY_HELP: Final = "Intake key of the submission."


@app.command("show")
def show_receipt(
    key: Annotated[str, typer.Argument(help=KEY_HELP)],
    public_key_out: Annotated[
        Path | None, typer.Option("--public-key", help="Where the node's public key is put.")
    ] = None,
    pdf: Annotated[Path | None, typer.Option(help="Where the receipt in print is put.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print a receipt, or the proof of an attempt, byte for byte."""
    run(_show(key, public_key_out, pdf, output))


@app.command()
def verify(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECEIPT [FILES]...",
            help="Receipt (text, print or JSON) or proof, and bid files, in any order.",
        ),
    ],
    public_key: Annotated[
        str,
        typer.Option(help="Public key of the node, name+id+key, or a file with it, such as /keys."),
    ],
    centre_key: Annotated[
        str,
        typer.Option(
            help="Public key of the centre: for a proof, and to check the national head as well."
        ),
    ] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Check a receipt or proof offline: signatures, commitment, files; exit code 1 otherwise."""
    from lpse.federation.errors import FederationError
    from regional_node.cli import receipt_files

    try:
        signed, files = receipt_files.sort_out(paths)
        checked = receipt_files.check(signed, files, public_key, centre_key)
    except FederationError as error:
        fail(error)
    show(receipt_files.row(checked), COLUMNS, output)
    note(receipt_files.finding(checked))
    for file in checked.receipt.files_missing if files else ():
        note(say("Not compared: {name}", name=file.name))


@app.command()
def upgrade(
    key: Annotated[str, typer.Argument(help=KEY_HELP)],
    out: Annotated[
        Path | None, typer.Option(help="File for the proof; standard output without it.")
    ] = None,
    public_key_out: Annotated[
        Path | None, typer.Option("--public-key", help="Where the node's public key is put.")
    ] = None,
    centre_key_out: Annotated[
        Path | None, typer.Option("--centre-key", help="Where the centre's public key is put.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """After the opening: make a receipt a proof that verifies without node and centre."""
    run(_upgrade(key, (out, public_key_out, centre_key_out), output))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="Receipt as it was handed out: text or print.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Give a rebuilt node the details of a submission back, from the vendor's own receipt."""
    from regional_node.cli import receipt_waiting

    run(receipt_waiting.restore(file, output))


@app.command()
def waiting(output: OutputOption = Output.TABLE) -> None:
    """Entries of a rebuilt node whose details nobody here knows."""
    from regional_node.cli import receipt_waiting

    run(receipt_waiting.waiting(output))


async def _show(key: str, public_key_out: Path | None, pdf: Path | None, output: Output) -> None:
    from lpse.federation.receipt_codes import code_of
    from lpse.intake.v1 import receipts_pb2 as print_wire
    from lpse.intake.v1 import submissions_pb2 as wire
    from lpse.intake.v1.receipts_pb2_grpc import ReceiptsStub
    from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
    from lpse.terminal.plain import plain
    from regional_node.cli.keeping import keep_file

    name = _name(key)
    async with session.connect() as channel:
        answer = await SubmissionsStub(channel).GetReceipt(wire.GetReceiptRequest(name=name))
        if pdf is not None:
            asked = print_wire.PrintReceiptRequest(name=name)
            keep_file(pdf, (await ReceiptsStub(channel).PrintReceipt(asked)).pdf)
    if public_key_out is not None:
        keep_file(public_key_out, f"{answer.public_key}\n".encode())
    if output is Output.TABLE:
        _write(answer.receipt)
        return
    code = code_of(answer.receipt)
    text = answer.receipt.decode("utf-8")
    attempts = [proof.decode("utf-8") for proof in answer.attempts]
    document = {**plain(answer), "receipt": text, "attempts": attempts, "code": code}
    show({"name": name, **document}, (), output)


async def _upgrade(
    key: str, outs: tuple[Path | None, Path | None, Path | None], output: Output
) -> None:
    from lpse.intake.v1 import receipts_pb2 as wire
    from lpse.intake.v1.receipts_pb2_grpc import ReceiptsStub
    from lpse.terminal.plain import plain
    from regional_node.cli.keeping import keep_file

    name = _name(key)
    async with session.connect() as channel:
        answer = await ReceiptsStub(channel).UpgradeReceipt(wire.UpgradeReceiptRequest(name=name))
    out, node_key, centre_key = outs
    if out is not None:
        keep_file(out, answer.proof)
    if node_key is not None:
        keep_file(node_key, f"{answer.node_key}\n".encode())
    if centre_key is not None:
        keep_file(centre_key, f"{answer.centre_key}\n".encode())
    if output is not Output.TABLE:
        show({"name": name, **plain(answer), "proof": answer.proof.decode("utf-8")}, (), output)
    elif out is None:
        _write(answer.proof)
    else:
        note(say("The proof is in {name}", name=out))


def _name(key: str) -> str:
    return key if key.startswith("submissions/") else f"submissions/{key}"


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
