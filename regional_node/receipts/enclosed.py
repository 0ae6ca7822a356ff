"""The signed text inside what people really hold: a print of it, its JSON form, a text once mailed.

Owns the ways out of these wrappings. Rule: only bytes that begin like a signed text come out, and
whoever gets them checks their signature as of any other; nothing else of the wrapping is believed.
Leaves out that check, and reading files. Pure.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from typing import Final

from lpse.federation.limits import ENCLOSED_STREAMS_MAX, TLOG_PROOF_BYTES_MAX
from lpse.federation.receipts import ATTEMPT_HEADER, RECEIPT_HEADER
from lpse.federation.tlog_proofs import TLOG_PROOF_HEADER

_HEADERS: Final = tuple(
    f"{header}\n".encode() for header in (RECEIPT_HEADER, ATTEMPT_HEADER, TLOG_PROOF_HEADER)
)
_LONGEST: Final = max(map(len, _HEADERS))
_BEGINNING_BYTES: Final = 4_096  # packed, of which the longest header certainly comes out
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_PRINT: Final = b"%PDF-"
_STREAM: Final = re.compile(rb"stream\r?\n")
# Copying from a print brings these along where a long word was broken.
_UNSEEN: Final = re.compile("[\u200b\u200c\u200d\u2060\ufeff]")


def is_signed(data: bytes) -> bool:
    """Whether it begins as a receipt, a proof of an attempt or a proof from the journal does."""
    return data.startswith(_HEADERS)


def enclosed(data: bytes) -> bytes | None:
    """The signed text that a print, a JSON form or a converted text file holds; else None."""
    if data.startswith(_PRINT):
        return next((text for text in _streams(data) if is_signed(text)), None)
    plain = data[: TLOG_PROOF_BYTES_MAX + 1].removeprefix(_BYTE_ORDER_MARK)
    if plain.lstrip().startswith(b"{"):
        return _from_json(data)
    # The signed texts hold no carriage return: mail programs and editors put them there.
    plain = plain.replace(b"\r\n", b"\n").lstrip(b"\n")
    return plain if is_signed(plain) else None


def copied(text: str) -> str:
    """A key or digest as it was before it was copied from a print."""
    return _UNSEEN.sub("", text).strip()


def _streams(data: bytes) -> Iterator[bytes]:
    for number, found in enumerate(_STREAM.finditer(data)):
        if number >= ENCLOSED_STREAMS_MAX:
            return
        rest = data[found.end() : found.end() + TLOG_PROOF_BYTES_MAX]
        if is_signed(rest):
            yield rest.partition(b"\nendstream")[0]
            continue
        try:
            if is_signed(zlib.decompressobj().decompress(rest[:_BEGINNING_BYTES], _LONGEST)):
                yield zlib.decompressobj().decompress(rest, TLOG_PROOF_BYTES_MAX + 1)
        except zlib.error:
            continue


def _from_json(data: bytes) -> bytes | None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    for field in ("proof", "receipt"):
        text = document.get(field)
        if isinstance(text, str) and is_signed(text.encode("utf-8", errors="replace")):
            return text.encode("utf-8", errors="replace")
    return None
