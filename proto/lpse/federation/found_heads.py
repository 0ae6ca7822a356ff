"""Signed heads inside whatever people hold: receipts, proofs, letters, saved pages, plain notes.

Owns the search for C2SP checkpoints in bytes of any kind and the comparison of what was found.
Rules: what is found is a claim until its writer's key has verified it; two verified heads of one
journal and size with different roots are two histories, whoever showed them. Pure. Leaves out
reading files and asking the centre.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    AUDITED_FILE_BYTES_MAX,
    ENCLOSED_STREAMS_MAX,
    HEADS_FOUND_MAX,
    TLOG_PROOF_BYTES_MAX,
)
from lpse.federation.notes import SIGNATURE_BYTES, Verifier, parse_note

_CHECKPOINT: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9.-]{0,126}[a-z0-9])?/[0-9a-f]{32})\n(?:0|[1-9][0-9]{0,18})\n"
    r"[A-Za-z0-9+/]{43}=\n\n(?:— [^ \n\"<\\]{1,128} [A-Za-z0-9+/=]{8,}(?:\n|(?=[\"<])|$))+"
)
_EXTRA: Final = re.compile(r"^extra ([A-Za-z0-9+/=]+)$", re.MULTILINE)
_STREAM: Final = re.compile(rb"stream\r?\n")
_PRINT: Final = b"%PDF-"
_NESTED_MAX: Final = 4  # a receipt with a checkpoint, in its JSON form, in a saved page
_ESCAPES: Final = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/])|(n)|(r))')


@dataclass(frozen=True, slots=True)
class FoundHead:
    """A head as somebody holds it: not verified yet. `note` is the checkpoint's text."""

    head: Head
    note: bytes
    place: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two heads with valid signatures that cannot both be true."""

    one: FoundHead
    other: FoundHead


def find_heads(data: bytes, place: str) -> list[FoundHead]:
    """Every distinct checkpoint in the bytes, in the order of their discovery."""
    found: dict[tuple[bytes, bytes], FoundHead] = {}
    for text in _texts(data[:AUDITED_FILE_BYTES_MAX]):
        for match in _CHECKPOINT.finditer(text):
            note = match[0].rstrip("\n") + "\n"
            head = _head(note.encode())
            if head is not None and len(found) < HEADS_FOUND_MAX:
                key = (head.text.encode(), head.signature)
                found.setdefault(key, FoundHead(head, note.encode(), place))
    return list(found.values())


def verified(found: FoundHead, keys: Mapping[str, Sequence[Verifier]]) -> bool:
    """Whether one of its writer's keys signed it."""
    for key in keys.get(found.head.party, ()):
        try:
            found.head.verify(key)
        except FederationError:
            continue
        return True
    return False


def contradictions(heads: Iterable[FoundHead]) -> list[Contradiction]:
    """Pairs of the same journal and size with different roots; the heads are verified."""
    first: dict[tuple[str, bytes, int], FoundHead] = {}
    pairs: list[Contradiction] = []
    for one in heads:
        key = (one.head.party, one.head.epoch, one.head.size)
        known = first.setdefault(key, one)
        if known.head.root != one.head.root:
            pairs.append(Contradiction(known, one))
    return pairs


def _head(data: bytes) -> Head | None:
    """The head of a checkpoint, with the signature of the party that it names."""
    try:
        note = parse_note(data)
        origin, size, root, _ = note.text.split("\n")
        party, _, epoch = origin.rpartition("/")
        signature = next(
            line.data
            for line in note.signatures
            if line.name == party and len(line.data) == SIGNATURE_BYTES
        )
        head = Head(party, bytes.fromhex(epoch), int(size), base64.b64decode(root), signature)
    except (FederationError, ValueError, StopIteration):
        return None
    return head if head.text == note.text else None


def _texts(data: bytes) -> Iterator[str]:
    """The bytes as text in every way in which a checkpoint may have been wrapped."""
    parts = [data, *_streams(data)] if data.startswith(_PRINT) else [data]
    for part in parts:
        text = part.decode("utf-8", errors="replace")
        for _ in range(_NESTED_MAX):
            yield from _forms(text)
            inner = _unescaped(text)
            if inner == text:
                break
            text = inner
        for match in _EXTRA.finditer(text):
            yield from _decoded(match[1])


def _forms(text: str) -> Iterator[str]:
    plain = text.replace("\r\n", "\n").removeprefix("\ufeff")
    yield plain
    if "&" in plain:
        yield html.unescape(plain)
    stripped = "\n".join(line.strip() for line in plain.split("\n"))
    if stripped != plain:
        yield stripped  # indented in a letter, or quoted


def _unescaped(text: str) -> str:
    """One layer of JSON's escapes undone."""

    def put(match: re.Match[str]) -> str:
        code, character, newline, _ = match.groups()
        if code is not None:
            return chr(int(code, 16))
        return character or ("\n" if newline else "")

    return _ESCAPES.sub(put, text)


def _decoded(encoded: str) -> Iterator[str]:
    try:
        inner = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return
    text = inner.decode("utf-8", errors="replace")
    yield text
    yield _unescaped(text)


def _streams(data: bytes) -> Iterator[bytes]:
    for number, found in enumerate(_STREAM.finditer(data)):
        if number >= ENCLOSED_STREAMS_MAX:
            return
        rest = data[found.end() :]
        try:
            yield zlib.decompressobj().decompress(rest, TLOG_PROOF_BYTES_MAX + 1)
        except zlib.error:
            yield rest[:TLOG_PROOF_BYTES_MAX].partition(b"\nendstream")[0]
