"""`recon export` and `recon verify` of both programs: a signed file, whole or not there at all.

Rules: the file grows beside its name and takes it only once the header is in and everything is on
the disk; an interrupted export leaves nothing; an existing file is not overwritten. Verifying needs
no daemon and no network, and always a key that the reader brought along. Leaves out the form of the
file (`lpse.federation.recon_export`).
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from lpse.federation.errors import Conflict, Refused
from lpse.federation.limits import EXPORT_HEADER_BYTES
from lpse.federation.notes import Verifier
from lpse.federation.recon_export_check import Report, header_of, verify_export
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.terminal.output import Column, Output, note, progress, show
from lpse.terminal.recon_flags import Form
from lpse.terminal.words import say, size_text

COLUMNS: Final = (
    Column("file", "File"),
    Column("filter", "Filter"),
    Column("export_time", "Exported"),
    Column("exported_by", "Exported by"),
    Column("key", "Key"),
    Column("head", "Journal head"),
    Column("runs", "Runs"),
    Column("rows", "Entries"),
    Column("body_bytes", "Bytes"),
    Column("sha256", "SHA-256"),
)


def form_of(form: Form | None, target: Path) -> Form:
    """As asked for, or as the file's name tells."""
    return form or (Form.CSV if target.suffix.lower() == ".csv" else Form.JSONL)


def form_value(form: Form) -> Any:
    """What a request says."""
    return log.EXPORT_FORM_CSV if form is Form.CSV else log.EXPORT_FORM_JSONL


async def receive(pieces: AsyncIterator[Any], target: Path, output: Output) -> None:
    """Write a file from its pieces (messages of either API), and tell what it holds."""
    with _whole(target) as file:
        file.write(b" " * EXPORT_HEADER_BYTES)
        front = await _fill(pieces, file)
        if len(front) != EXPORT_HEADER_BYTES:
            raise Refused("FED-7043", "the export ended without its header")
        file.seek(0)
        file.write(front)
    _tell({"file": str(target)} | header_of(front).document(), output)
    if output is Output.TABLE:
        note(say("Check it anywhere with: recon verify FILE --key KEY"))


@contextmanager
def _whole(target: Path) -> Iterator[BinaryIO]:
    """A file that takes its name only when the block ends well and all of it is on the disk."""
    if target.exists():
        raise _exists(target)
    draft = target.with_name(f"{target.name}.part")
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, target)  # unlike a rename, it never replaces what somebody put there
        _sync(target.absolute().parent)
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError as error:
        raise Refused("FED-7044", f"{target} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _exists(target: Path) -> Conflict:
    return Conflict("FED-7044", f"{target} exists; it was left alone")


def check(
    source: Path, key: str, node_keys: Sequence[str] | None, own: Verifier | None, output: Output
) -> None:
    """Verify a file and tell what it holds; `own` is the key that this program has pinned."""
    exporter = read_key(key) if key else own
    if exporter is None:
        raise Refused("FED-7045", "the export's own word for its key proves nothing")
    pinned = [read_key(one) for one in node_keys or ()]
    try:
        with source.open("rb") as file:
            report = verify_export(file, exporter, pinned)
    except OSError as error:
        raise Refused("FED-5017", f"{source} cannot be read: {error.strerror}") from error
    if output is Output.TABLE:
        note(say("The export is genuine: bytes, signatures and journal proofs fit."))
    _tell(_found(source, report), output)


def read_key(text: str) -> Verifier:
    """A public key as text, or the first one of a file; Refused (FED-7045) otherwise."""
    if "+" not in text or Path(text).is_file():
        try:
            listed = Path(text).read_text("utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused("FED-7045", f"{text} is neither a key nor a file with one") from error
        text = next((word for word in listed if word.count("+") >= 2), "")
    return Verifier.parse(text)


async def _fill(pieces: AsyncIterator[Any], file: Any) -> bytes:
    front = b""
    size = 0
    with progress() as bars:
        bar = bars.add_task(say("Exporting"), total=None)
        async for answer in pieces:
            piece = answer.piece
            file.write(piece.data)
            size += len(piece.data)
            front = piece.header or front
            told = say("{rows} entries, {size}", rows=piece.rows, size=size_text(size))
            bars.update(bar, description=told)
    return front


def _tell(document: dict[str, Any], output: Output) -> None:
    """JSON holds the head itself; people see how long the exporter's journal was."""
    if output is Output.TABLE:
        origin, size = document["head"].split("\n")[:2]
        asked = json.dumps(document["filter"], ensure_ascii=False)
        document |= {"head": f"{origin}, {size}", "filter": asked}
    show(document, COLUMNS, output, name="file")


def _found(source: Path, report: Report) -> dict[str, Any]:
    return {
        "file": str(source),
        "valid": True,
        "journals": report.journals,
        "runs": report.runs,
        "rows": report.rows,
        **{
            name: value
            for name, value in report.header.document().items()
            if name not in ("type", "runs", "rows")
        },
    }


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
