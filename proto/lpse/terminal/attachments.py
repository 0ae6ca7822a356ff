"""Files that a command attaches to a decision, and reads back: as both programs do it.

Owns reading and writing these files. Rules: only a regular, readable file with a plain name is
read, at most as much of it as may be attached, and a pipe or a device is never opened for reading;
what was read back is written as a whole, never over another file, and only with the digest that the
journal names. Leaves out the way of the bytes between program and daemon.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import AsyncIterable, Iterator
from pathlib import Path
from typing import Final

import typer

from lpse.federation.errors import NotFound, Refused
from lpse.federation.limits import KIB, RESOLUTION_ATTACHMENT_BYTES_MAX
from lpse.federation.resolution_attachments import check_attachment_name, check_attachment_size
from lpse.federation.v1 import records_pb2 as records
from lpse.terminal.words import say

_PIECE_BYTES: Final = 256 * KIB


def read_attachment(path: Path) -> bytes:
    """The whole file; Refused (FED-7015) for what cannot be attached. Blocks."""
    check_attachment_name(path.name)
    try:
        # Without waiting: a pipe that nobody writes to must not hold the command up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - of a descriptor
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Refused("FED-7015", "the attachment is not a regular file")
            content = file.read(RESOLUTION_ATTACHMENT_BYTES_MAX + 1)
    except OSError as error:
        cause = error.strerror or type(error).__name__
        raise Refused("FED-7015", f"the attachment cannot be read: {cause}") from error
    check_attachment_size(len(content))
    return content


def pieces(content: bytes) -> Iterator[bytes]:
    """The content in messages' sizes."""
    for begin in range(0, len(content), _PIECE_BYTES):
        yield content[begin : begin + _PIECE_BYTES]


def check_stored(digest: bytes, content: bytes) -> None:
    """Refused (FED-7015) unless the daemon stored what was sent."""
    if digest != hashlib.sha256(content).digest():
        raise Refused("FED-7015", "other bytes were stored than were sent")


def check_target(out: Path) -> None:
    """A usage error where the file to write is there already."""
    if out.exists() or out.is_symlink():
        raise typer.BadParameter(say("{path} is there already", path=out), param_hint="--out")


def check_attached(record: records.ReconciliationResolved) -> None:
    """NotFound (FED-7015) where the decision has no attachment."""
    if not record.attachment_digest:
        raise NotFound("FED-7015", f"{record.resolution} has no attachment")


async def gathered(record: records.ReconciliationResolved, came: AsyncIterable[bytes]) -> bytes:
    """The attachment's bytes; Refused (FED-7034) for any that the journal does not name."""
    data = bytearray()
    async for piece in came:
        data += piece
        if len(data) > record.attachment_bytes:
            break
    if hashlib.sha256(data).digest() != record.attachment_digest:
        raise Refused("FED-7034", "the bytes that came have another digest than the journal says")
    return bytes(data)


def write_back(out: Path, content: bytes) -> None:
    """The file as a whole, and never over another one; a usage error where it cannot be. Blocks."""
    try:
        with out.open("xb") as file:
            try:
                file.write(content)
            except OSError:
                out.unlink(missing_ok=True)  # half of it would look like the whole
                raise
    except OSError as error:
        cause = error.strerror or type(error).__name__
        raise typer.BadParameter(
            say("{path} cannot be written: {cause}", path=out, cause=cause), param_hint="--out"
        ) from error
