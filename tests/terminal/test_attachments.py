"""What a command attaches to a decision, and writes back, in either program."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import typer

from lpse.federation.errors import Refused
from lpse.federation.limits import RESOLUTION_ATTACHMENT_BYTES_MAX
from lpse.federation.v1 import records_pb2 as records
from lpse.terminal import attachments

LETTER = b"%PDF-1.7 " + bytes(range(256)) * 2_000
RECORD = records.ReconciliationResolved(
    resolution="resolutions/1",
    attachment_name="surat.pdf",
    attachment_digest=hashlib.sha256(LETTER).digest(),
    attachment_bytes=len(LETTER),
)


def test_a_plain_file_is_read_whole(tmp_path: Path) -> None:
    """Also through a link, and up to the limit exactly."""
    file, link = tmp_path / "surat 12.pdf", tmp_path / "link.pdf"
    file.write_bytes(LETTER)
    link.symlink_to(file)
    assert attachments.read_attachment(file) == attachments.read_attachment(link) == LETTER
    assert b"".join(attachments.pieces(LETTER)) == LETTER
    with file.open("wb") as large:
        large.truncate(RESOLUTION_ATTACHMENT_BYTES_MAX)
    assert len(attachments.read_attachment(file)) == RESOLUTION_ATTACHMENT_BYTES_MAX


@pytest.mark.parametrize(
    "name",
    [
        "missing",
        "empty",
        "folder",
        "pipe",
        "large",
        "a\nb",
        "\x1b[2J",
        "\udcff.pdf",
        "s" * 121,
        "..",
    ],
)
def test_what_cannot_be_attached_is_refused_at_once(tmp_path: Path, name: str) -> None:
    """A code and words; a pipe that nobody writes to holds nobody up."""
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(RESOLUTION_ATTACHMENT_BYTES_MAX + 1)
    for odd in ("a\nb", "\x1b[2J", "\udcff.pdf", "s" * 121):
        (tmp_path / odd).write_text("x", "utf-8")
    with pytest.raises(Refused, match="FED-7015"):
        attachments.read_attachment(tmp_path / name)


async def _came(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_only_the_bytes_that_the_journal_names_are_taken() -> None:
    """Neither a changed byte, nor fewer, nor more."""
    assert await attachments.gathered(RECORD, _came(LETTER[:9], LETTER[9:])) == LETTER
    for wrong in (LETTER[:-1] + b"!", LETTER[:-1], LETTER + b"!", b""):
        with pytest.raises(Refused, match="FED-7034"):
            await attachments.gathered(RECORD, _came(wrong))


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A file, or a link to nowhere, stays as it is; a folder that is not there is told."""
    out, link = tmp_path / "back.pdf", tmp_path / "link"
    attachments.check_target(out)
    attachments.write_back(out, LETTER)
    link.symlink_to(tmp_path / "elsewhere")
    for there in (out, link):
        with pytest.raises(typer.BadParameter):
            attachments.check_target(there)
        with pytest.raises(typer.BadParameter):
            attachments.write_back(there, b"other")
    assert out.read_bytes() == LETTER and not (tmp_path / "elsewhere").exists()
    with pytest.raises(typer.BadParameter):
        attachments.write_back(tmp_path / "no" / "folder", LETTER)
